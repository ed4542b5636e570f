"""The lease of a job, from the view of its process."""

import time
from datetime import datetime, timezone

from chronologer.metastore import Metastore, lease


class Lease:
    """
    Lets one process at a time run a job; see `chronologer.metastore.lease`.

    Each method raises `LeaseError` if another process has the lease, and `StorageError` if the
    metastore fails.
    """

    def __init__(self, metastore: Metastore, name: str):
        self._metastore, self._name = metastore, name
        self._owner = lease.new_owner()

    def acquire(self, seconds: float) -> None:
        """Acquire the lease for some seconds, also if this process owns it already."""
        now = _now()
        expiry = now + int(seconds * 1e6)
        self._metastore.write(lambda db: lease.acquire(db, self._name, self._owner, now, expiry))

    def renew(self, seconds: float) -> None:
        """Extend the lease for some seconds from now; no other process may have owned it since."""
        expiry = _now() + int(seconds * 1e6)
        self._metastore.write(lambda db: lease.renew(db, self._name, self._owner, expiry))

    def release(self) -> None:
        """Release the lease, so that any process can acquire it."""
        self._metastore.write(lambda db: lease.release(db, self._name, self._owner))


def seconds_until(expiry: datetime) -> float:
    """Return the seconds from now to *expiry*, by the clock of this process; not below 0."""
    return max(0.0, (expiry - datetime.now(timezone.utc)).total_seconds())


def _now() -> int:
    return time.time_ns() // 1000
