"""
Records in one SQLite file: nothing to install, nothing to run.

WAL lets readers go on while the one write connection commits. synchronous=FULL makes each commit
durable before it is acknowledged; group commit pays for the fsync.
"""

import sqlite3
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from chronologer.errors import (
    ConfigurationError,
    SchemaError,
    StorageBusyError,
    StorageError,
    shown,
)
from chronologer.model import BUCKET, MICROSECOND, Filter, Record, instant, microseconds
from chronologer.storage import Batch, Outcome, Storage, schema
from chronologer.storage import sqlite_counters as counters
from chronologer.storage.bucket import BUCKET_MICROSECONDS, Range, split, time_range
from chronologer.storage.sqlite_counters import condition

BUSY_TIMEOUT = 10  # seconds that a write waits for another process
SLICE_RECORDS, SLICE_SIZE = 500, 2**20  # rows, and characters after which a slice ends
PURGE_SLICE = 2000  # records deleted in one transaction
MAX_CACHED_LOGGERS, MAX_CACHED_NAME = 10_000, 200  # entries, characters

# What a batch brings upon itself; anything else fails the transaction.
BATCH_ERRORS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    OverflowError,
    TypeError,
    ValueError,
)


class SQLiteStorage(Storage):
    """DSN: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``, percent-encoded."""

    def __init__(self, dsn: str):
        self._path = _parse_path(dsn)
        self._readers: deque[sqlite3.Connection] = deque()
        self._writer: sqlite3.Connection | None = None
        self._write_lock = Lock()
        self._loggers: dict[str, int] = {}  # ids by name, of committed rows only

    # Writing

    def insert(self, batches: Sequence[Batch]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        counts: Counter[tuple[int, int, int]] = Counter()
        with self._writing() as db:
            next_id = _last_id(db) + 1
            for batch in batches:
                outcome = self._insert_batch(db, batch, next_id, counts)
                outcomes.append(outcome)
                next_id += len(outcome) if isinstance(outcome, list) else 0
            counters.add(db, counts)
        return outcomes

    def _insert_batch(
        self, db: sqlite3.Connection, batch: Batch, first_id: int, counts: Counter[Any]
    ) -> Outcome:
        db.execute('SAVEPOINT batch')
        try:
            rows = [
                (
                    first_id + index,
                    microseconds(record.ts),
                    record.level,
                    self._logger_id(db, record.name),
                    record.message,
                    orjson.dumps(record.logrec or {}).decode(),
                )
                for index, record in enumerate(batch)
            ]
            db.executemany(
                """
                INSERT INTO record (id, ts, level, logger, message, logrec)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                rows,
            )
        except BATCH_ERRORS as ex:
            db.execute('ROLLBACK TO batch')
            self._loggers.clear()
            return StorageError(f'SQLite cannot store the batch: {ex}')
        finally:
            db.execute('RELEASE batch')
        counts.update(
            (logger, ts // BUCKET_MICROSECONDS, level) for _, ts, level, logger, *_ in rows
        )
        return [row[0] for row in rows]

    def _logger_id(self, db: sqlite3.Connection, name: str) -> int:
        id = self._loggers.get(name)
        if id is not None:
            return id
        row = db.execute('SELECT id FROM logger WHERE name = ?', (name,)).fetchone()
        if row is None:
            insert = 'INSERT INTO logger (name) VALUES (?) RETURNING id'
            row = db.execute(insert, (name,)).fetchone()
        if len(name) <= MAX_CACHED_NAME:
            if len(self._loggers) >= MAX_CACHED_LOGGERS:
                self._loggers.clear()
            self._loggers[name] = row[0]
        return int(row[0])

    def purge(self, before: datetime, filter: Filter) -> int:
        span = time_range(filter)
        span = Range(span.low, min(span.high, microseconds(before) - 1))
        purged = 0
        while count := self._purge_slice(span, filter):
            purged += count
        return purged

    def _purge_slice(self, span: Range, filter: Filter) -> int:
        where, parameters = condition(filter)
        with self._writing() as db:
            rows = db.execute(
                f"""
                SELECT id, ts, level, logger FROM record INDEXED BY record_ts
                WHERE ts BETWEEN ? AND ? {where}
                ORDER BY ts, id
                LIMIT ?
                """,
                [span.low, span.high, *parameters, PURGE_SLICE],
            ).fetchall()
            db.executemany('DELETE FROM record WHERE id = ?', [(id,) for id, *_ in rows])
            counts = Counter(
                (logger, ts // BUCKET_MICROSECONDS, level) for _, ts, level, logger in rows
            )
            counters.subtract(db, counts)
        return len(rows)

    # Reading

    def get(self, id: int) -> Record | None:
        with self._reading() as db:
            row = db.execute(
                """
                SELECT ts, name, level, message, logrec
                FROM record JOIN logger ON logger.id = record.logger
                WHERE record.id = ?
                """,
                (id,),
            ).fetchone()
        if row is None:
            return None
        ts, name, level, message, logrec = row
        return Record(instant(ts), name, level, message, orjson.loads(logrec), id)

    def range(self, filter: Filter, left: int, right: int) -> Iterator[Record]:
        where, parameters = condition(filter)
        with self._reading() as db:
            span, offset = counters.narrow(db, filter, left, right)
            ids = db.execute(
                f"""
                SELECT id FROM record INDEXED BY record_ts
                WHERE ts BETWEEN ? AND ? {where}
                ORDER BY ts DESC, id DESC
                LIMIT ? OFFSET ?
                """,
                [span.low, span.high, *parameters, right - left + 1, offset],
            ).fetchall()
        return self._fetch([id for (id,) in ids])

    def since(self, id: int, filter: Filter, limit: int) -> Iterator[Record]:
        span = time_range(filter)
        where, parameters = condition(filter)
        with self._reading() as db:
            ids = db.execute(
                f"""
                SELECT id FROM record NOT INDEXED
                WHERE id > ? AND ts BETWEEN ? AND ? {where}
                ORDER BY id
                LIMIT ?
                """,
                [id, span.low, span.high, *parameters, limit],
            ).fetchall()
        return self._fetch([id for (id,) in ids])

    def _fetch(self, ids: list[int]) -> Iterator[Record]:
        position = 0
        while position < len(ids):
            records, taken = self._fetch_slice(ids[position : position + SLICE_RECORDS])
            yield from records
            position += taken

    def _fetch_slice(self, ids: list[int]) -> tuple[list[Record], int]:
        """Fetch records in the order of *ids*; the second value tells how many ids were used up."""
        records: list[Record] = []
        size = 0
        with self._reading() as db:
            rows = db.execute(
                """
                SELECT wanted.key, record.id, ts, name, level, message
                FROM json_each(?) AS wanted
                CROSS JOIN record ON record.id = wanted.value
                CROSS JOIN logger ON logger.id = record.logger
                """,
                (orjson.dumps(ids).decode(),),
            )
            for key, id, ts, name, level, message in rows:
                records.append(Record(instant(ts), name, level, message, id=id))
                size += len(name) + len(message)
                if size > SLICE_SIZE:
                    rows.close()
                    return records, key + 1
        return records, len(ids)

    def count(self, filter: Filter) -> int:
        part = split(time_range(filter))
        with self._reading() as db:
            count = counters.total(db, filter, part.first, part.last)
            return count + sum(counters.count_rows(db, filter, edge) for edge in part.edges)

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        part = split(time_range(filter))
        edges = part.edges
        counts: Counter[tuple[int, int]] = Counter()
        with self._reading() as db:
            if step % BUCKET:
                edges = [time_range(filter)]
            else:
                counts.update(counters.steps(db, filter, part.first, part.last, step // BUCKET))
            for edge in edges:
                counts.update(counters.count_steps(db, filter, edge, step // MICROSECOND))
        return [(instant(start), level, n) for (start, level), n in sorted(counts.items())]

    # Connections and schema

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection in a transaction, so that what is read is of one moment."""
        with self._translated():
            try:
                db = self._readers.pop()
            except IndexError:
                db = self._connect('ro')
                db.execute('PRAGMA query_only = ON')
            try:
                db.execute('BEGIN')
                yield db
                db.execute('COMMIT')
            except BaseException:
                db.close()
                raise
            self._readers.append(db)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The write connection in a transaction, which is durable once the block has ended."""
        with self._write_lock, self._translated():
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
                self._loggers.clear()
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The driver's exceptions as ours; SQLITE_BUSY and SQLITE_LOCKED mean: try again."""
        try:
            yield
        except sqlite3.Error as ex:
            error = StorageBusyError if 'is locked' in str(ex) else StorageError
            raise error(f'SQLite file {str(self._path)!r}: {ex}') from ex

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f'file:{quote(str(self._path))}?mode={mode}',
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # transactions are ours to begin and end
            check_same_thread=False,
        )

    def migrate(self) -> None:
        with self._translated():
            uri = DatabaseURI('sqlite', None, None, None, None, quote(str(self._path)), {})
            backend = SQLiteBackend(uri, default_migration_table)
            backend.init_database()
            schema.apply_migrations('sqlite', backend)
        with self._writing():
            pass  # turns on WAL, which cannot be done inside of yoyo's transaction

    def check(self) -> None:
        applied: list[str] = []
        if self._path.exists():
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


def _parse_path(dsn: str) -> Path:
    parts = urlsplit(dsn)
    path = unquote(parts.path)[1:]
    is_path = dsn.startswith('sqlite:///') and Path(path).name and '\0' not in path
    if not is_path or parts.query or parts.fragment:
        wanted = 'sqlite:///relative/path or sqlite:////absolute/path, with ? and # percent-encoded'
        raise ConfigurationError(f'storage DSN {shown(dsn)}: expected {wanted}')
    if path == ':memory:':
        raise ConfigurationError(f'storage DSN {dsn}: connections cannot share memory, name a file')
    return Path(path).absolute()


def _last_id(db: sqlite3.Connection) -> int:
    """The highest id ever given, purged records included."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
    return row[0] if row else 0
