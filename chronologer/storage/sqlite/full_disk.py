"""
Reading a SQLite file on a full disk.

SQLite creates two more files before it reads a database in WAL mode. If the disk has no room for
them, and the log has no commits, the file itself can be read as one that nobody changes.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chronologer.storage.sqlite.file import FileConnection

ROOM = 2**16  # bytes of the two files
ERRORS = frozenset(
    ['disk I/O error', 'database or disk is full', 'attempt to write a readonly database',
     'no such table: yoyo_lock']
)  # fmt: skip


class ImmutableConnection(FileConnection):
    """A connection for one use: it does not see what is written later."""

    is_used = False


def is_cause(path: Path, error: BaseException) -> bool:
    """Whether *error*, of a database at *path*, comes from a full disk."""
    try:
        status = os.statvfs(path)
    except OSError:
        return False
    return str(error) in ERRORS and status.f_bavail * status.f_frsize < ROOM


def has_commits(path: Path) -> bool:
    """Whether the log of a database has commits, without which the file is not complete."""
    try:
        return os.stat(f'{path}-wal').st_size > 0
    except OSError:
        return False


def connect_immutable(path: Path, **options: Any) -> ImmutableConnection:
    """Open a file without creating others."""
    uri = f'file:{quote(str(path))}?mode=ro&immutable=1'
    return sqlite3.connect(uri, uri=True, factory=ImmutableConnection, **options)
