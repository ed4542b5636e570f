"""Buckets in the local time of a zone."""

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytz
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.errors import InputError
from chronologer.model import EPOCH
from chronologer.timeline import (
    DAY,
    HOUR,
    INTERVALS,
    choose_interval,
    choose_step,
    fold,
    offset_at,
    parse_interval,
    parse_zone,
    start_of_day,
    start_of_hour,
    start_of_month,
    start_of_week,
)

ZONES = st.sampled_from(sorted(pytz.all_timezones))
SECONDS = st.integers(-62_135_596_800, 253_402_300_799)  # years 1 to 9999
RECENT = st.integers(0, 4_102_444_800)  # 1970 to 2100


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ('zone', 'second', 'start'),
    [
        ('UTC', '2018-05-10T16:36:53+00:00', '2018-05-10T00:00:00+00:00'),
        ('Europe/Berlin', '2024-03-31T12:00:00+02:00', '2024-03-31T00:00:00+01:00'),
        ('Europe/Berlin', '2024-10-27T23:59:59+01:00', '2024-10-27T00:00:00+02:00'),
        ('Asia/Kolkata', '2024-06-01T00:00:00+05:30', '2024-06-01T00:00:00+05:30'),
        ('Asia/Kathmandu', '2024-06-01T23:59:59+05:45', '2024-06-01T00:00:00+05:45'),
        # Clocks jumped from 00:00 to 01:00, so the day began at 01:00.
        ('America/Sao_Paulo', '2018-11-04T12:00:00-02:00', '2018-11-04T01:00:00-02:00'),
        ('Africa/Cairo', '2024-04-26T12:00:00+03:00', '2024-04-26T01:00:00+03:00'),
        # Clocks went back from 00:01 to 23:01, so midnight occurred twice.
        ('America/St_Johns', '2010-11-07T00:00:30-02:30', '2010-11-07T00:00:00-02:30'),
        ('America/St_Johns', '2010-11-07T12:00:00-03:30', '2010-11-07T00:00:00-02:30'),
        # A whole day was skipped.
        ('Pacific/Apia', '2011-12-31T00:30:00+14:00', '2011-12-31T00:00:00+14:00'),
        # Daylight saving time continues after 2037.
        ('Europe/Berlin', '2060-07-01T12:00:00+02:00', '2060-07-01T00:00:00+02:00'),
    ],
)
def test_day_begins_at_its_first_instant(zone, second, start):
    """Days of 23 and of 25 hours begin at their first instant."""
    assert epoch(start) == start_of_day(epoch(second), parse_zone(zone))


@pytest.mark.parametrize(
    ('zone', 'second', 'start'),
    [
        ('Asia/Kolkata', '2024-06-01T10:29:00+05:30', '2024-06-01T10:00:00+05:30'),
        ('Asia/Kathmandu', '2024-06-01T10:59:00+05:45', '2024-06-01T10:00:00+05:45'),
        # The repeated hour has two buckets.
        ('Europe/Berlin', '2024-10-27T02:30:00+02:00', '2024-10-27T02:00:00+02:00'),
        ('Europe/Berlin', '2024-10-27T02:30:00+01:00', '2024-10-27T02:00:00+01:00'),
        # Clocks change by half an hour; the second bucket begins with the change.
        ('Australia/Lord_Howe', '2024-04-07T01:45:00+11:00', '2024-04-07T01:00:00+11:00'),
        ('Australia/Lord_Howe', '2024-04-07T01:45:00+10:30', '2024-04-07T01:30:00+10:30'),
        ('Australia/Lord_Howe', '2024-10-06T02:45:00+11:00', '2024-10-06T02:30:00+11:00'),
    ],
)
def test_hour_begins_at_its_first_instant(zone, second, start):
    """Hours of half-hour and quarter-hour zones begin at their first instant."""
    assert epoch(start) == start_of_hour(epoch(second), parse_zone(zone))


@given(SECONDS, ZONES)
def test_an_instant_lies_in_its_bucket(second, zone_name):
    """A bucket contains its start and any instant in it, in any zone and century."""
    zone = parse_zone(zone_name)
    for name, group in INTERVALS.items():
        start = group.start_of(second, zone)
        assert second - group.length * 1.1 - 2 * HOUR < start <= second, name
        if start >= -62_135_596_800:  # else no record can be there
            assert start == group.start_of(start, zone), name


@settings(max_examples=300)
@given(RECENT, ZONES)
def test_days_are_those_of_the_calendar(second, zone_name):
    """A bucket has all instants of a local date and no others."""
    zone = parse_zone(zone_name)

    def local_date(second: int) -> date:
        return datetime.fromtimestamp(second, zone).date()

    start = start_of_day(second, zone)
    assert local_date(second) == local_date(start)
    assert local_date(second) != local_date(start - 1)


def test_zones_come_from_the_package_and_not_from_the_machine():
    """All zones of pytz load, and have the same offset now as in the standard library."""
    now = 1_700_000_000
    for name in pytz.common_timezones:
        offset = datetime.fromtimestamp(now, ZoneInfo(name)).utcoffset()
        assert offset == timedelta(seconds=offset_at(now, parse_zone(name))), name


@given(
    st.lists(st.tuples(SECONDS | RECENT, st.sampled_from([10, 40])), max_size=30),
    ZONES,
    st.sampled_from(list(INTERVALS)),
)
def test_fold_counts_every_record_in_its_own_bucket(records, zone_name, group):
    """Steps that a border cuts are counted again, so the result equals counting each record."""
    zone, kind = parse_zone(zone_name), parse_interval(group)

    def count(length: timedelta, low: int, high: int) -> list[tuple[datetime, int, int]]:
        counts = Counter(
            (EPOCH + timedelta(seconds=second) // length * length, level)
            for second, level in records
            if low <= second < high
        )
        return [(start, level, n) for (start, level), n in sorted(counts.items())]

    def refine(start: datetime) -> list[tuple[datetime, int, int]]:
        low = (start - EPOCH) // timedelta(seconds=1)
        return count(timedelta(seconds=1), low, low + step // timedelta(seconds=1))

    step = choose_step(kind, zone)
    buckets = fold(count(step, -(10**12), 10**12), kind, step, zone, refine, limit=100)
    expected: dict[int, Counter[int]] = {}
    for second, level in records:
        expected.setdefault(kind.start_of(second, zone), Counter())[level] += 1
    assert expected == buckets
    assert sorted(buckets) == list(buckets)


@pytest.mark.parametrize(
    ('group', 'zone', 'minutes'),
    [
        ('minute', 'Asia/Kathmandu', 1),
        ('15minute', 'Europe/Berlin', 15),
        ('hour', 'UTC', 60),
        ('hour', 'Europe/Berlin', 60),
        ('hour', 'Australia/Lord_Howe', 30),
        ('hour', 'Asia/Kathmandu', 15),
        ('hour', 'Africa/Monrovia', 15),  # 44.5 minutes until 1972
        ('day', 'UTC', 1440),
        ('month', 'Africa/Abidjan', 1440),
        ('week', 'Europe/Berlin', 60),
        ('day', 'Asia/Kolkata', 30),
    ],
)
def test_the_longest_step_that_buckets_are_made_of(group, zone, minutes):
    """A longer step needs fewer counts."""
    assert timedelta(minutes=minutes) == choose_step(parse_interval(group), parse_zone(zone))


@pytest.mark.parametrize('text', ['', 'Mars/Olympus', '../../etc/passwd', 'Europe/Berlin\n', 'é'])
def test_unknown_zone_is_refused(text):
    """The message has an example."""
    with pytest.raises(InputError, match=r'^timezone: '):
        parse_zone(text)


@pytest.mark.parametrize('text', ['', 'seconds', 'DAY', 'day '])
def test_unknown_group_is_refused(text):
    """The message lists the valid groups."""
    with pytest.raises(InputError, match=r'^group: expected one of .*day'):
        parse_interval(text)


def test_calendar_ends_have_buckets():
    """The local times of these instants are outside the range of datetime."""
    first, last = (
        datetime.min.replace(tzinfo=timezone.utc),
        datetime.max.replace(tzinfo=timezone.utc),
    )
    for zone_name in ('America/New_York', 'Pacific/Kiritimati', 'Asia/Kathmandu'):
        for ts in (first, last):
            second = (ts - EPOCH) // timedelta(seconds=1)
            assert 0 <= second - start_of_day(second, parse_zone(zone_name)) < DAY


@settings(max_examples=300)
@given(RECENT, ZONES)
def test_weeks_begin_on_monday_and_months_on_the_first(second, zone_name):
    """A week or month begins at the first instant of its first day."""
    zone = parse_zone(zone_name)
    today = datetime.fromtimestamp(second, zone).date()
    week, month = start_of_week(second, zone), start_of_month(second, zone)
    assert week == start_of_day(week, zone)
    assert month == start_of_day(month, zone)
    if zone_name not in ('Pacific/Apia', 'Pacific/Fakaofo', 'Pacific/Kwajalein', 'Kwajalein'):
        assert datetime.fromtimestamp(week, zone).date() == today - timedelta(today.weekday())
        assert datetime.fromtimestamp(month, zone).date() == today.replace(day=1)


@pytest.mark.parametrize(
    ('seconds', 'group'),
    [(0, 'second'), (120, 'second'), (900, '10second'), (HOUR, '30second'),
         (HOUR + 1, 'minute'), (DAY, '15minute'), (3 * DAY, 'hour'), (7 * DAY, '2hour'),
     (30 * DAY, '6hour'), (60 * DAY, '12hour'), (700 * DAY, 'week'),
         (4000 * DAY, '2month'), (10**10, '5year'), (10**12, '100year')],
)  # fmt: skip
def test_a_group_is_chosen_by_the_length_of_time(seconds, group):
    """The finest group that has not too many buckets is chosen."""
    assert group == choose_interval(seconds, 120)


@given(st.integers(60, 200 * 365 * DAY))
def test_any_time_has_sixty_buckets_or_more(seconds):
    """A week has no eight bars. Months and years are a little more than twice as long."""
    group = choose_interval(seconds, 120)
    least = 55 if group in ('month', 'year') else 60
    assert least <= seconds / INTERVALS[group].length <= 120


@pytest.mark.parametrize(
    ('group', 'zone', 'second', 'start'),
    [
        ('2hour', 'Asia/Kolkata', '2024-06-01T11:29:00+05:30', '2024-06-01T10:00:00+05:30'),
        ('2day', 'Asia/Kolkata', '1970-01-04T11:29:00+05:30', '1970-01-03T00:00:00+05:30'),
        ('3month', 'Asia/Kolkata', '2024-06-01T11:29:00+05:30', '2024-04-01T00:00:00+05:30'),
        ('10year', 'Europe/Berlin', '2024-06-01T11:29:00+02:00', '2020-01-01T00:00:00+01:00'),
        ('100year', 'UTC', '0004-06-01T11:29:00+00:00', '0001-01-01T00:00:00+00:00'),
        # Clocks change within the hours: they have one more, or one less.
        ('6hour', 'Europe/Berlin', '2024-03-31T05:00:00+02:00', '2024-03-31T00:00:00+01:00'),
        ('12hour', 'Europe/Berlin', '2024-10-27T11:59:00+01:00', '2024-10-27T00:00:00+02:00'),
        ('12hour', 'Europe/Berlin', '2024-10-27T12:00:00+01:00', '2024-10-27T12:00:00+01:00'),
        # They begin in the hour that is left out, or in the one that is repeated.
        ('2hour', 'Europe/Berlin', '2024-03-31T03:30:00+02:00', '2024-03-31T03:00:00+02:00'),
        ('2hour', 'Europe/Berlin', '2024-10-27T02:30:00+02:00', '2024-10-27T02:00:00+02:00'),
        ('2hour', 'Europe/Berlin', '2024-10-27T03:30:00+01:00', '2024-10-27T02:00:00+01:00'),
        # At midnight there was no midnight.
        ('6hour', 'America/Sao_Paulo', '2018-11-04T05:00:00-02:00', '2018-11-04T01:00:00-02:00'),
    ],
)
def test_several_hours_days_or_months_begin_at_their_first_instant(group, zone, second, start):
    """They are those of the wall clock."""
    assert epoch(start) == INTERVALS[group].start_of(epoch(second), parse_zone(zone))


@pytest.mark.parametrize(
    ('group', 'seconds'), [('2minute', 60), ('10minute', 300), ('3minute', 180), ('2second', 2)]
)
def test_no_step_is_cut_at_a_quarter_of_an_hour(group, seconds):
    """Where a zone's offset is a quarter of an hour, each would have to be counted again."""
    step = choose_step(parse_interval(group), parse_zone('Asia/Kathmandu'))
    assert timedelta(seconds=seconds) == step


def test_groups_are_documented():
    """Each, by its name."""
    text = Path('doc/api.rst').read_text(encoding='utf-8')
    assert [] == [name for name in INTERVALS if f'``{name}``' not in text]
