"""
Keys of batches with their ids, so that a request that is sent twice is stored once.

The transaction that stores the records writes them; they are stored for a day. See `BatchKey`.
"""

import time

from chronologer.errors import ConflictError
from chronologer.storage import BatchKey, Outcome, Recalled
from chronologer.storage.database import Connection

LIFETIME = 24 * 3600  # seconds
EXPIRED_SLICE = 1000  # keys deleted in one transaction


def recall(db: Connection, key: BatchKey) -> Outcome | None:
    """Return the ids of a stored batch, an error if the key is of another batch, or None."""
    row = db.execute(
        'SELECT digest, first_id, n, created FROM retry WHERE owner = ? AND part = ?',
        (key.owner, key.part),
    ).fetchone()
    if row is None:
        return None
    digest, first_id, count, created = row
    if created <= now() - LIFETIME:
        db.execute('DELETE FROM retry WHERE owner = ? AND part = ?', (key.owner, key.part))
        return None
    if bytes(digest) != key.digest:
        return conflict()
    return Recalled(range(first_id, first_id + count))


def conflict() -> ConflictError:
    """Return the error for a key that was used for another batch."""
    return ConflictError('Idempotency-Key: it was used for a request with another body')


def remember(db: Connection, key: BatchKey, ids: list[int]) -> None:
    """Store the ids of a new batch, which follow one another."""
    db.execute(
        'INSERT INTO retry (owner, part, digest, first_id, n, created) VALUES (?, ?, ?, ?, ?, ?)',
        (key.owner, key.part, key.digest, ids[0] if ids else 0, len(ids), now()),
    )


def expire(db: Connection) -> None:
    """Delete keys that are older than a day, or some of them."""
    old = db.execute(
        'SELECT owner, part FROM retry WHERE created <= ? ORDER BY created LIMIT ?',
        (now() - LIFETIME, EXPIRED_SLICE),
    ).fetchall()
    db.executemany('DELETE FROM retry WHERE owner = ? AND part = ?', old)


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())
