"""Statements of SQLite on loggers and counters."""

from chronologer.storage.database import Connection
from chronologer.storage.sql.dialect import Dialect


class SQLiteDialect(Dialect):
    """Its transactions that write are exclusive."""

    has_prefix = 'substr(name, 1, ?) = ?'
    then_counters = 'CROSS JOIN count_by_logger'
    add_to_n = 'ON CONFLICT DO UPDATE SET n = n + excluded.n'

    def find_logger(self, db: Connection, name: str) -> int | None:
        row = db.execute('SELECT id FROM logger WHERE name = ?', (name,)).fetchone()
        return row[0] if row else None

    def add_logger(self, db: Connection, name: str) -> int:
        id = db.execute('INSERT INTO logger (name) VALUES (?)', (name,)).lastrowid
        assert id is not None
        return id
