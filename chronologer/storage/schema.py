"""
Schema versions: compares the migrations of this version with those that a database has applied.

yoyo applies the files of a directory below ``chronologer/migration`` in the order of their names,
and records each in the database. A published migration never changes; a change is the next file.
"""

import glob
import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from yoyo import read_migrations
from yoyo.backends import DatabaseBackend
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.exceptions import LockTimeout

from chronologer.errors import SchemaError

MIGRATIONS = Path(__file__).parent.parent / 'migration'
RECORDS = MIGRATIONS / 'records'  # a directory for each engine

APPLIED = 'SELECT migration_id FROM _yoyo_migration'


def check_applied(directory: Path, applied: Iterable[str]) -> None:
    """
    Compare the migrations that a database has applied with those in *directory*.

    Raises:
        SchemaError: They differ; the message has the difference and the remedy.
    """
    known = {path.stem for path in directory.glob('*.py')}
    missing, unknown = known.difference(applied), set(applied).difference(known)
    if unknown:
        newest = max(unknown)
        raise SchemaError(f'the schema is newer than this Chronologer, which lacks {newest}')
    if missing:
        state = 'is older than this Chronologer' if missing != known else 'has not been created yet'
        raise SchemaError(f'the schema {state}: run "migrate", or "serve -m"')


def apply_migrations(directory: Path, backend: DatabaseBackend) -> None:
    """
    Apply the migrations in *directory* that the database lacks.

    A migration that died, as on a full disk, leaves a lock. That of a SQLite file is released,
    because only processes of this machine use the file.

    Raises:
        SchemaError: Another migration is running, or one has died before its end.
    """
    _ensure_user_name()
    migrations = read_migrations(glob.escape(str(directory)))
    try:
        with backend:
            if isinstance(backend, SQLiteBackend):
                _release_lock_of_dead(backend)
            with backend.lock():
                backend.apply_migrations(backend.to_apply(migrations))
    except LockTimeout as ex:
        wanted = 'if none is running, delete the row of table yoyo_lock'
        name = unquote(backend.uri.database)
        raise SchemaError(f'another migration of {name!r} holds the lock: {wanted}') from ex


def _release_lock_of_dead(backend: DatabaseBackend) -> None:
    row = backend.execute('SELECT pid FROM yoyo_lock').fetchone()
    if row is None:
        return
    try:
        os.kill(row[0], 0)
        is_alive = row[0] != os.getpid()  # ids of processes are used again
    except ProcessLookupError:
        is_alive = False
    except PermissionError:  # of another user
        is_alive = True
    if not is_alive:
        backend.break_lock()


def _ensure_user_name() -> None:
    """Set a user name for yoyo, which fails for a uid without one, as is usual in containers."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault('LOGNAME', str(os.getuid()))
