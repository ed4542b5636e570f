"""Searches, and queries that use the search index, find the same records as a scan in Python."""

from datetime import datetime, timedelta, timezone
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.errors import QueryTimeoutError
from chronologer.model import Filter, Record
from chronologer.query.parser import parse_field, parse_query
from chronologer.query.tree import Column
from chronologer.search import Search, parse_search, searchable
from chronologer.storage import create_storage
from chronologer.storage.sql import index
from chronologer.storage.sql.index import table
from test.engine.contract.conftest import EVERY_DRIVER, ONCE
from test.engine.query_oracle import matches as query_matches

# Engines with rows, and blocks for searches only.
ROWS = pytest.mark.parametrize('empty_dsn', ['mysql', 'mariadb+pymysql'], indirect=True)
START = datetime(2024, 6, 1, tzinfo=timezone.utc)
PIECES = st.sampled_from(
    ['Unicode', 'Encode', 'Error', 'time', 'OUT', 'out', 'Ä', 'ß', 'ss', 'ключ', '日本', ' ', '_',
     '-', ' ', '"', "'", '%', '\\', '\n', '3', '87', 'ſ', 'İ', '\U0001f600']
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=6).map(''.join)
TERMS = st.lists(PIECES, min_size=1, max_size=3).map(lambda some: ''.join(some).casefold())
VALUES = TEXTS | st.sampled_from([387, 387.0, '387', True, None, 0.5, 2**60, 'bob'])
LOGRECS = st.fixed_dictionaries(
    {},
    optional={
        'data': st.dictionaries(st.sampled_from(['a', 'b']), VALUES | st.lists(VALUES, max_size=2)),
        'error': st.fixed_dictionaries({'exc_text': TEXTS}),
        'meta': st.fixed_dictionaries({'msg': TEXTS}),
    },
)
RECORDS = st.builds(
    Record,
    st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.sampled_from(['a', 'a.b', 'c']),
    st.sampled_from([10, 20, 40]),
    TEXTS,
    LOGRECS,
)
SEARCHES = st.builds(
    Search, st.lists(TERMS, max_size=3).map(tuple), st.lists(TERMS, max_size=1).map(tuple)
).filter(lambda search: search.wanted or search.unwanted)
QUERIES = st.sampled_from(
    ["data.a = '387'", 'data.a = 387', 'data.a = 387.0', 'data.b = true', "data.a[0] = 'bob'",
     "message LIKE '%Error%'", "data.a LIKE '%Enc_de%Err%'", "error.exc_text LIKE 'Unicode%'",
     "message = 'timeOUT'", "data.a = 'bob' OR data.b = 'bob'", "NOT data.a = 387", "level >= 20",
     "data.a = 387 AND message LIKE '%out%'", "data.b = 1152921504606846976", "data.a = 0.5"]
)  # fmt: skip
FILTERS = st.builds(
    Filter,
    after=st.none() | st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
    before=st.none() | st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=minutes)),
    level=st.none() | st.sampled_from([20, 40]),
    names=st.sampled_from([(), ('a',), ('a.b', 'c')]),
    search=st.none() | SEARCHES,
    query=st.none() | QUERIES.map(parse_query),
)


def matches(filter: Filter, record: Record) -> bool:
    return (
        (filter.after is None or filter.after <= record.ts)
        and (filter.before is None or record.ts <= filter.before)
        and (filter.level is None or record.level >= filter.level)
        and (not filter.names or record.name.startswith(filter.names))
        and (not filter.search or filter.search.matches(searchable(record.message, record.logrec)))
        and (filter.query is None or query_matches(filter.query, record))
    )


def check(storage, filter, stored, left=0, right=99):
    """Compare every kind of answer with a scan."""
    found = [record for record in stored if matches(filter, record)]
    newest = sorted(found, key=lambda record: (record.ts, record.id), reverse=True)
    bare = [record._replace(logrec=None) for record in newest]
    assert bare[left : right + 1] == list(storage.range(filter, left, right))
    assert len(found) == storage.count(filter)
    assert [r.id for r in found] == [r.id for r in storage.since(0, filter, 99)]
    middle = stored[len(stored) // 2].id if stored else 0
    following = [r.id for r in found if r.id > middle]
    assert following[:3] == [r.id for r in storage.since(middle, filter, 3)]
    for ascending in (False, True):
        order = newest[::-1] if ascending else newest
        assert order[:4] == list(storage.page(filter, None, 4, ascending, whole=True))
        for place in stored[:: max(1, len(stored) // 3)]:
            cursor = place.ts, place.id
            beyond = [r for r in order if ((r.ts, r.id) > cursor) is ascending and r is not place]
            assert beyond[:4] == list(storage.page(filter, cursor, 4, ascending, whole=True))
    hours = storage.timeline(filter, timedelta(minutes=15))
    assert len(found) == sum(count for *_, count in hours)
    minutes = storage.timeline(filter, timedelta(minutes=1))
    assert sorted((r.ts, r.level) for r in found) == [
        (ts, level) for ts, level, count in minutes for _ in range(count)
    ]
    names = {name: sum(r.name == name for r in found) for name in {r.name for r in found}}
    assert names == dict(storage.facet(filter, Column('name'), 99))


@ONCE
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.lists(RECORDS, max_size=12), max_size=4),
    filters=st.lists(FILTERS, min_size=1, max_size=5),
    purged=FILTERS,
)
def test_answers_are_those_of_a_scan(shared_storage, batches, filters, purged):
    """Records in blocks, in groups of blocks and in the tail are found, also after a purge."""
    storage = shared_storage()
    ids = [id for outcome in storage.insert(batches) for id in outcome]
    records = [record for batch in batches for record in batch]
    stored = [record._replace(id=id) for record, id in zip(records, ids, strict=True)]
    for filter in filters:
        check(storage, filter, stored, left=1, right=6)
    before = START + timedelta(minutes=20)
    left = [record for record in stored if record.ts >= before or not matches(purged, record)]
    assert len(stored) - len(left) == storage.purge(before, purged)
    for filter in filters:
        check(storage, filter, left)


@EVERY_DRIVER
def test_documented_searches(storage):
    """The examples of the documentation find their records."""
    error = {
        'error': {'exc_text': 'Traceback (most recent call last):\n  UnicodeEncodeError: ascii'}
    }
    records = [
        Record(START, 'app', 40, 'Request failed', error),
        Record(
            START, 'app', 20, 'order_total is 3 €', {'data': {'user': 'Zoë', 'ip': ['10.0.0.7']}}
        ),
        Record(START, 'app', 20, 'Connection reset by peer', {'data': {'path': '/health'}}),
        Record(START, 'app', 30, 'connection to peer was RESET', {'meta': {'msg': 'zzz'}}),
    ]
    (ids,) = storage.insert([records])

    def found(text):
        records = storage.since(0, Filter(search=parse_search(text)), 9)
        return [ids.index(record.id) + 1 for record in records]

    assert [1] == found('unicode')
    assert [1] == found('encodeerr failed')
    assert [2] == found('TOTAL')
    assert [2] == found('zoë 10.0.0')
    assert [3, 4] == found('reset connection')
    assert [3] == found('"connection reset"')
    assert [4] == found('reset -health')
    assert [1, 2] == found('-connection')
    assert [2] == found('€')
    assert [] == found('zzz')
    assert [] == found('user')


@EVERY_DRIVER
def test_a_record_too_large_for_a_block(storage, monkeypatch):
    """A record that is too large for a block is searched in its own row."""
    monkeypatch.setattr(index, 'BLOCK_SIZE', 100)
    monkeypatch.setattr(table, 'MAX_SIZE', 150)
    texts = ['first', 'x' * 200 + ' needle', 'y' * 60, 'z' * 60 + 'needle', 'w' * 300, 'last']
    records = [Record(START, 'app', 20, text, {'data': {'n': 387}}) for text in texts]
    outcomes = storage.insert([[record] for record in records])
    stored = [record._replace(id=id) for record, (id,) in zip(records, outcomes, strict=True)]
    check(storage, Filter(search=parse_search('needle')), stored)
    check(storage, Filter(search=parse_search('-needle')), stored)
    check(storage, Filter(query=parse_query('data.n = 387')), stored)
    storage.purge(datetime.max.replace(tzinfo=timezone.utc), Filter(search=parse_search('needle')))
    check(storage, Filter(search=parse_search('-zzz')), stored[0:1] + stored[2:3] + stored[4:])


def test_servers_share_an_index(empty_dsn):
    """Several processes write to one database; each may build blocks of all records."""
    dsn = empty_dsn()
    with create_storage(dsn) as one, create_storage(dsn) as other:
        one.migrate()
        stored = []
        for number in range(20):
            record = Record(START, 'app', 20, f'number {number}', {})
            ((id,),) = (one if number % 3 else other).insert([[record]])
            stored.append(record._replace(id=id))
        for storage in (one, other):
            check(storage, Filter(search=parse_search('number 1')), stored)


@EVERY_DRIVER
def test_a_slow_search_times_out(empty_dsn):
    """A search stops at its time limit, also between statements."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage, create_storage(dsn, query_timeout=1e-6) as hasty:
        storage.migrate()
        storage.insert([[Record(START, 'app', 20, 'hello', {})] * 10])
        with pytest.raises(QueryTimeoutError):
            hasty.count(Filter(search=parse_search('hello')))


def test_a_facet_has_a_time_limit_in_all(storage):
    """It reads records slice by slice, each of which is fast."""
    storage.insert([[Record(START, 'app', 20, 'hello', {'data': {'n': 1}})] * 10])
    storage.query_timeout = -1
    with pytest.raises(QueryTimeoutError):
        storage.facet(Filter(), parse_field('data.n'), 3)


def test_facet_of_a_search(storage):
    """A facet counts values of the newest matching records."""
    records = [
        Record(START, 'app', 20, 'even' if n % 2 else 'odd', {'data': {'n': n}}) for n in range(9)
    ]
    storage.insert([records])
    facet = storage.facet(Filter(search=parse_search('even')), parse_field('data.n'), 3)
    assert {(3, 1), (5, 1), (7, 1)} == set(facet)


def test_rolled_back_records_are_not_found(storage):
    """A rejected batch, whose ids another one may get, leaves nothing in the index."""
    good = [Record(START, 'app', 20, f'good {n}', {}) for n in range(2)]
    bad = [Record(START, 'app', level, 'bad', {}) for level in (20, 2**70)]
    for _ in range(5):
        first, refused, last = storage.insert([good, bad, good])
        assert not isinstance(refused, list)
        assert len(first) == len(last) == 2
    assert 0 == storage.count(Filter(search=parse_search('bad')))
    assert 10 == storage.count(Filter(search=parse_search('"good 1"')))


def test_a_search_is_complete_while_records_arrive(storage):
    """Acknowledged records are found, whether they are in a block or not."""
    stored = 0

    def write():
        nonlocal stored
        for number in range(60):
            storage.insert([[Record(START, 'app', 20, f'needle {number}', {})] * 2])
            stored += 2

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        before = stored
        count = storage.count(Filter(search=parse_search('needle')))
        assert before <= count <= stored + 2
        newest = storage.page(Filter(search=parse_search('needle')), None, before)
        assert before == len(list(newest))
    writer.join()
    assert 120 == storage.count(Filter(search=parse_search('needle')))


def test_large_blocks_without_their_text_are_cut_by_a_purge(storage, monkeypatch):
    """The remaining records are found, and a block that is no longer large has its text again."""
    monkeypatch.setattr(table, 'MAX_SIZE', 100)
    records = [
        Record(START + timedelta(minutes=n), 'app', 20, f'needle {n}' + 'x' * (50 * (n % 2)), {})
        for n in range(9)
    ]
    (ids,) = storage.insert([records])
    stored = [record._replace(id=id) for record, id in zip(records, ids, strict=True)]
    storage.purge(START + timedelta(minutes=2), Filter())
    check(storage, Filter(search=parse_search('needle')), stored[2:])
    check(storage, Filter(search=parse_search('"needle 5"')), stored[2:])


def blocks(storage) -> int:
    with storage._database.read() as db:
        return db.execute('SELECT count(*) FROM block').fetchone()[0]


@ROWS
def test_the_tail_stays_short_after_restarts_and_failures(empty_dsn):
    """The first write of a process looks for records outside of blocks."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
    for _ in range(6):
        with create_storage(dsn) as storage:
            storage.insert([[Record(START, 'app', 20, 'good', {})] * 2])
            storage.insert([[Record(START, 'app', 2**70, 'bad', {})]])
    with create_storage(dsn) as storage:
        assert 4 == blocks(storage)
        assert 12 == storage.count(Filter(search=parse_search('good')))


@ROWS
def test_blocks_are_limited_by_stored_bytes(storage, monkeypatch):
    """Parts that are not searched count too, because the tail is read as a whole."""
    monkeypatch.setattr(index, 'BLOCK_RECORDS', 1000)
    monkeypatch.setattr(index, 'BLOCK_SOURCE', 1000)
    meta = {'meta': {'stack_info': 'x' * 300}}
    storage.insert([[Record(START, 'app', 20, 'small', meta)] * 9])
    assert 2 == blocks(storage)


def test_long_names_of_fields_are_not_multiplied(storage):
    """A long key may have many keys below it."""
    logrec = {'data': {'k' * 16_000: {str(n): n for n in range(5000)}, 'short': {'a': [1] * 5000}}}
    storage.insert([[Record(START, 'app', 20, 'm', logrec)] * 4])
    assert {'data.short.a': {'array'}} == storage.fields()
    query = f'data.{"k" * 200}.a = 1 OR data.short.a[4999] = 1'
    assert 4 == storage.count(Filter(query=parse_query(query)))
    assert 4 == storage.count(Filter(query=parse_query('data.short.a[4999] = 1')))


def test_offsets_past_everything(storage):
    """Offsets beyond the last record give empty pages."""
    storage.insert([[Record(START, 'app', 20, 'hello', {})]])
    filter = Filter(search=parse_search('hello'))
    assert [] == list(storage.range(filter, 2**63 - 1, 2**63 - 1))
