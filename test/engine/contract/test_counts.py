"""Counts compared with a scan of the same records, after any changes."""

from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.model import EPOCH, Filter, Record, microseconds
from chronologer.query.tree import Column
from test.engine.contract.conftest import EVERY_DRIVER, ONCE

# Around borders of buckets and far from each other, to have edges, whole buckets and gaps.
MOMENTS = st.builds(
    lambda bucket, offset: (
        datetime(2024, 6, 1, tzinfo=timezone.utc)
        + timedelta(minutes=15) * bucket
        + timedelta(microseconds=offset)
    ),
    st.sampled_from([-200_000, -97, -2, -1, 0, 1, 2, 96, 5000]),
    st.sampled_from([-1, 0, 1, 10**6, 450 * 10**6]),
) | st.datetimes(timezones=st.just(timezone.utc))
LEVELS = st.sampled_from([-5, 10, 20, 40, 2**31 - 1])
NAMES = st.sampled_from(['a', 'a.b', 'A', 'a%b', 'a_b', 'ab', 'b\\c', 'é', ''])
RECORDS = st.lists(
    st.builds(Record, MOMENTS, NAMES, LEVELS, st.just('m'), st.just({})), max_size=30
)
FILTERS = st.builds(
    Filter,
    after=st.none() | MOMENTS,
    before=st.none() | MOMENTS,
    level=st.none() | LEVELS,
    names=st.just(()) | st.lists(NAMES.filter(bool), min_size=1, max_size=3).map(tuple),
)


def matches(filter: Filter, record: Record) -> bool:
    return (
        (filter.after is None or filter.after <= record.ts)
        and (filter.before is None or record.ts <= filter.before)
        and (filter.level is None or record.level >= filter.level)
        and (not filter.names or record.name.startswith(filter.names))
    )


def steps(records: list[Record], step: timedelta) -> list[tuple[datetime, int, int]]:
    length = step // timedelta(microseconds=1)
    counts = Counter((microseconds(r.ts) // length * length, r.level) for r in records)
    return [
        (EPOCH + timedelta(microseconds=start), level, n)
        for (start, level), n in sorted(counts.items())
    ]


@ONCE
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(RECORDS, max_size=3), filters=st.lists(FILTERS, max_size=4), data=st.data())
def test_answers_are_those_of_a_plain_scan(shared_storage, batches, filters, data):
    """Count, timeline and range equal those of a scan in Python, also after a purge."""
    storage = shared_storage()
    stored = []
    for batch in batches:
        (batch_ids,) = storage.insert([batch])
        stored += zip(batch_ids, batch, strict=True)
    if data.draw(st.booleans(), label='purge'):
        before, which = data.draw(MOMENTS, label='before'), data.draw(FILTERS, label='which')
        kept = [(id, r) for id, r in stored if not (r.ts < before and matches(which, r))]
        assert len(stored) - len(kept) == storage.purge(before, which)
        stored = kept
    for filter in [Filter(), *filters]:
        found = [(id, record) for id, record in stored if matches(filter, record)]
        records = [record for _, record in found]
        assert len(found) == storage.count(filter)
        for minutes in (1, 5, 15, 60, 1440):
            step = timedelta(minutes=minutes)
            assert steps(records, step) == storage.timeline(filter, step)
        names = Counter(record.name for record in records)
        levels = Counter(record.level for record in records)
        assert names == dict(storage.facet(filter, Column('name'), 10))
        assert levels == dict(storage.facet(filter, Column('level'), 10))
        newest = sorted(((record.ts, id) for id, record in found), reverse=True)
        left = data.draw(st.integers(0, 12), label='left')
        right = left + data.draw(st.integers(-1, 12), label='length')
        page = [(record.ts, record.id) for record in storage.range(filter, left, right)]
        assert newest[left : right + 1] == page


@EVERY_DRIVER
@pytest.mark.parametrize('prefix', ['%', '_', '\\', 'a%', 'a_', 'A', "a'", 'a.b', 'É'])
def test_prefixes_are_literal(storage, prefix):
    """Wildcards and quotes are literal, and case matters."""
    names = ['a', 'ab', 'a%b', 'a_b', 'a.b.c', 'A', "a'b", '\\x', '%', '_x', 'é', 'É']
    storage.insert([[Record(EPOCH, name, 20, 'm', {}) for name in names]])
    expected = [name for name in names if name.startswith(prefix)]
    found = storage.range(Filter(names=(prefix,)), 0, 99)
    assert sorted(expected) == sorted(record.name for record in found)
    assert len(expected) == storage.count(Filter(names=(prefix,)))


def test_a_hundred_prefixes_are_one_query(storage):
    """A filter may have 100 prefixes."""
    storage.insert([[Record(EPOCH, f'{index}.x', 20, 'm', {}) for index in range(200)]])
    names = tuple(f'{index}.' for index in range(100))
    assert 100 == storage.count(Filter(names=names))
