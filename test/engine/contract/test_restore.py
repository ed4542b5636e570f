"""Restoring records with their ids from another storage."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta, timezone
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.copy.digest import canonical
from chronologer.errors import StorageError
from chronologer.model import EPOCH, Filter, Record
from chronologer.query.parser import parse_field, parse_query
from chronologer.query.tree import Column
from chronologer.search import parse_search
from chronologer.storage import MAX_ID, BatchKey, create_storage
from test.engine.contract.conftest import ENGINES, EVERY_DRIVER, ONCE, SQL_ENGINES
from test.engine.contract.test_search import FILTERS, RECORDS, START, check

SHARED = pytest.mark.parametrize(
    'empty_dsn', [engine for engine in ENGINES if engine != 'chdb'], indirect=True
)  # chDB opens a directory in this process

LOGREC = {
    'data': {'n': 387, 'f': 387.0, 'none': None, 'big': -(2**63), '': {'': ['é\U0001f600', []]}},
    'meta': {'msg': 'hello', 'args': [True, 1, 1.0]},
    'error': {'exc_text': 'Traceback\n  ValueError: \\x00'},
}
LAST = datetime.max.replace(tzinfo=timezone.utc)


def make(*ids: int) -> list[Record]:
    """Return one record per second with these ids."""
    return [
        Record(START + timedelta(seconds=n), 'app', 20, f'number {n}', {'data': {'n': id}}, id)
        for n, id in enumerate(ids)
    ]


def everything(storage) -> list[Record]:
    return list(storage.since(0, Filter(), 99_999, whole=True))


@EVERY_DRIVER
def test_records_are_restored_unchanged(storage):
    """Records keep their microseconds, types and ids, also with gaps between ids."""
    records = [
        Record(datetime.min.replace(tzinfo=timezone.utc), '', -(2**31), '', {}, 3),
        Record(START + timedelta(microseconds=1), 'app.ü ', 40, ' hello\n', LOGREC, 4),
        Record(LAST, 'n' * 1000, 2**31 - 1, 'm' * 100_000, {}, 2**40),
    ]
    storage.restore(records)
    assert list(map(canonical, records)) == list(map(canonical, everything(storage)))
    assert records == [storage.get(record.id) for record in records]
    assert storage.get(5) is None
    assert 2**40 == storage.last_id()


def test_restored_records_are_counted_and_found(storage):
    """Counters and the search index include restored records."""
    storage.restore(make(*range(10, 200, 3)))
    assert 64 == storage.count(Filter())
    assert 64 == sum(n for *_, n in storage.timeline(Filter(), timedelta(days=1)))
    assert [('app', 64)] == storage.facet(Filter(), Column('name'), 9)
    assert {'data.n': {'number'}} == storage.fields()
    found = storage.since(0, Filter(search=parse_search('"number 1"')), 99)
    assert [13, *range(40, 70, 3)] == [record.id for record in found]
    assert 1 == storage.count(Filter(query=parse_query('data.n = 160')))
    assert [(199, 1)] == storage.facet(Filter(), parse_field('data.n'), 1)


def test_later_ids_are_larger(storage):
    """Ids of later inserts and restores are larger than all earlier ones."""
    storage.restore(make(7, 1000))
    (first, second), (third,) = storage.insert([make(0, 0), make(0)])
    assert 1000 < first < second < third
    storage.restore(make(third + 5))
    ((fourth,),) = storage.insert([make(0)])
    assert third + 5 < fourth
    assert [7, 1000, first, second, third, third + 5, fourth] == [r.id for r in everything(storage)]


@pytest.mark.parametrize('empty_dsn', SQL_ENGINES, indirect=True)
def test_ids_may_be_as_large_as_those_of_javascript(storage):
    """Ids up to 2**53 - 1 can be restored; on ClickHouse ids are times and cannot be so large."""
    storage.restore(make(MAX_ID - 2, MAX_ID - 1))
    assert [MAX_ID - 2, MAX_ID - 1] == [record.id for record in everything(storage)]
    assert MAX_ID - 1 == storage.last_id() == storage.resume_restore()
    ((last,),) = storage.insert([make(0)])
    assert last == MAX_ID
    assert 3 == storage.count(Filter(search=parse_search('number')))


def test_last_restored_id(empty_dsn):
    """A copy resumes after the last record, also when the storage is opened again."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
        assert 0 == storage.resume_restore()
        storage.restore(make(5, 9))
        assert 9 == storage.resume_restore()
    with create_storage(dsn) as storage:
        assert 9 == storage.resume_restore()
        ((last,),) = storage.insert([make(0)])
        assert last == storage.resume_restore()


@pytest.mark.parametrize(
    'ids', [(30, 31, 31), (30, 32, 31), (20,), (19, 30), (0, 30), (-1,), (30, MAX_ID + 1)], ids=str
)
def test_ids_that_do_not_ascend_are_refused(storage, ids):
    """The whole batch is rejected; nothing of it is stored or counted."""
    storage.restore(make(10, 20))
    with pytest.raises(StorageError, match='cannot be restored'):
        storage.restore(make(*ids))
    with pytest.raises(StorageError, match='record None'):
        storage.restore([*make(30), make(0)[0]._replace(id=None)])
    assert [10, 20] == [record.id for record in everything(storage)]
    assert 2 == storage.count(Filter()) == storage.count(Filter(search=parse_search('number')))
    storage.restore(make(30, 31))
    assert 4 == storage.count(Filter())


@EVERY_DRIVER
def test_a_batch_that_the_engine_rejects_leaves_nothing(storage):
    """Nothing of the batch is stored, neither records nor names nor counts."""
    bad = Record(START, 'new', 2**70, 'bad', {}, 3)
    with pytest.raises(StorageError):
        storage.restore([*make(1, 2), bad])
    assert [] == everything(storage)
    assert 0 == storage.count(Filter()) == storage.count(Filter(search=parse_search('number')))
    storage.restore([*make(1, 2), bad._replace(level=20)])
    assert 1 == storage.count(Filter(names=('new',)))


def test_nothing_is_restored_by_an_empty_batch(storage):
    """An empty batch restores nothing and is no error."""
    storage.restore([])
    assert [] == everything(storage)
    assert 0 == storage.resume_restore()


@EVERY_DRIVER
def test_a_batch_may_be_large(storage):
    """A batch may have thousands of records."""
    records = make(*range(100, 20_100, 4))
    storage.restore(records)
    assert records == everything(storage)
    assert 5000 == storage.count(Filter()) == storage.count(Filter(search=parse_search('number')))


def test_larger_ids_can_be_restored_after_a_purge(storage):
    """After a purge of the newest records, records above the resume id are restored and found."""
    storage.restore(make(*range(10, 20)))
    storage.purge(LAST, Filter(query=parse_query('data.n >= 17')))
    assert 7 == storage.count(Filter())
    start = storage.resume_restore()
    assert 16 <= start <= 19
    storage.restore(make(start + 1, start + 2, start + 9))
    assert 10 == storage.count(Filter()) == storage.count(Filter(search=parse_search('number')))
    storage.purge(LAST, Filter())
    start = storage.resume_restore()
    storage.restore(make(start + 1))
    assert 1 == storage.count(Filter(search=parse_search('number')))
    ((last,),) = storage.insert([make(0)])
    assert last > start + 1


def test_ids_of_purged_records_may_be_restored(two_storages):
    """No process mistakes them for the purged records, which it may have cached."""
    for text in ('first', 'second', 'third'):
        one, other = two_storages()
        start = one.resume_restore()
        one.restore([record._replace(message=text) for record in make(start + 1, start + 2)])
        for storage in (one, other):
            assert 2 == storage.count(Filter(search=parse_search(text)))
            assert 0 == storage.count(Filter(search=parse_search(f'-{text}')))


def test_keys_of_batches_are_kept(storage):
    """A repeated batch gets its first ids also after a restore."""
    key = BatchKey(b'o' * 16, '', b'd' * 16)
    (first,) = storage.insert([make(0, 0)], [key])
    storage.restore(make(first[-1] + 10))
    assert [first] == storage.insert([make(0, 0)], [key])
    assert 3 == storage.count(Filter())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(['insert', 'restore', 'restore', 'purge']),
        st.lists(st.tuples(RECORDS, st.sampled_from([1, 1, 1, 2, 1000])), max_size=9),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=6,
)


@ONCE
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, filters=st.lists(FILTERS, min_size=1, max_size=3))
def test_answers_are_those_of_a_scan(two_storages, steps, filters):
    """Two processes insert, restore and purge in any order; answers equal those of a scan."""
    storages = two_storages()
    stored: list[Record] = []
    for kind, some, number in steps:
        storage, records = storages[number], [record for record, _ in some]
        if kind == 'insert':
            (ids,) = storage.insert([records])
        elif kind == 'restore':
            ids = list(accumulate((gap for _, gap in some), initial=storage.resume_restore()))[1:]
            storage.restore(
                [record._replace(id=id) for record, id in zip(records, ids, strict=True)]
            )
        else:
            before = START + timedelta(minutes=20)
            storage.purge(before, Filter(level=20))
            stored = [r for r in stored if r.ts >= before or r.level < 20]
            continue
        stored += [record._replace(id=id) for record, id in zip(records, ids, strict=True)]
    for storage in storages:
        assert stored == everything(storage)
        for filter in (Filter(), *filters):
            check(storage, filter, stored)


@SHARED
def test_a_killed_process_leaves_whole_batches(empty_dsn):
    """Each batch is whole or absent; after resuming, all records are found and counted once."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
    code = f"""
        from chronologer.model import EPOCH, Record
        from chronologer.storage import create_storage
        with create_storage('{dsn}') as storage:
            id = storage.resume_restore() or -19
            while True:
                print(flush=True)
                ids = range(id + 20, id + 20 * 700, 20)
                storage.restore([Record(EPOCH, 'app', 20, f'id {{id}}', {{}}, id) for id in ids])
                id = ids[-1]
    """
    for lines in (1, 2, 4):
        process = subprocess.Popen(
            [sys.executable, '-c', textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with create_storage(dsn) as storage:
            start = storage.resume_restore()
            assert start == storage.last_id()
            assert list(range(1, start + 1, 20)) == [record.id for record in everything(storage)]
    with create_storage(dsn) as storage:
        storage.restore([Record(EPOCH, 'app', 20, 'id', {}, start + 1)])
        count = 1 + (start + 19) // 20
        assert count == storage.count(Filter()) == len(everything(storage))
        assert count == storage.count(Filter(search=parse_search('id')))
