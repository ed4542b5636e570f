"""
Statements of MySQL and MariaDB.

Each transaction that writes records first locks the row with the next id. So ids are in the order
of commits over all processes, and no two transactions update counters at the same time. Group
commit makes this cheap.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

from chronologer.errors import LimitError
from chronologer.model import instant
from chronologer.storage.database import Connection
from chronologer.storage.mysql.database import MySQLDatabase
from chronologer.storage.mysql.render import MySQLRenderer
from chronologer.storage.sql.dialect import Row, RowDialect

OVERHEAD = 4096  # bytes of an INSERT of one row, besides message and logrec
ESCAPED = re.compile(r"""[\0\n\r\x1a\\'"]""")


class MySQLDialect(RowDialect):
    """Of a database, whose server has a limit for the size of statements."""

    renderer = MySQLRenderer()
    records_by_ts = 'record FORCE INDEX (record_ts)'
    records_by_id = 'record FORCE INDEX (PRIMARY)'
    ts = "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', ts)"
    at = MySQLRenderer.at
    # As bytes, because trailing spaces mean nothing to a comparison of texts.
    has_prefix = 'CAST(LEFT(name, ?) AS BINARY) = CAST(? AS BINARY)'
    then_counters = 'STRAIGHT_JOIN count_by_logger FORCE INDEX (PRIMARY)'
    add_to_n = 'ON DUPLICATE KEY UPDATE n = n + VALUES(n)'

    def __init__(self, database: MySQLDatabase):
        self._database = database
        self.batch_errors = (
            database.driver.DataError,
            database.driver.IntegrityError,
            LimitError,
            OverflowError,
            TypeError,
            ValueError,
        )

    def take_ids(self, db: Connection, count: int) -> int:
        next_id = db.execute('UPDATE next_id SET id = LAST_INSERT_ID(id + ?)', (count,)).lastrowid
        assert next_id is not None
        return next_id - count

    def find_logger(self, db: Connection, name: str) -> int | None:
        row = db.execute('SELECT id FROM logger WHERE hash = ?', (_hash(name),)).fetchone()
        return row[0] if row else None

    def add_logger(self, db: Connection, name: str) -> int:
        insert = 'INSERT INTO logger (hash, name) VALUES (?, ?)'
        id = db.execute(insert, (_hash(name), name)).lastrowid
        assert id is not None
        return id

    def insert_records(self, db: Connection, rows: Sequence[Row]) -> None:
        for row in rows:
            self._check_size(row)
        db.executemany(
            """
            INSERT INTO record (id, ts, level, logger, message, logrec)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [(row[0], instant(row[1]).replace(tzinfo=None), *row[2:6]) for row in rows],
        )

    def _check_size(self, row: Row) -> None:
        *_, message, logrec, _ = row
        max_packet = self._database.max_packet
        if (len(message) + len(logrec)) * 8 > max_packet - OVERHEAD:
            size = _escaped_size(message) + _escaped_size(logrec) + OVERHEAD
            if size > max_packet:
                limit = f'max_allowed_packet of the database is {max_packet:,}'
                raise LimitError(f'a record requires a statement of {size:,} bytes, {limit}')


def _hash(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()


def _escaped_size(text: str) -> int:
    return len(text.encode()) + len(ESCAPED.findall(text))
