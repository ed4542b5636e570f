"""What only ClickHouse does: ids and keys without transactions, projections, hints, transport."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection, HTTPException

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.errors import (
    ConfigurationError,
    ConflictError,
    DiskFullError,
    LimitError,
    SchemaError,
    StorageBusyError,
    StorageError,
)
from chronologer.model import EPOCH, Filter, Record
from chronologer.query import And, Comparison, Literal, Path
from chronologer.query_parser import parse_query
from chronologer.search import parse_search
from chronologer.storage import RetryKey, create_storage, retry
from chronologer.storage.clickhouse import ids, insertion, node
from chronologer.storage.clickhouse.connection import CACHES, Pool, bind
from chronologer.storage.clickhouse.dsn import parse_dsn
from chronologer.storage.clickhouse.ids import COUNT_BITS, MAX_BATCH, NODES, SLOT_BITS, Ids
from test.query_oracle import matches
from test.servers.chronologer import AUTHORIZATION, Server, environment, free_port
from test.test_server import wait_until_free

YEAR_2027 = datetime(2027, 1, 1, tzinfo=timezone.utc)
RECORD = Record(YEAR_2027, 'a', 20, 'hello', {})
KEY = RetryKey(b'o' * 16, '', b'd' * 16)
NDJSON = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
INSERT = 'INSERT INTO .?record'

numbers = itertools.count()


@pytest.fixture
def chdb_dsn(chdb_directory):
    """Of a database that is not there yet."""
    return f'chdb://{chdb_directory}?database=engine_{next(numbers)}'


@pytest.fixture
def embedded(chdb_dsn):
    """A migrated, empty store in this process."""
    with create_storage(chdb_dsn) as storage:
        storage.migrate()
        yield storage


@pytest.fixture
def processes(clickhouse):
    """Two stores of one database that know nothing of each other, as those of two processes."""
    dsn = clickhouse.empty_dsn()
    with (
        create_storage(dsn) as one,
        create_storage(dsn.replace('127.0.0.1', 'localhost')) as other,
    ):
        one.migrate()
        assert one._insertion is not other._insertion
        yield one, other
    clickhouse.clear_faults()


@pytest.fixture
def remote(processes):
    """A migrated, empty store on a server."""
    return processes[0]


def spread(count, first=YEAR_2027):
    """Records of as many days, so that each is in a part of its own."""
    return [RECORD._replace(ts=first + timedelta(days=n), message=f'm{n}') for n in range(count)]


def messages(storage):
    return sorted(record.message for record in storage.range(Filter(), 0, 10**6))


# Ids


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(-2, 2), st.integers(0, MAX_BATCH)), max_size=40
    ),
    st.integers(0, 2**50),
)
def test_ids_increase_and_are_unique(takes, last_id):
    """Of any nodes, by clocks that go to and fro; above all that were there."""
    now = YEAR_2027.timestamp()
    makers = [Ids(number, last_id, lambda: now) for number in (0, 1, NODES - 1)]
    taken, last = set(), [last_id] * 3
    for index, seconds, count in takes:
        now += seconds
        first = makers[index].take(count)
        assert last[index] < first
        assert taken.isdisjoint({first, first + count - 1} if count else ())
        last[index] = max(last[index], first + count - 1)
        taken.update((first, first + count - 1) if count else ())
        assert first >> SLOT_BITS == (first + max(count, 1) - 1) >> SLOT_BITS
        assert (0, 1, NODES - 1)[index] == first >> COUNT_BITS & NODES - 1
        assert first + count <= 2**53


def test_ids_of_a_slot_are_between_its_first_and_the_next():
    """So that a follower knows what is to come."""
    now = YEAR_2027.timestamp() + 0.3
    slot = ids.slot_of(now)
    for number in (0, NODES - 1):
        first = Ids(number, 0, lambda: now).take(MAX_BATCH)
        assert ids.first_id(slot) <= first
        assert first + MAX_BATCH <= ids.first_id(slot + 1)


def test_a_slot_that_is_exhausted_is_followed_by_the_next():
    """Ahead of the clock, and then the clock is waited for."""
    now = YEAR_2027.timestamp()
    maker = Ids(3, 0, lambda: now)
    slots = [maker.take(MAX_BATCH) >> SLOT_BITS for _ in range(5)]
    assert list(range(slots[0], slots[0] + 5)) == slots
    now += 10
    assert ids.slot_of(now) == maker.take(1) >> SLOT_BITS


def test_ids_have_their_limits():
    """Of a batch, and of time: no id has more than 53 bits."""
    with pytest.raises(LimitError, match='16,385'):
        Ids(0, 0).take(MAX_BATCH + 1)
    last = ids.EPOCH + 2**31 - 0.25  # 2**33 quarters of a second
    assert Ids(NODES - 1, 0, lambda: last).take(MAX_BATCH) + MAX_BATCH <= 2**53
    with pytest.raises(StorageError, match='2094'):
        Ids(0, 0, lambda: last + 0.25).take(1)


def test_a_clock_that_was_set_back_gives_no_id_twice(embedded, monkeypatch):
    """Neither while a process runs, nor after it was started again."""
    (first,) = embedded.insert([[RECORD]])
    monkeypatch.setattr(embedded._insertion._ids, '_now', lambda: EPOCH.timestamp())
    (second,) = embedded.insert([[RECORD]])
    embedded._insertion._ids = Ids(0, second[0], lambda: EPOCH.timestamp())
    (third,) = embedded.insert([[RECORD]])
    assert sorted([*first, *second, *third]) == [*first, *second, *third]
    assert 3 == len(list(embedded.since(0, Filter(), 10)))


def test_a_batch_that_is_too_long_is_left_out_alone(embedded):
    """The others of its group are stored."""
    long, short = embedded.insert([[RECORD] * (MAX_BATCH + 1), [RECORD]])
    assert isinstance(long, LimitError)
    assert 1 == len(short) == embedded.count(Filter())


# Nodes


def test_each_process_is_another_node(processes):
    """Their ids differ by it."""
    found = {storage.insert([[RECORD]])[0][0] >> COUNT_BITS & NODES - 1 for storage in processes}
    assert 2 == len(found)


def test_nodes_are_given_back_by_time(embedded):
    """There are 64; a claim is renewed by its owner, or is another's after a while."""
    start = YEAR_2027.timestamp()
    with embedded._writing() as db:
        claims = [node.claim(db, None, lambda: start) for _ in range(NODES)]
        assert set(range(NODES)) == {claim.number for claim in claims}
        with pytest.raises(StorageBusyError, match='64 processes'):
            node.claim(db, None, lambda: start)
        assert claims[0].is_current(start + node.TERM - node.MARGIN - 1)
        assert not claims[0].is_current(start + node.TERM - node.MARGIN)
        renewed = node.claim(db, claims[0], lambda: start + node.TERM)
        assert claims[0].number == renewed.number
        later = start + node.TERM + node.MARGIN + 1
        others = [node.claim(db, None, lambda: later) for _ in range(NODES - 1)]
        assert renewed.number not in {claim.number for claim in others}


def test_who_sees_another_with_the_same_number_gives_way(embedded, monkeypatch):
    """It takes another one."""
    now = YEAR_2027.timestamp()
    choices = iter([5, 7])
    monkeypatch.setattr(node.random, 'choice', lambda free: next(choices))
    with embedded._writing() as db:
        rivals = Rivals(db, int((now + node.TERM) * 1e6))
        assert 7 == node.claim(rivals, None, lambda: now).number


class Rivals:
    """A connection on which another process claims node 5 just before we do."""

    def __init__(self, db, until):
        self._db, self._until = db, until
        self.execute = db.execute

    def insert(self, table, columns, row):
        if json.loads(row)[0] == 5:
            self._db.insert(table, columns, json.dumps([5, 'rival', self._until]).encode())
        self._db.insert(table, columns, row)


# What there is instead of a transaction


def test_a_failed_group_takes_nothing_of_others_with_it(clickhouse, processes, monkeypatch):
    """Ids of its records may have those of another process between them."""
    one, other = processes
    for storage in processes:
        storage.insert([[RECORD]])
    now = time.time() + 10
    for storage in processes:
        monkeypatch.setattr(storage._insertion._ids, '_now', lambda: now)
    make_piece, acknowledged = insertion._make_piece, []

    def make_piece_slowly(batch, ids, has_key):
        nonlocal now
        outcome = make_piece(batch, ids, has_key)
        if ids is one._insertion._ids and not acknowledged:
            for _ in range(2):
                acknowledged.extend(other.insert([[RECORD._replace(message='kept')]])[0])
                now += 0.25
        return outcome

    monkeypatch.setattr(insertion, '_make_piece', make_piece_slowly)
    clickhouse.fault('cut', f'(?s){INSERT}.*lost')
    lost = RECORD._replace(message='lost')
    with pytest.raises(StorageBusyError):
        one.insert([[lost], [lost]])
    assert ['hello', 'hello', 'kept', 'kept'] == messages(one)
    assert 0 == clickhouse.faults_left()


def test_what_another_process_has_acknowledged_stays(clickhouse, processes):
    """One waits for an answer that does not come, the other finds the records stored."""
    one, other = processes
    other.insert([[RECORD]])
    clickhouse.fault('cut', INSERT)
    clickhouse.fault('delay', 'ALTER', seconds=1)

    def send():
        with pytest.raises(StorageBusyError):
            one.insert([spread(3)], [KEY])

    thread = threading.Thread(target=send)
    thread.start()
    while clickhouse.faults_left() == 2:
        time.sleep(0.01)
    stored = wait_until_known(other)
    thread.join()
    assert [[stored]] == [other.insert([spread(3)], [KEY])]
    assert 4 == other.count(Filter()) == len(messages(other))


def wait_until_known(storage):
    for _ in range(100):
        (outcome,) = storage.insert([spread(3)], [KEY])
        if isinstance(outcome, list):
            return outcome
        assert isinstance(outcome, StorageBusyError)
        time.sleep(0.05)
    raise AssertionError('the batch is not known')


def test_a_batch_that_was_stored_in_part_is_stored_anew(embedded):
    """A crash between the parts of two days; what there was of it goes."""
    (first,) = embedded.insert([spread(3)], [KEY])
    with embedded._writing() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (second,) = embedded.insert([spread(3)], [KEY])
    assert first[-1] < second[0]
    assert [second] == embedded.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(embedded)
    (refused,) = embedded.insert([spread(2)], [RetryKey(KEY.owner, '', b'e' * 16)])
    assert isinstance(refused, ConflictError)


def test_a_batch_that_may_be_under_way_is_waited_for(processes, monkeypatch):
    """On a server another process may be at it; after a while it is not."""
    one, other = processes
    (first,) = one.insert([spread(3)], [KEY])
    with one._writing() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (busy,) = other.insert([spread(3)], [KEY])
    assert isinstance(busy, StorageBusyError)
    assert ['m0', 'm2'] == messages(other)
    now = retry.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(retry, 'now', lambda: now)
    (second,) = other.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(other)
    assert [second] == one.insert([spread(3)], [KEY])


def test_of_processes_with_one_key_at_most_one_stores(processes, monkeypatch):
    """Those that see another's note give way, and have it stored when they come again."""
    outcomes = []
    barrier = threading.Barrier(2)

    def send(storage, key):
        barrier.wait()
        outcomes.append((key, *storage.insert([spread(3)], [key])))

    keys = [RetryKey(KEY.owner, str(number), KEY.digest) for number in range(5)]
    for key in keys:
        threads = [threading.Thread(target=send, args=(one, key)) for one in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = {(key.part, *ids) for key, ids in outcomes if isinstance(ids, list)}
    assert 10 == len(outcomes)
    assert len({part for part, *_ in stored}) == len(stored)
    assert 3 * len(stored) == processes[0].count(Filter())
    now = retry.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(retry, 'now', lambda: now)
    again = [storage.insert([spread(3)] * 5, keys) for storage in processes]
    assert again[0] == again[1]
    assert 15 == processes[0].count(Filter())


def test_nothing_is_shown_to_followers_before_others_are_done(processes, monkeypatch):
    """Who follows a server is behind by `LAG`; what it has seen is complete."""
    one, other = processes
    (ids,) = one.insert([[RECORD]])
    assert [] == list(one.since(0, Filter(), 10))
    assert 0 == one.last_id()
    monkeypatch.setattr(insertion, 'LAG', -1)
    assert ids == [record.id for record in other.since(0, Filter(), 10)]
    assert ids[0] == other.last_id()


def test_a_search_is_saved_though_the_clock_was_set_back(embedded, monkeypatch):
    """The newest version is the one that was written last."""
    assert embedded.save('a', '1')
    monkeypatch.setattr(time, 'time_ns', lambda: 1)
    assert not embedded.save('a', '2')
    assert {'a': '2'} == embedded.saved()
    assert embedded.forget('a')
    assert embedded.save('a', '3')
    assert {'a': '3'} == embedded.saved()


# Transport


@pytest.mark.parametrize(
    ('fault', 'error'),
    [
        ({'kind': 'cut'}, StorageBusyError),
        ({'kind': 'late', 'code': 241}, StorageBusyError),
        ({'kind': 'error', 'code': 241}, StorageBusyError),
        ({'kind': 'error', 'code': 252}, StorageBusyError),
        ({'kind': 'error', 'code': 243}, DiskFullError),
        ({'kind': 'error', 'code': 57}, StorageError),
    ],
    ids=str,
)
def test_nothing_is_kept_of_a_group_that_failed(clickhouse, remote, fault, error):
    """Nor is it sent twice by the driver; the next one is stored."""
    clickhouse.fault(fault.pop('kind'), INSERT, 2, **fault)
    with pytest.raises(error):
        remote.insert([spread(3)])
    assert [] == messages(remote)
    assert 1 == clickhouse.faults_left()
    clickhouse.clear_faults()
    remote.insert([spread(3)])
    assert 3 == remote.count(Filter())


def test_what_cannot_be_removed_is_known_by_its_key(clickhouse, remote):
    """The answer was lost, and the server takes no deletion; the sender comes again."""
    clickhouse.fault('cut', INSERT)
    clickhouse.fault('error', 'ALTER', 9, code=243)
    with pytest.raises(StorageBusyError):
        remote.insert([spread(3)], [KEY])
    (stored,) = remote.insert([spread(3)], [KEY])
    assert 3 == len(stored) == remote.count(Filter())


def test_a_group_that_left_nothing_is_not_deleted(clickhouse, remote):
    """With a full disk a deletion would hold up all writing for half a minute."""
    clickhouse.fault('error', INSERT, code=243)
    with pytest.raises(DiskFullError):
        remote.insert([spread(3)])
    with remote._reading() as db:
        (database,) = db.execute('SELECT currentDatabase()').fetchone()
        deletions = 'SELECT count() FROM system.mutations WHERE database = ?'
        assert (0,) == db.execute(deletions, (database,)).fetchone()


@pytest.mark.parametrize(
    'ask',
    [
        lambda storage: storage.count(Filter()),
        lambda storage: list(storage.range(Filter(), 0, 99)),
        lambda storage: list(storage.page(Filter(), None, 99, whole=True)),
        lambda storage: storage.timeline(Filter(), timedelta(days=1)),
        lambda storage: storage.fields(),
        lambda storage: storage.saved(),
    ],
)
def test_half_an_answer_is_none(clickhouse, remote, ask):
    """The server fails after it has sent status 200 and some rows."""
    remote.insert([spread(50)])
    clickhouse.fault('late', 'SELECT', code=241)
    with pytest.raises(StorageBusyError):
        ask(remote)
    assert 0 == clickhouse.faults_left()
    ask(remote)


def test_literal_question_marks_are_refused_where_they_are_no_parameters():
    """Each is one; none is ever part of a statement."""
    assert ('a = {p0:Int64}', {'p0': 1}) == bind('a = ?', [1])
    with pytest.raises(ValueError, match='1 parameters'):
        bind("a = ? AND b = '?'", [1])


@pytest.mark.parametrize('text', ['?', "'", '\\', '%', '_', '{p0:String}', 'a"', '\U0001f600', '`'])
def test_texts_stay_what_they_are(embedded, remote, text):
    """In names, messages, keys, terms and literals; in the process and over HTTP."""
    for storage in (embedded, remote):
        value = text * 3
        record = Record(YEAR_2027, value, 20, value, {'data': {value: value}})
        storage.insert([[record, RECORD]])
        key = Path(('data', value))
        for filter in (
            Filter(names=(text,)),
            Filter(search=parse_search(text)),
            Filter(query=Comparison('=', key, Literal(value))),
            Filter(query=parse_query(f"message LIKE '%{text.replace(chr(39), chr(39) * 2)}%'"))
            if text not in '%_\\'
            else Filter(names=(value,)),
        ):
            assert [value] == [found.message for found in storage.range(filter, 0, 9)]


# Hints


VALUES = [
    *(0, -0.0, 0.0, 1, 1.0, -1, 387, 387.0, -387.0, 1e5, 100_000, 10**14, 1e14, 10**15 - 1),
    *(
        float(10**15 - 1),
        10**15,
        1e15,
        1e16,
        10**16,
        2**53,
        2.0**53,
        2**63 - 1,
        -(2**63),
        0.1,
        1e-7,
    ),
    *(True, False, None, '', '387', '387.0', 'true', 'x', 'é', '\U0001f600', "it's", 'a"b', 'a\\b'),
    *(
        'line\nfeed',
        'tab\t',
        '/',
        '\u2028',
        '\x7f',
        '<&>',
        'null',
        '{"a":1}',
        '[1]',
        ' ',
        '0',
        '-0',
    ),
    *([1, 'x'], [387], {'x': 1, '': 2, 'a': 387}, [], {}),
]
KEYS = ['a', 'user', 'a.b', 'a b', '', 'q"x', 'é', 'a\\b', 'a\nb', '$', '0', 'a=']
LOGRECS = [
    *({'data': {key: value}} for key in KEYS[:4] for value in VALUES),
    *({'data': {KEYS[n % 12]: value, KEYS[n % 7]: 'z'}} for n, value in enumerate(VALUES * 3)),
    *({'meta': {'a': value}, 'error': {'a': value}} for value in VALUES),
    *({'data': value} for value in ('387', 387, [387, 'x'], None, True)),
    *({'data': {'rare': 77.0}}, {'data': {'rare': 77}}, {'data': {'rare': '77'}}),
]
ROWS = 30_000  # in four granules of the index, merged into one part


@pytest.fixture(scope='module')
def granules(chdb_directory):
    """A store, and how often it has each of the logrecs; the last ones are in one granule each."""
    common = len(LOGRECS) - 3
    kinds = [number % common for number in range(ROWS)]
    kinds[100], kinds[15_000], kinds[29_000] = range(common, common + 3)
    records = [
        RECORD._replace(ts=YEAR_2027 + timedelta(seconds=number), logrec=LOGRECS[kind])
        for number, kind in enumerate(kinds)
    ]
    with create_storage(f'chdb://{chdb_directory}?database=engine_granules') as storage:
        storage.migrate()
        for start in range(0, ROWS, 10_000):
            storage.insert([records[start : start + 10_000]])
        with storage._writing() as db:
            db.command('OPTIMIZE TABLE record FINAL')
        yield storage, Counter(kinds)


literals = st.sampled_from(
    [Literal(value) for value in [*VALUES, 77, 77.0, '77'] if isinstance(value, (int, float, str))]
)
sections = st.sampled_from(['data', 'data', 'meta', 'error'])
steps = st.sampled_from([*KEYS, 'rare', 'x', 0, 1])
equalities = st.builds(
    lambda section, steps, literal: Comparison('=', Path((section, *steps)), literal),
    sections,
    st.lists(steps, min_size=1, max_size=2),
    literals,
)
queries = st.one_of(equalities, st.builds(lambda *parts: And(parts), equalities, equalities))


def check_query(granules, query):
    storage, kinds = granules
    records = [RECORD._replace(logrec=logrec) for logrec in LOGRECS]
    expected = sum(n for kind, n in kinds.items() if matches(query, records[kind]))
    assert expected == storage.count(Filter(query=query))


@given(queries)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hints_leave_out_no_match(granules, query):
    """Whatever the notation of a number, the escapes of a text, or the form of ``data``."""
    check_query(granules, query)


@pytest.mark.parametrize('value', [77, 77.0, '77', 387, 0, 'é', 'a"b'], ids=repr)
def test_hints_find_what_one_granule_has(granules, value):
    """By the index of fields, and by the text."""
    for key in ('rare', 'a'):
        check_query(granules, Comparison('=', Path(('data', key)), Literal(value)))


def test_an_index_into_data_is_a_question_too(granules):
    """Which has no hint; it was answered by a TypeError."""
    check_query(granules, parse_query('data[0] = 387'))
    check_query(granules, parse_query("data[1] = 'x'"))


# Projections


def test_counts_are_from_projections(embedded):
    """Where whole buckets are asked for, by anything but a search or a query."""
    embedded.insert([spread(5), [RECORD._replace(name='b', level=40)] * 3])
    forced = {'force_optimize_projection': 1, 'optimize_use_projections': 1}
    embedded._readers = Pool(embedded._target, forced)
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
    """The partitions at both ends have more than a day."""
    ts = ts.replace(tzinfo=timezone.utc)
    embedded.insert([[RECORD._replace(ts=ts, level=level) for level in (-(2**31), 2**31 - 1)]])
    embedded.insert([[RECORD]])
    at = Filter(after=ts, before=ts)
    assert 2 == embedded.count(at) == len(list(embedded.range(at, 0, 9)))
    assert 3 == embedded.count(Filter()) == sum(n for *_, n in embedded.timeline(Filter(), DAY))
    assert 1 == embedded.count(Filter(after=ts, before=ts, level=0))
    assert 2 == embedded.purge(datetime.max.replace(tzinfo=timezone.utc), at)
    assert [RECORD.ts] == [record.ts for record in embedded.range(Filter(), 0, 9)]


DAY = timedelta(days=1)


# Retention


def test_retention_is_by_whole_days(chdb_dsn):
    """What is to be dropped is not seen before; it can be given up again."""
    today = datetime.now(timezone.utc).replace(hour=12)
    with create_storage(f'{chdb_dsn}&retention=3') as storage:
        storage.migrate()
        storage.insert([spread(6, today - 5 * DAY)])  # five to no days ago; of three, all is there
        kept = list(storage.range(Filter(), 0, 99))
        assert 3 == len(kept) == storage.count(Filter())
        assert kept == list(storage.page(Filter(), None, 99))
        assert 3 == len(list(storage.since(0, Filter(), 99)))
        assert 3 == sum(n for *_, n in storage.timeline(Filter(), DAY))
        with storage._writing() as db:
            db.command('OPTIMIZE TABLE record FINAL')
            assert 3 == db.execute('SELECT count() FROM record').fetchone()[0]
        assert ' TTL ' in engine(storage)
    with create_storage(chdb_dsn) as storage:
        storage.migrate()
        assert ' TTL ' not in engine(storage)
        storage.insert([spread(6, today - 50 * DAY)])
        assert 9 == storage.count(Filter())


def engine(storage):
    with storage._reading() as db:
        of_table = "SELECT engine_full FROM system.tables WHERE name = 'record' AND database = ?"
        return db.execute(of_table, (storage._target.database,)).fetchone()[0]


# Schema


def test_newer_schema_is_refused(embedded):
    """It was migrated by a later version, whose rows we might misread."""
    with embedded._writing() as db:
        db.command('INSERT INTO migration VALUES (?, ?)', ('20991231_01_future', 0))
    for refused in (embedded.check, embedded.migrate):
        with pytest.raises(SchemaError, match=r'newer .* 20991231_01_future'):
            refused()


def test_a_database_that_is_missing_is_said_so(chdb_dsn):
    """With what to do, by any question."""
    with create_storage(chdb_dsn) as storage:
        for ask in (storage.check, lambda: storage.count(Filter())):
            with pytest.raises(SchemaError, match='has not been created yet: run "migrate"'):
                ask()


def test_migrations_at_once_agree(processes):
    """Each statement may be repeated; the secret is one."""
    threads = [threading.Thread(target=storage.migrate) for storage in processes * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for storage in processes:
        storage.check()
    assert processes[0].secret() == processes[1].secret()


# DSN


def test_memory_bounds_the_engine(embedded):
    """All that it does, caches among it, and each question by itself."""
    names = ['max_server_memory_usage', *(f'{cache}_size' for cache in CACHES)]
    with embedded._reading() as db:
        settings = 'SELECT toUInt64(value) FROM system.server_settings WHERE name IN ?'
        limit, *caches = sorted([n for (n,) in db.execute(settings, (names,))], reverse=True)
        assert limit == 2**30
        assert len(CACHES) == len(caches)
        assert sum(caches) < limit / 2
        with pytest.raises(StorageBusyError, match='memory'), embedded._translated():
            db.execute('SELECT length(groupArray(number)) FROM numbers(70000000)')


@pytest.mark.parametrize(
    ('dsn', 'expected'),
    [
        ('chdb:///var/log/db', ('/var/log/db', 'chronologer', 0, 1024)),
        ('chdb:///var/db/?database=a&retention=7&memory=512', ('/var/db', 'a', 7, 512)),
        ('chdb:///a%20b%3Fc', ('/a b?c', 'chronologer', 0, 1024)),
    ],
)
def test_dsn_of_a_directory(dsn, expected):
    """A path, percent-encoded, and options."""
    target = parse_dsn(dsn)
    assert target.is_embedded
    assert expected == (target.directory, target.database, target.retention, target.memory)


@pytest.mark.parametrize(
    ('dsn', 'expected'),
    [
        ('clickhouse://host/db', ('host', 8123, 'default', '', False)),
        ('clickhouse://u:p%40s@host:9/db', ('host', 9, 'u', 'p@s', False)),
        ('clickhouse://u@[::1]/db?secure=1', ('::1', 8443, 'u', '', True)),
        ('clickhouse:///db', ('localhost', 8123, 'default', '', False)),
    ],
)
def test_dsn_of_a_server(dsn, expected):
    """Host, port, user and password."""
    target = parse_dsn(dsn)
    assert not target.is_embedded
    names = ('host', 'port', 'username', 'password', 'secure')
    assert expected == tuple(target.server[name] for name in names)


@pytest.mark.parametrize(
    ('dsn', 'why'),
    [
        ('chdb:', 'expected chdb:///'), ('chdb://', 'expected chdb:///'),
        ('chdb:///', 'expected chdb:///'), ('chdb://host/a', 'expected chdb:///'),
        ('chdb:///a%00b', 'expected chdb:///'), ('chdb:///a?b=c', 'option b'),
        ('chdb:///a?cluster=c', 'option cluster'), ('chdb:///a#b', 'option #'),
        ('chdb:///a?memory=64', 'memory: expected an integer from 256 to'),
        ('chdb:///a?retention=x', 'retention: expected an integer from 0 to 18,000'),
        ('chdb:///a?retention=18001', 'retention: expected'),
        ('chdb:///a?retention=1&retention=2', 'option twice'),
        ('chdb:///a?database=', 'has to be named'), ('chdb:///a?database=a.b', 'has to be named'),
        ('clickhouse://host', 'has to be named'), ('clickhouse://host/', 'has to be named'),
        ('clickhouse://host/a/b', 'has to be named'), ("clickhouse://host/a'b", 'has to be named'),
        ('clickhouse://host:x/a', 'Port'), ('clickhouse://host:99999/a', 'Port'),
        ('clickhouse://host/a?memory=1', 'option memory'),
        ('clickhouse://host/a?secure=2', 'secure: expected an integer from 0 to 1'),
        ('clickhouse://host/a?read_timeout=0', 'read_timeout: expected an integer from 1 to 3,600'),
    ],
)  # fmt: skip
def test_dsn_that_cannot_be_used_is_refused(dsn, why):
    """With the reason, and without its password."""
    with pytest.raises(ConfigurationError, match=r'storage DSN .*: .*') as caught:
        create_storage(dsn)
    assert why in caught.value.message
    with pytest.raises(ConfigurationError) as caught:
        create_storage('clickhouse://user:s3cret@host/')
    assert 's3cret' not in caught.value.message


# Processes


def run_command(directory, dsn, *arguments):
    """The exit status of a command that ends at once, and the last line that it says."""
    command = [sys.executable, '-m', 'chronologer', *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(directory, free_port(), storage_dsn=dsn),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()[-1]


def test_workers_are_refused_for_a_directory(tmp_path):
    """chDB lets one process open it."""
    status, said = run_command(tmp_path, f'chdb://{tmp_path}/db', 'serve', '--workers', '2')
    assert 2 == status
    assert 'CHRONOLOGER_WORKERS' in said
    assert 'one process alone' in said


def test_a_server_that_is_killed_loses_nothing(tmp_path):
    """By SIGKILL, at any moment, amid batches of many days; and it keeps others out meanwhile."""
    dsn = f'chdb://{tmp_path}/db'
    with Server(tmp_path, dsn=dsn) as server:
        status, said = run_command(tmp_path, dsn, 'serve')
        assert 2 == status
        assert 'another process has it open' in said
        with Senders(server) as senders:
            for seconds in (0.2, 0.6):
                time.sleep(seconds)
                server.kill()
                wait_until_free(server.port)
                server.start()
            senders.wait_for(2)
        lines = server.request('GET', '/api/v1/export').data.splitlines()
        stored = Counter(json.loads(line)['message'] for line in lines)
        assert dict.fromkeys(senders.acknowledged, 1) == dict(stored)
        assert len(stored) == server.count() == server.count('search=m') == server.count('name=a')


class Senders:
    """Threads that send batches of many days until they are acknowledged, each with a key."""

    def __init__(self, server, count=2):
        self.acknowledged = []
        self._server, self._stop, self._batches = server, threading.Event(), Counter()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, batches):
        while self._batches.total() < batches and any(one.is_alive() for one in self._threads):
            time.sleep(0.05)

    def _run(self, number):
        for batch in itertools.count():
            if self._stop.is_set():
                return
            texts = [f'm {os.getpid()} {number} {batch} {line}' for line in range(1050)]
            body = '\n'.join(
                json.dumps(
                    {'name': 'a', 'levelno': 20, 'created': 1.6e9 + 86_400 * (n % 12), 'msg': text}
                )
                for n, text in enumerate(texts)
            )
            self._send(body.encode(), f'{number} {batch}')
            self.acknowledged += texts
            self._batches[number] += 1

    def _send(self, body, key):
        for _ in range(2000):
            connection = HTTPConnection(self._server.host, timeout=30)
            try:
                headers = {**NDJSON, 'Idempotency-Key': key}
                connection.request('POST', '/api/v1/record', body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, HTTPException):
                time.sleep(0.03)
                continue
            finally:
                connection.close()
            assert response.status in (201, 503), answer
            if response.status == 201:
                return
        raise AssertionError(f'not acknowledged: {key}')
