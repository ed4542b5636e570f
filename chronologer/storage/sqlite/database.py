"""
A SQLite file.

WAL lets readers go on while a transaction commits. synchronous=FULL makes each commit durable
before it is acknowledged; group commit pays for the fsync.
"""

import errno
import logging
import os
import sqlite3
import time
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from chronologer.errors import (
    ChronologerError,
    ConfigurationError,
    DiskFullError,
    QueryTimeoutError,
    SchemaError,
    StorageBusyError,
    StorageError,
    shown,
)
from chronologer.storage import schema
from chronologer.storage.database import Connection, Database
from chronologer.storage.shown import shown_dsn
from chronologer.storage.sqlite import full_disk
from chronologer.storage.sqlite.file import FileConnection, FileId, file_id
from chronologer.storage.sqlite.lock import WriteLock

PROGRESS = 100  # instructions of SQLite between reads of the clock; one may scan a text
ROWS = '20261122_01_record'  # the migration of earlier versions
BUSY_TIMEOUT = 10  # seconds that a write waits for another process
OPTIONS: dict[str, Any] = {
    'isolation_level': None,  # transactions are begun and ended by statements
    'check_same_thread': False,
}

log = logging.getLogger('chronologer')


class SQLiteDatabase(Database[FileConnection]):
    """A file, which `migrate` creates."""

    begin = 'BEGIN IMMEDIATE'
    begin_snapshot = 'BEGIN'
    errors = (sqlite3.Error, OSError)

    def __init__(self, path: Path, query_timeout: float):
        super().__init__(query_timeout)
        self.path = path
        self._lock = WriteLock(Path(f'{path}-lock'))
        self._written: FileId | None = None  # the file of the writing connection
        self._is_full = False  # the disk, when the file was last opened to read

    def migrate(self) -> None:
        with suppress(SchemaError):
            self.check()
            return
        self._refuse_rows(self._applied())
        with self._translated():
            self._prepare_to_shrink()
            uri = DatabaseURI('sqlite', None, None, None, None, quote(str(self.path)), {})
            backend = SQLiteBackend(uri, default_migration_table)
            backend.init_database()
            schema.apply_migrations(schema.RECORDS / 'sqlite', backend)
        # A connection that writes turns on WAL, which cannot be done within yoyo's transaction.
        self.write(lambda db: None)

    def check(self) -> None:
        applied = self._applied()
        self._refuse_rows(applied)
        try:
            schema.check_applied(schema.RECORDS / 'sqlite', applied)
        except SchemaError as ex:
            raise SchemaError(f'SQLite file {str(self.path)!r}: {ex}') from ex

    def _prepare_to_shrink(self) -> None:
        """Let purges give space back, which has to be said before there is any table."""
        if not os.path.exists(self.path):
            with closing(sqlite3.connect(self.path)) as db:
                db.execute('PRAGMA auto_vacuum = INCREMENTAL')
                db.execute('VACUUM')

    def _applied(self) -> list[str]:
        """Return the migrations of the file."""
        if not os.path.exists(self.path):
            return []
        with self.snapshot() as db:
            return applied_migrations(db)

    def _refuse_rows(self, applied: list[str]) -> None:
        if has_rows(applied):
            copy = f'python -m chronologer copy sqlite:///{quote(str(self.path))} sqlite:///NEW'
            raise SchemaError(
                f'SQLite file {str(self.path)!r} has a row for each record, as earlier versions '
                f'wrote it; convert it: {copy}'
            )

    def close(self) -> None:
        super().close()
        with self._write_lock:
            self._lock.close()

    def _take_reader(self) -> FileConnection:
        """Not of a file that was deleted or replaced: it lacks what is written now."""
        db = super()._take_reader()
        while db.file != file_id(self.path):
            db.close()
            db = super()._take_reader()
        deadline = time.monotonic() + self.query_timeout
        db.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS)
        return db

    def _open_reader(self) -> FileConnection:
        file = file_id(self.path)
        db = self._open_readable()
        db.file = file
        return db

    def _open_readable(self) -> FileConnection:
        """Open the file to read it, also on a full disk."""
        db = self._connect('ro')
        try:
            db.execute('PRAGMA query_only = ON')
            db.execute('SELECT 1 FROM sqlite_master').fetchone()
        except sqlite3.Error as ex:
            db.close()
            if not full_disk.is_cause(self.path, ex) or full_disk.has_commits(self.path):
                raise
            if not self._is_full:
                log.warning('SQLite file %r can only be read: the disk is full', str(self.path))
            self._is_full = True
            return full_disk.connect_immutable(self.path, **OPTIONS)
        self._is_full = False
        return db

    def _put_reader(self, db: FileConnection) -> None:
        if isinstance(db, full_disk.ImmutableConnection):
            db.close()
        else:
            super()._put_reader(db)

    def _take_writer(self) -> FileConnection:
        """Not of a file that was deleted or replaced: what is written to it would be lost."""
        if self._written != file_id(self.path):
            self._drop_writer()
        return super()._take_writer()

    def _open_writer(self) -> FileConnection:
        self._written = file_id(self.path)
        db = self._connect('rw')
        db.file = self._written
        try:
            db.execute('PRAGMA journal_mode = WAL')
            db.execute('PRAGMA synchronous = FULL')
        except BaseException:
            db.close()
            raise
        return db

    def _connect(self, mode: str) -> FileConnection:
        uri = f'file:{quote(str(self.path))}?mode={mode}'
        return sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT, factory=FileConnection, **OPTIONS
        )

    def _exclusive(self) -> AbstractContextManager[None]:
        return self._lock.held()

    def _translate(self, error: Exception) -> ChronologerError:
        if isinstance(error, OSError):
            kind = DiskFullError if error.errno == errno.ENOSPC else StorageError
            return kind(f'SQLite file {str(self.path)!r}: {error.strerror}')
        if str(error) == 'interrupted':
            return QueryTimeoutError(self.query_timeout)
        if full_disk.is_cause(self.path, error):
            return DiskFullError(f'SQLite file {str(self.path)!r}: the disk is full')
        return error_class(error)(f'SQLite file {str(self.path)!r}: {error}')


def applied_migrations(db: Connection) -> list[str]:
    """Return the migrations of a file."""
    exists = "SELECT 1 FROM sqlite_master WHERE name = '_yoyo_migration'"
    if db.execute(exists).fetchone() is None:
        return []
    return [id for (id,) in db.execute(schema.APPLIED)]


def has_rows(applied: list[str]) -> bool:
    """Whether a file has a row for each record, as earlier versions wrote it."""
    return ROWS in applied


def parse_path(dsn: str) -> Path:
    """
    Return the path of the file that *dsn* names.

    Raises:
        ConfigurationError: The DSN is malformed.
    """
    _, _, rest = dsn.partition('sqlite:///')
    path = unquote(rest)
    is_file = Path(path).name and not path.endswith('/') and '\0' not in path
    if not (dsn.startswith('sqlite:///') and is_file) or '?' in rest or '#' in rest:
        wanted = 'sqlite:///relative/path or sqlite:////absolute/path, with ? and # percent-encoded'
        raise ConfigurationError(f'SQLite DSN {shown(shown_dsn(dsn))}: expected {wanted}')
    if path == ':memory:':
        raise ConfigurationError(f'SQLite DSN {dsn}: connections cannot share memory, name a file')
    try:
        return Path(path).absolute()
    except OSError as ex:
        raise ConfigurationError(f'SQLite DSN {dsn}: no working directory: {ex.strerror}') from ex


def error_class(error: BaseException) -> type[StorageError]:
    """
    Return the class of our errors for an error of SQLite.

    SQLITE_BUSY, SQLITE_LOCKED and SQLITE_CANTOPEN may pass, as when a file is put back.
    """
    if 'is locked' in str(error) or str(error) == 'unable to open database file':
        return StorageBusyError
    return DiskFullError if str(error) == 'database or disk is full' else StorageError
