"""Statements of SQLite."""

import sqlite3
from collections.abc import Sequence

from chronologer.storage.database import Connection
from chronologer.storage.sql.bulk import insert_rows
from chronologer.storage.sql.dialect import Row, RowDialect
from chronologer.storage.sqlite.render import SQLiteRenderer


class SQLiteDialect(RowDialect):
    """Its transactions that write are exclusive."""

    renderer = SQLiteRenderer()
    records_by_ts = 'record INDEXED BY record_ts'
    records_by_id = 'record NOT INDEXED'
    ts = 'ts'
    at = SQLiteRenderer.at
    has_prefix = 'substr(name, 1, ?) = ?'
    then_counters = 'CROSS JOIN count_by_logger'
    add_to_n = 'ON CONFLICT DO UPDATE SET n = n + excluded.n'
    batch_errors = (
        sqlite3.DataError,
        sqlite3.IntegrityError,
        sqlite3.InterfaceError,
        OverflowError,
        TypeError,
        ValueError,
    )

    def take_ids(self, db: Connection, count: int) -> int:
        """AUTOINCREMENT keeps the highest id that was ever given."""
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
        db.execute(
            "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'record'"
            if row
            else "INSERT INTO sqlite_sequence (name, seq) VALUES ('record', ?)",
            (count,),
        )
        return row[0] + 1 if row else 1

    def find_logger(self, db: Connection, name: str) -> int | None:
        row = db.execute('SELECT id FROM logger WHERE name = ?', (name,)).fetchone()
        return row[0] if row else None

    def add_logger(self, db: Connection, name: str) -> int:
        id = db.execute('INSERT INTO logger (name) VALUES (?)', (name,)).lastrowid
        assert id is not None
        return id

    def insert_records(self, db: Connection, rows: Sequence[Row]) -> None:
        statement = 'INSERT INTO record (id, ts, level, logger, message, logrec)'
        insert_rows(db, statement, [row[:6] for row in rows])
