"""
The metastore in its own SQLite file.

In the file of the records it would wait for the writer, which under load releases the lock only a
few times per second; see doc/performance.rst.
"""

import sqlite3
import time
from typing import Any
from urllib.parse import quote

from yoyo.backends import DatabaseBackend
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI

from chronologer.errors import DiskFullError, StorageError
from chronologer.metastore.dialect import Dialect
from chronologer.metastore.schema import TABLE, TypedBackend
from chronologer.storage.sqlite import full_disk
from chronologer.storage.sqlite.database import OPTIONS, error_class, parse_path
from chronologer.storage.sqlite.file import FileConnection, file_id

BUSY_TIMEOUT = 10  # seconds that a transaction waits for another one
TYPES = {
    'bytes32': 'BLOB',
    'bytes800': 'BLOB',
    'name': 'TEXT',
    'text': 'TEXT',
    'small': 'INTEGER',
    'integer': 'INTEGER',
    'options': '',
}


class SQLite(Dialect):
    """DSN: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``, percent-encoded."""

    url = 'sqlite://'
    begin_read, begin_write = 'BEGIN', 'BEGIN IMMEDIATE'
    errors = (sqlite3.Error,)

    def __init__(self, dsn: str):
        self._path = parse_path(dsn)
        self.title = f'the metastore, SQLite file {str(self._path)!r}'

    def connect(self) -> sqlite3.Connection:
        file = file_id(self._path)
        db = sqlite3.connect(
            f'file:{quote(str(self._path))}?mode=rw',
            uri=True,
            timeout=BUSY_TIMEOUT,
            factory=FileConnection,
            **OPTIONS,
        )
        db.file = file
        try:
            _use_wal(db)
            db.execute('PRAGMA synchronous = FULL')
        except BaseException as ex:
            db.close()
            if not full_disk.is_cause(self._path, ex) or full_disk.has_commits(self._path):
                raise
            return full_disk.connect_immutable(self._path, **OPTIONS)
        return db

    def exists(self) -> bool:
        return self._path.exists()

    def is_current(self, connection: Any) -> bool:
        """Not if the file was deleted or replaced: what is written would be lost."""
        if isinstance(connection, full_disk.ImmutableConnection):
            was_used, connection.is_used = connection.is_used, True
            return not was_used
        return bool(connection.file == file_id(self._path))

    def backend(self) -> DatabaseBackend:
        path = quote(str(self._path))
        return Backend(DatabaseURI('sqlite', None, None, None, None, path, {}), TABLE)

    def translate(self, error: BaseException) -> StorageError:
        if full_disk.is_cause(self._path, error):
            return DiskFullError(f'{self.title}: the disk is full')
        return error_class(error)(f'{self.title}: {error}')


def _use_wal(db: sqlite3.Connection) -> None:
    """Turn on WAL; while another process does so, SQLite returns an error without waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            db.execute('PRAGMA journal_mode = WAL')
            return
        except sqlite3.OperationalError as ex:
            if 'is locked' not in str(ex) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


class Backend(TypedBackend, SQLiteBackend):  # type: ignore[misc]
    """A backend for yoyo on the file, which it creates."""

    types = TYPES
