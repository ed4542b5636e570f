"""
Which part of a time range counters can answer.

Counters hold sums per bucket of 15 minutes. A range is split into the buckets that lie wholly
inside it and the edges that cut a bucket, which are counted from the records.
"""

from dataclasses import dataclass
from datetime import datetime, timezone

from chronologer.model import BUCKET, MICROSECOND, Filter, microseconds

BUCKET_MICROSECONDS = BUCKET // MICROSECOND

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
class Split:
    """A range as upper edge, whole buckets *first* to *last*, lower edge; any may be empty."""

    upper: Range
    first: int
    last: int
    lower: Range

    @property
    def has_buckets(self) -> bool:
        """Whether there is any whole bucket."""
        return self.first <= self.last

    @property
    def edges(self) -> list[Range]:
        """The edges that are not empty."""
        return [edge for edge in (self.upper, self.lower) if edge]


def time_range(filter: Filter) -> Range:
    """The instants that *filter* admits."""
    low = TS_MIN if filter.after is None else microseconds(filter.after)
    high = TS_MAX if filter.before is None else microseconds(filter.before)
    return Range(low, high)


def split(span: Range) -> Split:
    """Split a time range where whole buckets begin and end."""
    first = -(-span.low // BUCKET_MICROSECONDS)
    last = (span.high + 1) // BUCKET_MICROSECONDS - 1
    if first > last:
        return Split(upper=span, first=first, last=first - 1, lower=Range(0, -1))
    return Split(
        upper=Range((last + 1) * BUCKET_MICROSECONDS, span.high),
        first=first,
        last=last,
        lower=Range(span.low, first * BUCKET_MICROSECONDS - 1),
    )


def whole_range(filter: Filter) -> Split:
    """The filter's time range as one edge, all of which is counted from the records."""
    return Split(upper=time_range(filter), first=0, last=-1, lower=Range(0, -1))


def bucket_range(bucket: int) -> Range:
    """The instants of a bucket, which is numbered from the epoch."""
    return Range(bucket * BUCKET_MICROSECONDS, (bucket + 1) * BUCKET_MICROSECONDS - 1)
