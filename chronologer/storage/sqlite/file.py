"""The identity of a SQLite file: another file may be at its path later."""

import os
import sqlite3
from pathlib import Path

FileId = tuple[int, int]  # device and inode


class FileConnection(sqlite3.Connection):
    """A connection that has the identity of its file."""

    file: FileId | None = None


def file_id(path: Path) -> FileId | None:
    """Return the identity of the file that is at *path* now."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
