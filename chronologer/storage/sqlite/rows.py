"""
SQLite files of earlier versions, which had a row for each record: to copy them.

The development versions of 1.0.0 wrote them until November 2026.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from chronologer.errors import SchemaError
from chronologer.model import Filter, Record, instant
from chronologer.storage.sqlite.database import SQLiteDatabase, applied_migrations, has_rows

SLICE = 500  # records that are read at a time


class RowFile:
    """The part of `Storage` that a copy needs of its source."""

    def __init__(self, path: Path, query_timeout: float):
        self._database = SQLiteDatabase(path, query_timeout)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether there is such a file."""
        if not path.exists():
            return False
        database = SQLiteDatabase(path, 10)
        try:
            with database.read() as db:
                return has_rows(applied_migrations(db))
        finally:
            database.close()

    def check(self) -> None:
        """Make sure that it is such a file."""
        with self._database.read() as db:
            if not has_rows(applied_migrations(db)):
                raise SchemaError(f'SQLite file {str(self._database.path)!r} has no rows')

    def last_id(self) -> int:
        """Return the highest id, or 0."""
        return int(self._one('SELECT coalesce(max(id), 0) FROM record'))

    def count(self, filter: Filter) -> int:
        """Count all records; filters are not supported."""
        assert filter == Filter()
        return int(self._one('SELECT count(*) FROM record'))

    def get(self, id: int) -> Record | None:
        """Return a record, or None if it does not exist."""
        return next((record for record in self._after(id - 1, 1) if record.id == id), None)

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        """Yield the records after *id*, oldest first by id; filters are not supported."""
        assert filter == Filter()
        assert whole
        for read in count(0, SLICE):
            records = self._after(id, min(SLICE, limit - read)) if read < limit else []
            if not records:
                return
            yield from records
            id = records[-1].id or 0

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> 'RowFile':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _one(self, statement: str) -> Any:
        with self._database.read() as db:
            return db.execute(statement).fetchone()[0]

    def _after(self, id: int, limit: int) -> list[Record]:
        with self._database.read() as db:
            rows = db.execute(
                """
                SELECT record.id, ts, name, level, message, logrec
                FROM record CROSS JOIN logger ON logger.id = record.logger
                WHERE record.id > ?
                ORDER BY record.id
                LIMIT ?
                """,
                (id, limit),
            ).fetchall()
        return [
            Record(instant(ts), name, level, message, orjson.loads(logrec), id)
            for id, ts, name, level, message, logrec in rows
        ]
