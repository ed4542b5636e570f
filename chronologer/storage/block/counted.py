"""
Counts records: those of blocks by counters, those of batches in memory.

To change the counters of a single record would take a quarter of the time of storing it. So the
records of batches get counters when they become a block, in that transaction.
"""

from collections import Counter

from chronologer.model import Filter, instant
from chronologer.storage.block.cache import OfFile
from chronologer.storage.block.find import Find
from chronologer.storage.bucket import Buckets, Range, can_narrow, split, time_range
from chronologer.storage.database import Connection
from chronologer.storage.sql import counters
from chronologer.storage.sql.dialect import Dialect


class Counted:
    """The records of a filter, on a connection with a snapshot of the database."""

    def __init__(
        self, db: Connection, dialect: Dialect, caches: OfFile, filter: Filter, seconds: float
    ):
        self._db, self._dialect, self._filter = db, dialect, filter
        self._caches, self._seconds = caches, seconds
        self._grains = () if filter.search is not None else counters.grains_of(filter)

    def count(self) -> int:
        """Count them."""
        return self._in_batches(time_range(self._filter)).count() + sum(
            counters.total(self._db, self._dialect, self._filter, part)
            if isinstance(part, Buckets)
            else self._in_blocks(part).count()
            for part in split(time_range(self._filter), self._grains)
        )

    def count_steps(self, length: int) -> Counter[tuple[int, int]]:
        """Count them per step of *length* microseconds and level."""
        grains = [grain for grain in self._grains if length % grain == 0]
        counts = self._in_batches(time_range(self._filter)).count_steps(length)
        for part in split(time_range(self._filter), grains):
            counts.update(
                counters.steps(self._db, self._dialect, self._filter, part, length)
                if isinstance(part, Buckets)
                else self._in_blocks(part).count_steps(length)
            )
        return counts

    def count_names(self) -> Counter[str]:
        """Count them by the names of their loggers."""
        counts = self._in_batches(time_range(self._filter)).count_names()
        for part in split(time_range(self._filter), counters.BY_LOGGER if self._grains else ()):
            if isinstance(part, Buckets):
                for name, n in counters.names(self._db, self._dialect, self._filter, part):
                    counts[name] += n
            else:
                counts.update(self._in_blocks(part).count_names())
        return counts

    def narrow(self, left: int, right: int, ascending: bool) -> tuple[Filter, int]:
        """
        Narrow the filter to a time that has the records at offsets *left* to *right*.

        Returns:
            The filter, and the offset of record *left* within it.
        """
        filter = self._filter
        whole = time_range(filter)
        if filter.search is not None or not can_narrow(filter, right):
            return filter, left
        # Before the record at an offset there are at most all of batches; the others are of blocks.
        in_batches = self._in_batches(whole).count()
        first = max(0, left - in_batches)
        span, offset = counters.narrow(
            self._db,
            self._dialect,
            filter,
            first,
            right,
            ascending,
            count=lambda part: self._in_blocks(part).count(),
        )
        if not span:
            return filter, left
        before = Range(whole.low, span.low - 1) if ascending else Range(span.high + 1, whole.high)
        if left < in_batches:  # record *left* may be of a batch, and before all of blocks
            span = Range(whole.low, span.high) if ascending else Range(span.low, whole.high)
            seen = 0
        else:
            seen = first - offset + (self._in_batches(before).count() if before else 0)
        return filter.within(instant(span.low), instant(span.high)), left - seen

    def _in_blocks(self, span: Range) -> Find:
        return self._find(span, batches=False)

    def _in_batches(self, span: Range) -> Find:
        return self._find(span, blocks=False)

    def _find(self, span: Range, blocks: bool = True, batches: bool = True) -> Find:
        filter = self._filter.within(instant(span.low), instant(span.high))
        return Find(self._db, self._caches, filter, self._seconds, blocks, batches)
