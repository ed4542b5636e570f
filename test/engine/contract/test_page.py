"""Pages from a cursor, and the fields that records have."""

from datetime import datetime, timedelta, timezone

from chronologer.model import Filter, Record
from chronologer.query.parser import parse_field, parse_query
from chronologer.query.tree import Path

UTC_MIN = datetime.min.replace(tzinfo=timezone.utc)
UTC_MAX = datetime.max.replace(tzinfo=timezone.utc)
START = datetime(2024, 6, 1, tzinfo=timezone.utc)


def pages(storage, filter, limit, ascending):
    cursor = None
    while page := list(storage.page(filter, cursor, limit, ascending)):
        assert len(page) <= limit
        yield from page
        cursor = page[-1].ts, page[-1].id


def test_pages_give_each_record_once(storage):
    """Pages work across equal timestamps, borders of buckets and the ends of the calendar."""
    moments = [START + timedelta(minutes=n) for n in (0, 0, 0, 1, 14, 15, 15, 16, 3000)]
    moments += [UTC_MIN, UTC_MAX, UTC_MIN, UTC_MAX]
    records = [Record(ts, 'app', 10 * (n % 3), 'm', {}) for n, ts in enumerate(moments)]
    storage.insert([records])
    everything = list(storage.range(Filter(), 0, 99))
    for filter in (Filter(), Filter(level=20), Filter(query=parse_query('level <> 10'))):
        wanted = [r for r in everything if not (filter.level or filter.query) or r.level == 20]
        if filter.query:
            wanted = [r for r in everything if r.level != 10]
        for limit in (1, 2, 5, 99):
            assert wanted == list(pages(storage, filter, limit, ascending=False))
            assert wanted[::-1] == list(pages(storage, filter, limit, ascending=True))


def test_a_page_has_logrec_only_on_request(storage):
    """Pages and following omit logrec by default."""
    storage.insert([[Record(START, 'app', 20, 'm', {'data': {'a': 1}})]])
    for records in (storage.page(Filter(), None, 9), storage.since(0, Filter(), 9)):
        assert [None] == [r.logrec for r in records]
    whole = [storage.page(Filter(), None, 9, whole=True), storage.since(0, Filter(), 9, whole=True)]
    for records in whole:
        assert [{'data': {'a': 1}}] == [r.logrec for r in records]
    assert [] == list(storage.page(Filter(), None, 0))


def test_fields(storage):
    """Fields have their types and names as in a query, before and after records are in blocks."""
    logrecs = [
        {'data': {'user': 'bob', 'n': 1}, 'meta': {'lineno': 7, 'funcName': None, 'args': [1]}},
        {'data': {'user': 3, 'n': 1.5, 'deep': {'a b': {'c"d': True}}, 'list': [{'x': 1}]}},
        {'error': {'exc_text': 'Traceback'}, 'data': {'ключ': None, 'é': 'x', 'select': False}},
        {'data': {'late': 'x', 'x' * 300: 'y'}},
    ]
    expected = {
        'data.user': {'text', 'number'},
        'data.n': {'number'},
        'meta.lineno': {'number'},
        'meta.args': {'array'},
        'data.deep."a b"."c""d"': {'boolean'},
        'data.list': {'array'},
        'error.exc_text': {'text'},
        'data.é': {'text'},
        'data.select': {'boolean'},
    }
    assert {} == storage.fields()
    storage.insert([[Record(START, 'app', 20, 'm', logrec) for logrec in logrecs[:3]]])
    assert expected == storage.fields()
    storage.insert([[Record(START, 'app', 20, 'm', logrecs[3])]])
    assert expected.keys() | {'data.late'} == storage.fields().keys()
    for number in range(6):
        storage.insert([[Record(START, 'app', 20, 'm', {'data': {f'f{number % 2}': 1}})]])
    assert expected.keys() | {'data.late', 'data.f0', 'data.f1'} == storage.fields().keys()
    assert all(isinstance(parse_field(name), Path) for name in storage.fields())


def test_pages_are_full_while_records_are_purged(storage):
    """A page with fewer records than its limit is the last one, so paging misses none."""
    records = [Record(START + timedelta(seconds=n), 'app', 20, 'm', {}) for n in range(2000)]
    (stored,) = storage.insert([records])
    page = storage.page(Filter(), None, 1200, ascending=True)
    ids = [next(page).id for _ in range(3)]
    assert 900 == storage.purge(START + timedelta(seconds=900), Filter())
    ids += [record.id for record in page]
    assert 1200 == len(ids) == len(set(ids))
    assert set(stored[900:1600]) <= set(ids)
    assert sorted(ids) == ids
