"""Deletes records that are older than the setting ``retention_days``."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from hashlib import blake2b

from chronologer.model import Filter
from chronologer.storage import Storage, shown_dsn

log = logging.getLogger(__name__)


class Retention:
    """
    The job that deletes old records.

    Whole days of UTC are deleted, because ClickHouse drops a day as fast as a file, but rewrites it
    to delete a part of it.
    """

    interval = 3600.0

    def __init__(self, storage: Storage, days: int, dsn: str):
        """*dsn* is that of the storage: another one may have the same metastore, and its lease."""
        self.name = f'retention {blake2b(shown_dsn(dsn).encode(), digest_size=8).hexdigest()}'
        self._storage, self._days = storage, days

    def run(self, proceed: Callable[[], None]) -> None:
        """Delete the records of days that ended more than `days` days ago, slice by slice."""
        before = first_kept(datetime.now(timezone.utc), self._days)
        started = time.monotonic()

        def pause(_: int) -> None:
            """Leave half of the time to other users of the storage."""
            nonlocal started
            time.sleep(min(1.0, time.monotonic() - started))
            proceed()
            started = time.monotonic()

        count = self._storage.purge(before, Filter(), pause)
        if count:
            log.info('Retention: deleted %d records from before %s', count, f'{before:%Y-%m-%d}')


def first_kept(now: datetime, days: int) -> datetime:
    """Return the start of the first day (UTC) of which no record is *days* days old."""
    return (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
