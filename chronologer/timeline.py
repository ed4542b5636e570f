"""
Time buckets in the wall-clock time of a zone.

Storages count in steps of UTC time; `fold` converts those into the hours and days of a time zone. A
bucket is named by its first instant, in seconds since the epoch. Everything is computed on
integers, so that records at either end of the calendar, whose local time no datetime can hold, have
a bucket like any other.

Zone rules come from pytz's copy of the IANA database, which is the same on every machine, and are
evaluated by `zoneinfo`: pytz's own classes have no daylight saving time after 2037.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache, lru_cache, partial
from itertools import groupby
from math import gcd
from operator import itemgetter
from zoneinfo import ZoneInfo

import pytz

from chronologer.errors import InputError, shown
from chronologer.model import BUCKET, EPOCH

SECOND = timedelta(seconds=1)
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
EPOCH_ORDINAL = EPOCH.toordinal()

# A day inside the ends of the calendar, where local time still fits a datetime.
FIRST = int((datetime.min.replace(tzinfo=timezone.utc) - EPOCH).total_seconds()) + DAY
LAST = int((datetime.max.replace(tzinfo=timezone.utc) - EPOCH).total_seconds()) - DAY

Counts = Iterable[tuple[datetime, int, int]]  # bucket start, level, count


@dataclass(frozen=True, slots=True)
class Interval:
    """A kind of interval: its usual length, and how to find its start."""

    length: int  # seconds
    start_of: Callable[[int, ZoneInfo], int]


def parse_interval(text: str) -> Interval:
    """
    Return the named kind of interval.

    Raises:
        InputError: There is no such interval.
    """
    if text not in INTERVALS:
        raise InputError(f'group: expected one of {", ".join(INTERVALS)}, got {shown(text)}')
    return INTERVALS[text]


def choose_interval(seconds: int, buckets: int) -> str:
    """The finest interval that divides so long a time into about that many buckets."""
    fitting = (name for name, interval in INTERVALS.items() if seconds <= interval.length * buckets)
    return next(fitting, LONGEST)


@cache
def load_zone(name: str) -> ZoneInfo:
    """Load a zone by the name that `pytz.all_timezones` lists it under."""
    with pytz.open_resource(name) as file:  # type: ignore[attr-defined]
        return ZoneInfo.from_file(file, key=name)


def parse_zone(text: str) -> ZoneInfo:
    """
    Return the named zone of the IANA database.

    Raises:
        InputError: There is no such zone.
    """
    try:
        name = str(pytz.timezone(text))
    except pytz.UnknownTimeZoneError as ex:
        wanted = 'expected a name of the IANA time zone database such as Europe/Berlin'
        raise InputError(f'timezone: {wanted}, got {shown(text)}') from ex
    return load_zone(name)


def choose_step(interval: Interval, zone: ZoneInfo) -> timedelta:
    """
    Return the longest step that divides the interval's buckets in *zone*.

    Only offsets of the zone since 1970 are considered; `fold` handles earlier ones.
    """
    if interval.length < BUCKET // SECOND:
        # A border at a full quarter of an hour, where offsets change, must not cut a step.
        return timedelta(seconds=gcd(interval.length, BUCKET // SECOND))
    grain = gcd(min(interval.length, DAY), *_offsets(zone))
    return BUCKET if grain % (BUCKET // SECOND) else timedelta(seconds=grain)


@cache
def _offsets(zone: ZoneInfo) -> frozenset[int]:
    """The zone's offsets from UTC, in seconds, of every other week from 1970 to 2040."""
    return frozenset(offset_at(second, zone) for second in range(0, 70 * 365 * DAY, 14 * DAY))


def fold(
    counts: Counts,
    interval: Interval,
    step: timedelta,
    zone: ZoneInfo,
    refine: Callable[[datetime], Counts],
    limit: int,
) -> dict[int, Counter[int]]:
    """
    Gather counts in *step* into the interval's buckets in *zone*.

    A step that a bucket's border cuts (a historical zone, whose offset is no multiple of the step)
    is counted anew, by the second, with *refine*, called with the step's start.

    Returns:
        ``{bucket start: {level: count}}``, ascending; empty buckets absent.
    Raises:
        InputError: There are more than *limit* buckets.
    """
    buckets: dict[int, Counter[int]] = {}
    length = step // SECOND
    for start, of_step in groupby(counts, key=itemgetter(0)):
        second = _seconds(start)
        if _is_cut(second, length, zone):
            for one, level, count in refine(start):
                bucket = interval.start_of(_seconds(one), zone)
                buckets.setdefault(bucket, Counter())[level] += count
        else:
            levels = buckets.setdefault(interval.start_of(second, zone), Counter())
            for _, level, count in of_step:
                levels[level] += count
        if len(buckets) > limit:
            wanted = 'narrow it with after and before or choose a longer group'
            raise InputError(f'group: more than {limit:,} buckets; {wanted}')
    return dict(sorted(buckets.items()))


def _is_cut(second: int, length: int, zone: ZoneInfo) -> bool:
    offset = offset_at(second, zone)
    return offset % length != 0 or offset_at(second + length - 1, zone) != offset


def start_of_hour(second: int, zone: ZoneInfo) -> int:
    """First instant of the wall-clock hour; the hour that is repeated in autumn counts twice."""
    return _floor(HOUR, second, zone)


def start_of_hours(length: int, second: int, zone: ZoneInfo) -> int:
    """
    First instant of several wall-clock hours, counted from midnight, *length* seconds in all.

    When clocks change within them, they last an hour more or less. Those that begin in an hour
    that is repeated count twice.
    """
    offset = offset_at(second, zone)
    wall = (second + offset) // length * length
    start = wall - offset
    if offset_at(start, zone) == offset:
        return start
    earlier = wall - offset_at(start, zone)
    if earlier <= second and offset_at(earlier, zone) == wall - earlier:
        return earlier
    return _transition(start, second, zone)  # clocks jumped over the start


def start_of_day(second: int, zone: ZoneInfo) -> int:
    """First instant of the calendar day, which lasts 23 or 25 hours when clocks change."""
    return _first_instant(_local_day(second, zone), second, zone)


def start_of_days(days: int, second: int, zone: ZoneInfo) -> int:
    """First instant of several calendar days, counted from the epoch's."""
    day = _local_day(second, zone)
    return _first_instant(day - day % days, second, zone)


def start_of_week(second: int, zone: ZoneInfo) -> int:
    """First instant of the week's Monday."""
    day = _local_day(second, zone)
    return _first_instant(day - (day + EPOCH.weekday()) % 7, second, zone)


def start_of_month(second: int, zone: ZoneInfo) -> int:
    """First instant of the calendar month."""
    day = _local_day(second, zone)
    return _first_instant(day - _day_of_month(day + EPOCH_ORDINAL) + 1, second, zone)


def start_of_months(months: int, second: int, zone: ZoneInfo) -> int:
    """First instant of several calendar months, counted from the year 0, but not before year 1."""
    ordinal = _local_day(second, zone) + EPOCH_ORDINAL
    if not 1 <= ordinal <= date.max.toordinal():
        return start_of_month(second, zone)
    day = date.fromordinal(ordinal)
    number = day.year * 12 + day.month - 1
    year, month = divmod(number - number % months, 12)
    first = date(year, month + 1, 1) if year else date.min
    return _first_instant(first.toordinal() - EPOCH_ORDINAL, second, zone)


def _day_of_month(ordinal: int) -> int:
    """Also of the last day before and the first day after the calendar."""
    if ordinal < 1:
        return 31
    return date.fromordinal(ordinal).day if ordinal <= date.max.toordinal() else 1


def _local_day(second: int, zone: ZoneInfo) -> int:
    """The number of the calendar day, counted from the epoch's."""
    return (second + offset_at(second, zone)) // DAY


def _first_instant(day: int, second: int, zone: ZoneInfo) -> int:
    """First instant of a calendar day that is that of *second*, or some before."""
    midnight = day * DAY  # as if local time were UTC
    if not FIRST + DAY < midnight < LAST - DAY:
        return midnight - offset_at(second, zone)
    wall = (EPOCH + timedelta(seconds=midnight)).replace(tzinfo=zone)
    offset = wall.utcoffset()
    assert offset is not None
    start = midnight - offset // SECOND
    if start + offset_at(start, zone) == midnight:
        return start
    return _transition(start - DAY, start + DAY, zone)  # clocks jumped over midnight


@lru_cache(maxsize=10_000)
def offset_at(second: int, zone: ZoneInfo) -> int:
    """The zone's offset from UTC in seconds; at the calendar's ends, that of a day inside."""
    clamped = min(max(second, FIRST), LAST)
    offset = (EPOCH + timedelta(seconds=clamped)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // SECOND


def _floor(length: int, second: int, zone: ZoneInfo) -> int:
    """Start of the wall-clock interval around an instant, cut where clocks changed within it."""
    offset = offset_at(second, zone)
    start = (second + offset) // length * length - offset
    return start if offset_at(start, zone) == offset else _transition(start, second, zone)


def _transition(before: int, after: int, zone: ZoneInfo) -> int:
    """First second in (*before*, *after*] with the offset that holds at *after*."""
    offset = offset_at(after, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_at(middle, zone) == offset:
            after = middle
        else:
            before = middle
    return after


def _seconds(start: datetime) -> int:
    return (start - EPOCH) // SECOND


def _short(seconds: int) -> Interval:
    return Interval(seconds, partial(_floor, seconds))


def _hours(hours: int) -> Interval:
    return Interval(hours * HOUR, partial(start_of_hours, hours * HOUR))


def _days(days: int) -> Interval:
    return Interval(days * DAY, partial(start_of_days, days))


def _months(months: int) -> Interval:
    return Interval(months * 30 * DAY, partial(start_of_months, months))


def _years(years: int) -> Interval:
    return Interval(years * 365 * DAY, partial(start_of_months, years * 12))


# Up to two years, each is at most twice as long as the one before: whatever the range, one of them
# divides it into 60 to 120 buckets.
INTERVALS = {
    'second': _short(1),
    '2second': _short(2),
    '3second': _short(3),
    '5second': _short(5),
    '10second': _short(10),
    '15second': _short(15),
    '30second': _short(30),
    'minute': _short(MINUTE),
    '2minute': _short(2 * MINUTE),
    '3minute': _short(3 * MINUTE),
    '5minute': _short(5 * MINUTE),
    '10minute': _short(10 * MINUTE),
    '15minute': _short(15 * MINUTE),
    '30minute': _short(30 * MINUTE),
    'hour': Interval(HOUR, start_of_hour),
    '2hour': _hours(2),
    '3hour': _hours(3),
    '6hour': _hours(6),
    '12hour': _hours(12),
    'day': Interval(DAY, start_of_day),
    '2day': _days(2),
    '4day': _days(4),
    'week': Interval(7 * DAY, start_of_week),
    '2week': _days(14),
    'month': Interval(30 * DAY, start_of_month),
    '2month': _months(2),
    '3month': _months(3),
    '6month': _months(6),
    'year': _years(1),
    '2year': _years(2),
    '5year': _years(5),
    '10year': _years(10),
    '20year': _years(20),
    '50year': _years(50),
    '100year': _years(100),
}
LONGEST = '100year'
