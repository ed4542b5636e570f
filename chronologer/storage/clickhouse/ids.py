"""
Ids of records without a counter that processes share.

An id has 53 bits: 33 of time, in quarters of a second since 2026, which last until 2094; 6 of the
node, which is the process that writes; 14 that count. So ids of one process increase, those of two
differ, and those of all are in the order of time but for a quarter of a second and what clocks
differ by. A process that writes more than 65,536 records a second is ahead of the clock.
"""

import time
from collections.abc import Callable
from datetime import datetime, timezone

from chronologer.errors import LimitError, StorageError

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
SLOTS_A_SECOND = 4
TIME_BITS, NODE_BITS, COUNT_BITS = 33, 6, 14
NODES = 1 << NODE_BITS
MAX_BATCH = 1 << COUNT_BITS  # records whose ids follow one another
SLOT_BITS = NODE_BITS + COUNT_BITS


def slot_of(seconds: float) -> int:
    """The slot of time that an instant, in seconds since 1970, is in."""
    return max(0, int((seconds - EPOCH) * SLOTS_A_SECOND))


def first_id(slot: int) -> int:
    """No id of an earlier slot is as high, none of this one or a later one is lower."""
    return slot << SLOT_BITS


class Ids:
    """Gives out the ids of one node; called by one thread at a time."""

    def __init__(self, node: int, last_id: int, now: Callable[[], float] = time.time):
        """No id will be below *last_id*, the highest that is there: a clock may be set back."""
        self._node, self._now = node, now
        self._slot = (last_id >> SLOT_BITS) + 1
        self._count = 0

    def take(self, count: int) -> int:
        """
        Reserve ids that follow one another; return the first.

        Raises:
            LimitError: They are more than `MAX_BATCH`.
            StorageError: The clock is beyond what ids have bits for.
        """
        if count > MAX_BATCH:
            limit = f'ClickHouse takes {MAX_BATCH:,} at a time'
            raise LimitError(f'a batch of {count:,} records, {limit}')
        slot = slot_of(self._now())
        if slot >> TIME_BITS:
            raise StorageError('ids of ClickHouse last until 2094, and the clock is later')
        if slot > self._slot:
            self._slot, self._count = slot, 0
        elif self._count + count > MAX_BATCH:
            self._slot, self._count = self._slot + 1, 0
        first = first_id(self._slot) | self._node << COUNT_BITS | self._count
        self._count += count
        return first
