"""
Records in MySQL or MariaDB, compressed by InnoDB.

Each transaction that writes records first locks the row that gives out ids. So ids are in the
order of commits over all processes, and no two update counters at the same time; group commit pays
for it.
"""

import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import blake2b
from threading import Lock
from typing import Any

import orjson
from yoyo.backends.core.mysql import MySQLBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from chronologer.errors import (
    DiskFullError,
    InputError,
    LimitError,
    QueryTimeoutError,
    SchemaError,
    StorageBusyError,
    StorageError,
)
from chronologer.model import Record, instant
from chronologer.storage import schema
from chronologer.storage.builder import Row
from chronologer.storage.counters import Dialect
from chronologer.storage.listing import SLICE_SIZE, Place
from chronologer.storage.mysql_dsn import parse_dsn
from chronologer.storage.mysql_render import MySQLRenderer
from chronologer.storage.sql import SqlStorage, T, ids_of

ATTEMPTS = 5  # at a transaction that another one, or a lost connection, has undone
MIN_PACKET = 2**20  # bytes; a block of the search index has half of that, before escapes
LARGE = SLICE_SIZE // 50  # bytes of a record that is fetched by itself
OVERHEAD = 4096  # bytes of an INSERT of one row, besides message and logrec

MINIMUM = {'MySQL': (8, 0, 17), 'MariaDB': (10, 6)}  # MySQL: CAST(… AS DOUBLE), in queries

# Error codes, from the reference manuals' lists of server and client errors.
UNDONE = {1205, 1213}  # lock wait timeout, deadlock
LOST = {
    0,  # the driver knows that the connection is closed
    1053,  # server shutdown in progress
    1927,  # connection was killed (MariaDB)
    2006,  # server has gone away
    2013,  # lost connection during query
    2055,  # lost connection, with the system's error
    3169,  # session was killed
    4031,  # disconnected by the server because of inactivity
}
AWAY = {
    1040,  # too many connections
    1158, 1159, 1160, 1161,  # network errors and timeouts
    1203, 1226,  # more connections than the user may have
    1290, 1836,  # read-only
    2002, 2003,  # cannot connect
}  # fmt: skip
TIMED_OUT = {1969, 3024}  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
FULL = {1021, 1114}  # disk full, the table is full
OUT_OF_RANGE = 1690
NO_SUCH_TABLE = 1146

ESCAPED = re.compile(r"""[\0\n\r\x1a\\'"]""")


class MySQLStorage(SqlStorage):
    """DSN: see `chronologer.storage.mysql_dsn`."""

    dialect = Dialect(
        records_by_ts='record FORCE INDEX (record_ts)',
        records_by_id='record FORCE INDEX (PRIMARY)',
        ts="TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', ts)",
        at=MySQLRenderer.at,
        # As bytes, because trailing spaces mean nothing to a comparison of texts.
        has_prefix='CAST(LEFT(name, ?) AS BINARY) = CAST(? AS BINARY)',
        then_counters='STRAIGHT_JOIN count_by_logger FORCE INDEX (PRIMARY)',
        add_to_n='ON DUPLICATE KEY UPDATE n = n + VALUES(n)',
        renderer=MySQLRenderer(),
    )

    def __init__(self, dsn: str, query_timeout: float):
        super().__init__(query_timeout)
        self._driver, self._options = parse_dsn(dsn)
        self.batch_errors = (
            self._driver.DataError,
            self._driver.IntegrityError,
            LimitError,
            OverflowError,
            TypeError,
            ValueError,
        )
        self._readers: deque[Connection] = deque()
        self._writer: Connection | None = None
        self._write_lock = Lock()
        self._max_packet = 0  # bytes, once the write connection is open

    def take_ids(self, db: 'Connection', count: int) -> int:
        update = 'UPDATE next_id SET id = LAST_INSERT_ID(id + ?)'
        return int(db.execute(update, (count,)).lastrowid) - count

    def find_logger(self, db: 'Connection', name: str) -> int | None:
        row = db.execute('SELECT id FROM logger WHERE hash = ?', (_hash(name),)).fetchone()
        return row[0] if row else None

    def add_logger(self, db: 'Connection', name: str) -> int:
        insert = 'INSERT INTO logger (hash, name) VALUES (?, ?)'
        return int(db.execute(insert, (_hash(name), name)).lastrowid)

    def insert_records(self, db: 'Connection', rows: Sequence[Row]) -> None:
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
        if (len(message) + len(logrec)) * 8 > self._max_packet - OVERHEAD:
            size = _escaped_size(message) + _escaped_size(logrec) + OVERHEAD
            if size > self._max_packet:
                limit = f'max_allowed_packet of the database is {self._max_packet:,}'
                raise LimitError(f'a record takes a statement of {size:,} bytes, {limit}')

    def _fetch_slice(self, places: Sequence[Place], whole: bool) -> tuple[list[Record], int]:
        """Leave out what is large: a result is in memory as a whole."""
        rows = self._fetch_rows(places, whole, LARGE)
        records: list[Record] = []
        for position, place in enumerate(places):
            _, id = place
            record = rows.get(id)
            if record is not None:
                records.append(record)
            elif id in rows:
                if records:
                    return records, position
                alone = self._fetch_rows([place], whole, sys.maxsize).get(id)
                return [alone] if alone else [], 1
        return records, len(places)

    def _fetch_rows(
        self, places: Sequence[Place], whole: bool, limit: int
    ) -> dict[int, Record | None]:
        """Records by id; None for those of more bytes than *limit*."""
        ids = ids_of(places)
        size = 'OCTET_LENGTH(name) + OCTET_LENGTH(message)'
        if whole:
            size += ' + OCTET_LENGTH(logrec)'
        with self._reading(one_moment=False) as db:
            rows = db.execute(
                f"""
                SELECT record.id, {self.dialect.ts}, level, {size} > ?,
                       CASE WHEN {size} <= ? THEN name END,
                       CASE WHEN {size} <= ? THEN message END,
                       {f'CASE WHEN {size} <= ? THEN logrec END' if whole else 'NULL'}
                FROM record JOIN logger ON logger.id = record.logger
                WHERE record.id IN ({', '.join('?' * len(ids))})
                """,
                [*[limit] * (4 if whole else 3), *ids],
            )
            return {
                id: None
                if is_large
                else Record(
                    instant(ts), name, level, message, orjson.loads(logrec) if whole else None, id
                )
                for id, ts, level, is_large, name, message, logrec in rows.fetchall()
            }

    # Connections and schema

    def _write(self, work: Callable[['Connection'], T]) -> T:
        """
        Repeat the transaction only where it cannot have happened.

        That is when the engine has undone it, or the connection was lost before COMMIT was sent.
        """
        with self._write_lock, self._translated():
            for attempt in range(ATTEMPTS):
                db = self._open_writer()
                is_committing = False
                try:
                    db.execute('START TRANSACTION')
                    result = work(db)
                    is_committing = True
                    db.commit()
                    return result
                except BaseException as ex:
                    self._drop_writer()
                    is_undone = _code(ex) in UNDONE or (_code(ex) in LOST and not is_committing)
                    if not is_undone or attempt == ATTEMPTS - 1:
                        raise
        raise AssertionError

    def _open_writer(self) -> 'Connection':
        if self._writer is None:
            db = self._connect()
            (self._max_packet,) = db.execute('SELECT @@max_allowed_packet').fetchone()
            self._writer = db
        return self._writer

    def _drop_writer(self) -> None:
        """Closing undoes what is not committed; names cached meanwhile may have no row."""
        self._insertion.forget()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @contextmanager
    def _reading(self, one_moment: bool = True) -> Iterator['Connection']:
        with self._translated():
            db = self._take_reader()
            try:
                if one_moment:
                    db.execute('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
                yield db
                if one_moment:
                    db.commit()
            except BaseException:
                db.close()
                raise
            self._readers.append(db)

    def _take_reader(self) -> 'Connection':
        """An idle connection that is still alive, or a new one."""
        while self._readers:
            db = self._readers.pop()
            if db.is_alive():
                return db
            db.close()
        db = self._connect()
        db.limit_time(self._query_timeout)
        db.execute('SET SESSION TRANSACTION READ ONLY')
        db.execute('SET autocommit = 1')  # for statements outside of a transaction
        return db

    def _connect(self) -> 'Connection':
        return Connection(self._driver.connect(**self._options), self._driver)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The driver's exceptions as ours."""
        try:
            yield
        except self._driver.Error as ex:
            if _code(ex) == OUT_OF_RANGE:
                raise InputError('query: a calculation exceeds 64-bit floats') from ex
            if _code(ex) in TIMED_OUT:
                raise QueryTimeoutError(self._query_timeout) from ex
            raise _error_class(ex)(f'database: {ex}') from ex

    def migrate(self) -> None:
        self._check_server()
        with self._translated():
            backend = _Backend(self._driver, self._options)
            backend.init_database()
            schema.apply_migrations('mysql', backend)

    def check(self) -> None:
        self._check_server()
        applied: list[str] = []
        try:
            with self._reading() as db:
                applied = [id for (id,) in db.execute(schema.APPLIED).fetchall()]
        except StorageError as ex:
            if _code(ex.__cause__) != NO_SUCH_TABLE:
                raise
        schema.check_applied('mysql', applied)

    def _check_server(self) -> None:
        with self._reading() as db:
            text, packet = db.execute('SELECT VERSION(), @@max_allowed_packet').fetchone()
        product = 'MariaDB' if 'MariaDB' in text else 'MySQL'
        version = tuple(map(int, re.findall(r'\d+', text)[:3]))
        if version < MINIMUM[product]:
            wanted = '.'.join(map(str, MINIMUM[product]))
            raise SchemaError(f'{product} {text} is too old, Chronologer needs {wanted} or later')
        if packet < MIN_PACKET:
            wanted = f'Chronologer needs {MIN_PACKET:,} bytes at least'
            raise SchemaError(f'max_allowed_packet of the database is {packet:,}, {wanted}')

    def close(self) -> None:
        with self._write_lock:
            while self._readers:
                self._readers.pop().close()
            self._drop_writer()


class Connection:
    """A driver's connection that takes our statements."""

    def __init__(self, connection: Any, driver: Any):
        self._connection = connection
        self._driver = driver
        self.execute('SET NAMES utf8mb4 COLLATE utf8mb4_bin')
        self.execute(
            """
            SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
                        time_zone = '+00:00'
            """
        )

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(_translate(statement), tuple(parameters))
        return cursor

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._connection.cursor().executemany(_translate(statement), rows)

    def limit_time(self, seconds: float) -> None:
        """End any SELECT that takes longer."""
        (version,) = self.execute('SELECT VERSION()').fetchone()
        if 'MariaDB' in version:
            self.execute('SET SESSION max_statement_time = ?', (seconds,))
        else:
            self.execute('SET SESSION MAX_EXECUTION_TIME = ?', (int(seconds * 1000),))

    def commit(self) -> None:
        self._connection.commit()

    def is_alive(self) -> bool:
        try:
            self._connection.ping()
        except self._driver.Error:
            return False
        return True

    def close(self) -> None:
        with suppress(self._driver.Error):  # the driver has closed it when it was lost
            self._connection.close()


class _Backend(MySQLBackend):  # type: ignore[misc]
    """yoyo on connections of our own making: it knows neither all options nor both drivers."""

    def __init__(self, driver: Any, options: dict[str, Any]):
        self._driver = driver
        self._options = options
        uri = DatabaseURI('mysql', None, None, None, None, options['database'], {})
        super().__init__(uri, default_migration_table)

    def connect(self, dburi: DatabaseURI) -> Any:
        return self._driver.connect(**self._options)

    def copy(self) -> '_Backend':
        return _Backend(self._driver, self._options)


@lru_cache
def _translate(statement: str) -> str:
    """Both drivers mark a parameter by %s."""
    return statement.replace('%', '%%').replace('?', '%s')


def _error_class(ex: BaseException) -> type[StorageError]:
    if _code(ex) in FULL:
        return DiskFullError
    return StorageBusyError if _code(ex) in UNDONE | LOST | AWAY else StorageError


def _code(ex: BaseException | None) -> int | None:
    """The error code that a driver's exception carries."""
    args = getattr(ex, 'args', ())
    return args[0] if args and isinstance(args[0], int) else None


def _hash(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()


def _escaped_size(text: str) -> int:
    return len(text.encode()) + len(ESCAPED.findall(text))
