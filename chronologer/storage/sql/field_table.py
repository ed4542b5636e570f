"""The table ``field``: names of fields, as a query has them, with their types."""

from chronologer.storage import MAX_FIELDS, FieldTypes
from chronologer.storage.database import Connection
from chronologer.storage.fields import Fields
from chronologer.storage.sql.bulk import insert_rows


class FieldTable:
    """Adds fields; caches those that are there."""

    def __init__(self) -> None:
        self._stored: Fields = set()

    def add(self, db: Connection, fields: Fields) -> None:
        """Insert *fields* that are not there yet, up to the limit."""
        if fields <= self._stored:
            return
        self._stored = read_fields(db)
        new = sorted(fields - self._stored)[: MAX_FIELDS - len(self._stored)]
        rows = [(name.encode(), type) for name, type in new]
        insert_rows(db, 'INSERT INTO field (name, type)', rows)
        self._stored.update(new)

    def clear(self) -> None:
        """Drop the cache, because a transaction was undone."""
        self._stored = set()


def read_fields(db: Connection) -> Fields:
    """Return the fields in the table."""
    rows = db.execute('SELECT name, type FROM field').fetchall()
    return {(bytes(name).decode(), type) for name, type in rows}


def types_of(stored: Fields, new: Fields) -> FieldTypes:
    """Return fields with their types: the stored ones, and new ones up to the limit."""
    fields = stored | set(sorted(new - stored)[: MAX_FIELDS - len(stored)])
    types: FieldTypes = {}
    for name, type in sorted(fields):
        types.setdefault(name, set()).add(type)
    return types
