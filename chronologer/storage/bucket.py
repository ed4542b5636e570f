"""
Which parts of a time range counters can answer.

Counters hold sums per bucket of a day, an hour and 15 minutes, numbered from the epoch. A range is
split into the days that lie wholly inside it, what they leave over into shorter buckets, and what
is left then is counted from the records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from chronologer.model import BUCKET, MICROSECOND, Filter, microseconds

QUARTER = BUCKET // MICROSECOND
HOUR, DAY = timedelta(hours=1) // MICROSECOND, timedelta(days=1) // MICROSECOND

# The ends of the calendar, where buckets begin and end too: an open end cuts nothing.
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
    """The instants that *filter* admits."""
    low = TS_MIN if filter.after is None else microseconds(filter.after)
    high = TS_MAX if filter.before is None else microseconds(filter.before)
    return Range(low, high)


def split(span: Range, grains: Sequence[int]) -> list[Range | Buckets]:
    """Split a time range into buckets of the *grains*, coarsest first, and what they leave over."""
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


def bucket_range(grain: int, bucket: int) -> Range:
    """The instants of a bucket."""
    return Range(bucket * grain, (bucket + 1) * grain - 1)
