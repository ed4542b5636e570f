"""
The parts of a time range that counters can answer.

Counters hold sums per bucket of a day, an hour and 15 minutes, numbered from the epoch. A range is
split into the whole days inside it, and the rest into shorter buckets. Records in the last rest are
counted one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from chronologer.model import BUCKET, MICROSECOND, Filter, instant, microseconds

QUARTER = BUCKET // MICROSECOND
HOUR, DAY = timedelta(hours=1) // MICROSECOND, timedelta(days=1) // MICROSECOND

NEAR = 1000  # up to this offset, a scan finds records faster than counters do

# The ends of the calendar, where buckets begin and end too: an open range cuts no bucket.
TS_MIN = microseconds(datetime.min.replace(tzinfo=timezone.utc))
TS_MAX = microseconds(datetime.max.replace(tzinfo=timezone.utc))


@dataclass(frozen=True, slots=True)
class Range:
    """Instants from *low* to *high*, both inclusive, in microseconds since the epoch."""

    low: int
    high: int

    def __bool__(self) -> bool:
        return self.low <= self.high


@dataclass(frozen=True, slots=True)
class Buckets:
    """Whole buckets, *first* to *last*, of one grain."""

    grain: int
    first: int
    last: int


ALL_TIME = Range(TS_MIN, TS_MAX)


def time_range(filter: Filter) -> Range:
    """Return the time range of *filter*."""
    low = TS_MIN if filter.after is None else microseconds(filter.after)
    high = TS_MAX if filter.before is None else microseconds(filter.before)
    return Range(low, high)


def older(filter: Filter, before: datetime) -> Filter | None:
    """Return *filter* narrowed to the time before an instant, or None if that is empty."""
    span = time_range(filter)
    high = min(span.high, microseconds(before) - 1)
    return replace(filter, before=instant(high)) if span.low <= high else None


def split(span: Range, grains: Sequence[int]) -> list[Range | Buckets]:
    """Split a time range into buckets of the *grains*, coarsest first, and the rest."""
    if not span:
        return []
    if not grains:
        return [span]
    grain, *finer = grains
    first, last = -(-span.low // grain), (span.high + 1) // grain - 1
    if first > last:
        return split(span, finer)
    return [
        *split(Range(span.low, first * grain - 1), finer),
        Buckets(grain, first, last),
        *split(Range((last + 1) * grain, span.high), finer),
    ]


def can_narrow(filter: Filter, right: int) -> bool:
    """Whether counters help to find the records up to offset *right*."""
    is_near = right < NEAR and filter.level is None and not filter.names
    return filter.query is None and not is_near


def bucket_range(grain: int, bucket: int) -> Range:
    """Return the time range of a bucket."""
    return Range(bucket * grain, (bucket + 1) * grain - 1)
