"""Counts from projections."""

from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import StorageError
from chronologer.model import Filter
from chronologer.search import parse_search
from chronologer.storage.clickhouse.connection import Pool
from test.engine.clickhouse.conftest import RECORD, YEAR_2027, spread


def test_counts_are_from_projections(embedded):
    """Filters of whole buckets without a search or a query are counted from projections."""
    embedded.insert([spread(5), [RECORD._replace(name='b', level=40)] * 3])
    forced = {'force_optimize_projection': 1, 'optimize_use_projections': 1}
    embedded._database._readers = Pool(embedded._target, forced)
    day = Filter(after=YEAR_2027, before=YEAR_2027 + timedelta(days=1, microseconds=-1))
    assert 8 == embedded.count(Filter())
    assert 4 == embedded.count(day)
    assert 3 == embedded.count(Filter(level=40))
    assert 3 == embedded.count(Filter(names=('b',)))
    assert 6 == len(embedded.timeline(Filter(), timedelta(minutes=15)))
    for filter in (
        Filter(search=parse_search('hello')),
        Filter(after=YEAR_2027 + timedelta(minutes=1), before=YEAR_2027 + timedelta(minutes=2)),
    ):
        with pytest.raises(StorageError, match='584'):  # PROJECTION_NOT_USED
            embedded.count(filter)


@pytest.mark.parametrize(
    'ts',
    [
        *(datetime.min, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1)),
        *(datetime(2099, 12, 31, 23, 59, 59, 999_999), datetime(2100, 1, 1)),
        *(datetime(2149, 6, 7), datetime.max - timedelta(microseconds=1)),
    ],
    ids=str,
)
def test_all_of_the_calendar_is_counted_and_purged(embedded, ts):
    """The partitions at both ends of the calendar have more than a day."""
    ts = ts.replace(tzinfo=timezone.utc)
    embedded.insert([[RECORD._replace(ts=ts, level=level) for level in (-(2**31), 2**31 - 1)]])
    embedded.insert([[RECORD]])
    at = Filter(after=ts, before=ts)
    assert 2 == embedded.count(at) == len(list(embedded.range(at, 0, 9)))
    assert (
        3
        == embedded.count(Filter())
        == sum(n for *_, n in embedded.timeline(Filter(), timedelta(days=1)))
    )
    assert 1 == embedded.count(Filter(after=ts, before=ts, level=0))
    assert 2 == embedded.purge(datetime.max.replace(tzinfo=timezone.utc), at)
    assert [RECORD.ts] == [record.ts for record in embedded.range(Filter(), 0, 9)]
