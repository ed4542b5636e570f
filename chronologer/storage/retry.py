"""
What was stored for an ``Idempotency-Key``, so that a request sent again stores nothing.

Kept by the transaction that stores the records, for a day. A batch is known by its owner (user and
key), its part of the request, and a digest of what was sent for it.
"""

import time
from typing import Any

from chronologer.errors import ConflictError
from chronologer.storage import Outcome, Recalled, RetryKey

LIFETIME = 24 * 3600  # seconds
EXPIRED_SLICE = 1000  # batches forgotten in one transaction


def recall(db: Any, key: RetryKey) -> Outcome | None:
    """The ids that were given to a batch, an error if it was another one, None if it is new."""
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
    """The same key for something else."""
    return ConflictError('Idempotency-Key: it was used for a request with another body')


def remember(db: Any, key: RetryKey, ids: list[int]) -> None:
    """Note the ids of a new batch, which follow one another."""
    db.execute(
        'INSERT INTO retry (owner, part, digest, first_id, n, created) VALUES (?, ?, ?, ?, ?, ?)',
        (key.owner, key.part, key.digest, ids[0] if ids else 0, len(ids), now()),
    )


def expire(db: Any) -> None:
    """Forget what is older than a day, or some of it."""
    old = db.execute(
        'SELECT owner, part FROM retry WHERE created <= ? ORDER BY created LIMIT ?',
        (now() - LIFETIME, EXPIRED_SLICE),
    ).fetchall()
    db.executemany('DELETE FROM retry WHERE owner = ? AND part = ?', old)


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())
