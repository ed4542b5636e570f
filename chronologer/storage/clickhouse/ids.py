"""
Ids of records without a counter that processes share.

An id has 53 bits: 33 of time, in quarters of a second since 2026, which last until 2094; 6 of the
number of the process that writes; 14 that count. So ids of one process increase, and those of two
processes differ. The ids of all processes are in the order of time, except within a quarter of a
second and the difference of their clocks. The ids of a process that writes more than 65,536 records
a second are ahead of its clock.
"""

import time
from collections.abc import Callable
from datetime import datetime, timezone

from chronologer.errors import LimitError, StorageError

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
SLOTS_A_SECOND = 4
TIME_BITS, PROCESS_BITS, COUNT_BITS = 33, 6, 14
PROCESSES = 1 << PROCESS_BITS
MAX_BATCH = 1 << COUNT_BITS  # records whose ids follow one another
SLOT_BITS = PROCESS_BITS + COUNT_BITS


def slot_of(seconds: float) -> int:
    """The slot of time that contains an instant, given in seconds since 1970."""
    return max(0, int((seconds - EPOCH) * SLOTS_A_SECOND))


def first_id(slot: int) -> int:
    """No id of an earlier slot is as high, none of this one or a later one is lower."""
    return slot << SLOT_BITS


class Ids:
    """Generates the ids of one process; used by one thread at a time."""

    def __init__(self, process_number: int, last_id: int, now: Callable[[], float] = time.time):
        """Start above *last_id*, the highest stored id: a clock may have been set back."""
        self._process_number, self._now = process_number, now
        self._slot = (last_id >> SLOT_BITS) + 1
        self._count = 0

    def take(self, count: int) -> int:
        """
        Reserve ids that follow one another; return the first.

        Raises:
            LimitError: They are more than `MAX_BATCH`.
            StorageError: The clock is beyond the range of ids.
        """
        if count > MAX_BATCH:
            limit = f'the limit of ClickHouse is {MAX_BATCH:,}'
            raise LimitError(f'a batch of {count:,} records, {limit}')
        slot = slot_of(self._now())
        if slot >> TIME_BITS:
            raise StorageError('ids of ClickHouse last until 2094, and the clock is later')
        if slot > self._slot:
            self._slot, self._count = slot, 0
        elif self._count + max(count, 1) > MAX_BATCH:  # an empty batch has a first id too
            self._slot, self._count = self._slot + 1, 0
        first = first_id(self._slot) | self._process_number << COUNT_BITS | self._count
        self._count += count
        return first
