"""
Records in one SQLite file: nothing to install, nothing to run.

WAL lets readers go on while the one write connection commits. synchronous=FULL makes each commit
durable before it is acknowledged; group commit pays for the fsync.
"""

import errno
import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO
from urllib.parse import quote, unquote, urlsplit

import orjson
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from chronologer.errors import (
    ConfigurationError,
    DiskFullError,
    InputError,
    QueryTimeoutError,
    SchemaError,
    StorageBusyError,
    StorageError,
    shown,
)
from chronologer.model import Record, instant
from chronologer.storage import schema
from chronologer.storage.builder import Row
from chronologer.storage.counters import Dialect
from chronologer.storage.listing import SLICE_SIZE, Place
from chronologer.storage.rows import insert_rows
from chronologer.storage.sql import SqlStorage, T, ids_of
from chronologer.storage.sqlite_render import SQLiteRenderer

PROGRESS = 100  # of SQLite's instructions between looks at the clock; one may scan a text
BUSY_TIMEOUT = 10  # seconds that a write waits for another process
SHORTEST_PAUSE, LONGEST_PAUSE = 1e-4, 2e-3  # seconds between looks whether it may


class SQLiteStorage(SqlStorage):
    """DSN: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``, percent-encoded."""

    dialect = Dialect(
        records_by_ts='record INDEXED BY record_ts',
        records_by_id='record NOT INDEXED',
        ts='ts',
        at=SQLiteRenderer.at,
        has_prefix='substr(name, 1, ?) = ?',
        then_counters='CROSS JOIN count_by_logger',
        add_to_n='ON CONFLICT DO UPDATE SET n = n + excluded.n',
        renderer=SQLiteRenderer(),
    )
    batch_errors = (
        sqlite3.DataError,
        sqlite3.IntegrityError,
        sqlite3.InterfaceError,
        OverflowError,
        TypeError,
        ValueError,
    )

    def __init__(self, dsn: str, query_timeout: float):
        super().__init__(query_timeout)
        self._path = _parse_path(dsn)
        self._readers: deque[sqlite3.Connection] = deque()
        self._writer: sqlite3.Connection | None = None
        self._write_lock = Lock()
        self._turns: IO[bytes] | None = None  # the file whose lock is the turn

    def take_ids(self, db: sqlite3.Connection, count: int) -> int:
        """AUTOINCREMENT remembers the highest id ever given; the transaction is exclusive."""
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
        db.execute(
            "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'record'"
            if row
            else "INSERT INTO sqlite_sequence (name, seq) VALUES ('record', ?)",
            (count,),
        )
        return row[0] + 1 if row else 1

    def find_logger(self, db: sqlite3.Connection, name: str) -> int | None:
        row = db.execute('SELECT id FROM logger WHERE name = ?', (name,)).fetchone()
        return row[0] if row else None

    def add_logger(self, db: sqlite3.Connection, name: str) -> int:
        id = db.execute('INSERT INTO logger (name) VALUES (?)', (name,)).lastrowid
        assert id is not None
        return id

    def insert_records(self, db: sqlite3.Connection, rows: Sequence[Row]) -> None:
        statement = 'INSERT INTO record (id, ts, level, logger, message, logrec)'
        insert_rows(db, statement, [row[:6] for row in rows])

    def _fetch_slice(self, places: Sequence[Place], whole: bool) -> tuple[list[Record], int]:
        records: list[Record] = []
        size = 0
        with self._reading() as db:
            rows = db.execute(
                f"""
                SELECT wanted.key, record.id, ts, name, level, message,
                       {'logrec' if whole else 'NULL'}
                FROM json_each(?) AS wanted
                CROSS JOIN record ON record.id = wanted.value
                CROSS JOIN logger ON logger.id = record.logger
                """,
                (orjson.dumps(ids_of(places)).decode(),),
            )
            for key, id, ts, name, level, message, logrec in rows:
                parsed = orjson.loads(logrec) if whole else None
                records.append(Record(instant(ts), name, level, message, parsed, id))
                size += len(name) + len(message) + len(logrec or '')
                if size > SLICE_SIZE:
                    rows.close()
                    return records, key + 1
        return records, len(places)

    # Connections and schema

    @contextmanager
    def _reading(self, one_moment: bool = True) -> Iterator[sqlite3.Connection]:
        """A read-only connection; a transaction costs nothing here."""
        with self._translated():
            try:
                db = self._readers.pop()
            except IndexError:
                db = self._connect('ro')
                db.execute('PRAGMA query_only = ON')
            try:
                deadline = time.monotonic() + self._query_timeout
                db.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS)
                db.execute('BEGIN')
                yield db
                db.set_progress_handler(None, 0)
                db.execute('COMMIT')
            except BaseException:
                db.close()
                raise
            self._readers.append(db)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The write connection in a transaction, which is durable once the block has ended."""
        with self._write_lock, self._translated(), self._turn():
            if self._writer is None:
                self._writer = self._connect('rw')
                self._writer.execute('PRAGMA journal_mode = WAL')
                self._writer.execute('PRAGMA synchronous = FULL')
            try:
                self._writer.execute('BEGIN IMMEDIATE')
                yield self._writer
                self._writer.execute('COMMIT')
            except BaseException:
                self._writer.close()
                self._writer = None
                self._insertion.forget()
                raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """
        Wait for our turn among the processes that write; its end lets the next one in.

        SQLite itself sleeps up to a tenth of a second between looks whether it may.
        """
        if self._turns is None:
            self._turns = open(f'{self._path}-turn', 'ab')  # noqa: SIM115
        deadline = time.monotonic() + BUSY_TIMEOUT
        pause = SHORTEST_PAUSE
        while not _try_lock(self._turns):
            if time.monotonic() > deadline:
                raise StorageBusyError(f'SQLite file {str(self._path)!r}: another process writes')
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        try:
            yield
        finally:
            fcntl.flock(self._turns, fcntl.LOCK_UN)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The driver's exceptions as ours."""
        try:
            yield
        except sqlite3.Error as ex:
            if str(ex) == 'parser stack overflow':
                raise InputError('query: nested too deeply for SQLite') from ex
            if str(ex) == 'interrupted':
                raise QueryTimeoutError(self._query_timeout) from ex
            raise _error_class(ex)(f'SQLite file {str(self._path)!r}: {ex}') from ex
        except OSError as ex:
            error = DiskFullError if ex.errno == errno.ENOSPC else StorageError
            raise error(f'SQLite file {str(self._path)!r}: {ex.strerror}') from ex

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f'file:{quote(str(self._path))}?mode={mode}',
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # transactions are ours to begin and end
            check_same_thread=False,
        )

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._writing() as db:
            return work(db)

    def migrate(self) -> None:
        with suppress(SchemaError):
            self.check()
            return
        with self._translated():
            uri = DatabaseURI('sqlite', None, None, None, None, quote(str(self._path)), {})
            backend = SQLiteBackend(uri, default_migration_table)
            backend.init_database()
            schema.apply_migrations('sqlite', backend)
        with self._writing():
            pass  # turns on WAL, which cannot be done inside of yoyo's transaction

    def check(self) -> None:
        applied: list[str] = []
        if os.path.exists(self._path):
            with self._reading() as db:
                exists = "SELECT 1 FROM sqlite_master WHERE name = '_yoyo_migration'"
                if db.execute(exists).fetchone():
                    applied = [id for (id,) in db.execute(schema.APPLIED)]
        try:
            schema.check_applied('sqlite', applied)
        except SchemaError as ex:
            raise SchemaError(f'SQLite file {str(self._path)!r}: {ex}') from ex

    def close(self) -> None:
        with self._write_lock:
            while self._readers:
                self._readers.pop().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self._turns is not None:
                self._turns.close()
                self._turns = None


def _error_class(ex: sqlite3.Error) -> type[StorageError]:
    """What SQLITE_BUSY and SQLITE_LOCKED, SQLITE_FULL and other codes mean to whoever writes."""
    if 'is locked' in str(ex):
        return StorageBusyError
    return DiskFullError if str(ex) == 'database or disk is full' else StorageError


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parse_path(dsn: str) -> Path:
    parts = urlsplit(dsn)
    path = unquote(parts.path)[1:]
    is_path = dsn.startswith('sqlite:///') and Path(path).name and '\0' not in path
    if not is_path or parts.query or parts.fragment:
        wanted = 'sqlite:///relative/path or sqlite:////absolute/path, with ? and # percent-encoded'
        raise ConfigurationError(f'storage DSN {shown(dsn)}: expected {wanted}')
    if path == ':memory:':
        raise ConfigurationError(f'storage DSN {dsn}: connections cannot share memory, name a file')
    try:
        return Path(path).absolute()
    except OSError as ex:
        raise ConfigurationError(f'storage DSN {dsn}: no working directory: {ex.strerror}') from ex
