"""
What a storage keeps for its users beside records: the secret of their sessions, saved searches.

Names are kept as bytes, which no engine takes for others that differ in case, accents or spaces.
"""

import secrets
from contextlib import suppress
from typing import Any

from chronologer.errors import LimitError
from chronologer.storage import MAX_SAVED

SECRET_SIZE = 32  # bytes


def read_secret(db: Any) -> bytes | None:
    """The secret, if there is one."""
    row = db.execute('SELECT value FROM secret').fetchone()
    return bytes(row[0]) if row else None


def take_secret(refusals: tuple[type[Exception], ...], db: Any) -> bytes:
    """
    The secret, made if there is none.

    The key decides which of several processes is the first; it is read after that, because a
    transaction of MySQL sees what there was when it first read.
    """
    with suppress(*refusals):
        new = secrets.token_bytes(SECRET_SIZE)
        db.execute('INSERT INTO secret (only, value) VALUES (1, ?)', (new,))
    secret = read_secret(db)
    assert secret is not None
    return secret


def read_saved(db: Any) -> dict[str, str]:
    """All saved searches."""
    rows = db.execute('SELECT name, state FROM saved').fetchall()
    return {bytes(name).decode(): state for name, state in rows}


def save(name: str, state: str, db: Any) -> bool:
    """See `Storage.save`."""
    is_new = not forget(name, db)
    if is_new:
        check_room(db.execute('SELECT COUNT(*) FROM saved').fetchone()[0])
    db.execute('INSERT INTO saved (name, state) VALUES (?, ?)', (name.encode(), state))
    return is_new


def check_room(count: int) -> None:
    """Make sure that, beside so many others, a search can be saved."""
    if count >= MAX_SAVED:
        raise LimitError(f'{MAX_SAVED:,} searches are saved, which is the limit; delete some')


def forget(name: str, db: Any) -> bool:
    """See `Storage.forget`."""
    return bool(db.execute('DELETE FROM saved WHERE name = ?', (name.encode(),)).rowcount)
