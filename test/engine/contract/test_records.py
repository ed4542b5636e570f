"""Storing records and reading them."""

import threading
from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import StorageError
from chronologer.ingest.normalisation import MAX_KEY
from chronologer.jobs.retention import Retention
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage
from test.engine.contract.conftest import EVERY_DRIVER

NOW = datetime(2024, 6, 1, 12, 0, 0, 123456, timezone.utc)
LOGREC = {
    'data': {
        'foo': 387,
        'x': [1, {'y': None}],
        'big': 2**63 - 1,
        'f': 0.1,
        'ключ "\'': 'é\U0001f600',
    },
    'meta': {'lineno': 20},
}


def make(offset: float = 0, name: str = 'app', level: int = 20, message: str = 'hello') -> Record:
    return Record(NOW + timedelta(seconds=offset), name, level, message, {})


def ids(records) -> list[int]:
    return [record.id for record in records]


@EVERY_DRIVER
def test_a_record_is_read_as_stored(storage):
    """A stored record is read with all its parts and its id; before, the id does not exist."""
    record = Record(NOW, 'app.db', 40, 'Größe\n\t"\'\\ %_', LOGREC)
    assert storage.get(1) is None
    ((id,),) = storage.insert([[record]])
    assert Record(NOW, 'app.db', 40, 'Größe\n\t"\'\\ %_', LOGREC, id) == storage.get(id)
    assert storage.get(id + 1) is None


@EVERY_DRIVER
@pytest.mark.parametrize(
    'record',
    [
        Record(datetime.min.replace(tzinfo=timezone.utc), '', -(2**31), '', {}),
        Record(
            datetime.max.replace(tzinfo=timezone.utc), 'n' * 100_000, 2**31 - 1, ' trailing ', {}
        ),
        Record(NOW, 'trailing ', 20, 'm' * 20_000_000, {'data': {'a': 'x' * 1_000_000}}),
        Record(NOW, '%_\\', 20, 'null', {'data': {'': {'': ''}}}),
        Record(NOW, 'a', 20, 'm', {'data': {'\U0001f600' * MAX_KEY: {'a' * MAX_KEY: 1}}}),
    ],
    ids=range(5),
)
def test_extremes_are_read_as_stored(storage, record):
    """Both ends of the calendar and of levels, and empty and long texts, are stored unchanged."""
    ((id,),) = storage.insert([[record]])
    stored = storage.get(id)
    assert (record.ts, record.level) == (stored.ts, stored.level)
    assert (record.name, record.logrec) == (stored.name, stored.logrec)
    assert record.message == stored.message
    assert [id] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter())
    assert [1] == [n for *_, n in storage.timeline(Filter(), timedelta(days=1))]


@EVERY_DRIVER
def test_names_that_differ_in_case_or_trailing_space_are_different(storage):
    """Names that differ only in case or trailing spaces stay different."""
    names = ['app', 'App', 'app ', 'a\u0301pp', '\u00e1pp']
    storage.insert([[make(name=name) for name in names]])
    assert sorted(names) == sorted(record.name for record in storage.range(Filter(), 0, 9))
    assert 2 == storage.count(Filter(names=('app',)))


def test_ids_increase_over_batches_and_transactions(storage):
    """Ids are in the order of records, and are exact in JavaScript."""
    outcomes = storage.insert([[make(), make()], [make()]]) + storage.insert([[make()]])
    flat = [id for outcome in outcomes for id in outcome]
    assert [2, 1, 1] == [len(outcome) for outcome in outcomes]
    assert flat == sorted(set(flat))
    assert flat[-1] < 2**53


def test_an_id_is_never_used_again(empty_dsn):
    """A new id is larger than that of a purged record, also after the storage is opened again."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
        ((first,),) = storage.insert([[make()]])
        assert 1 == storage.purge(NOW + timedelta(days=1), Filter())
    with create_storage(dsn) as storage:
        ((second,),) = storage.insert([[make()]])
    assert second > first


@EVERY_DRIVER
def test_a_refused_batch_leaves_the_others(storage):
    """Each batch is stored as a whole or not at all; a rejected one is not counted."""
    bad = make(name='new', level=2**70)
    outcomes = storage.insert([[make()], [make(name='new'), bad], [make(name='new')]])
    assert isinstance(outcomes[1], StorageError)
    assert 2 == storage.count(Filter())
    assert [outcomes[2][0], outcomes[0][0]] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter(names=('new',)))
    assert 'new' == storage.get(outcomes[2][0]).name


def test_nothing_is_stored_by_no_batches(storage):
    """Empty lists store nothing and are no error."""
    assert [[]] == storage.insert([[]])
    assert [] == storage.insert([])
    assert 0 == storage.count(Filter())


def test_range_is_newest_first_by_time_then_id(storage):
    """A late record is listed by its time; both offsets are included."""
    ((one, two, three, four),) = storage.insert([[make(5), make(1), make(9), make(5)]])
    assert [three, four, one, two] == ids(storage.range(Filter(), 0, 127))
    assert [three] == ids(storage.range(Filter(), 0, 0))
    assert [four, one] == ids(storage.range(Filter(), 1, 2))
    assert [two] == ids(storage.range(Filter(), 3, 9))
    assert [] == ids(storage.range(Filter(), 4, 9))
    assert [] == ids(storage.range(Filter(), 0, -1))
    assert [] == ids(storage.range(Filter(), 2**62, 2**62 + 9))


def test_range_omits_logrec(storage):
    """A listing has no logrec."""
    ((id,),) = storage.insert([[Record(NOW, 'a', 20, 'm', LOGREC)]])
    assert [Record(NOW, 'a', 20, 'm', None, id)] == list(storage.range(Filter(), 0, 0))


@EVERY_DRIVER
def test_range_of_huge_messages_is_read_in_slices(storage):
    """Slices are in order and complete while other threads write and purge."""
    for _ in range(4):
        storage.insert([[make(index, message='x' * 400_000) for index in range(5)]])
    records = storage.range(Filter(), 0, 99)
    first = next(records)
    storage.insert([[make(100)]])
    assert [first.id, *ids(records)] == ids(storage.range(Filter(), 1, 99))


def test_since_follows_the_order_of_ids(storage):
    """Following is in the order of ids, not of time; it is filtered and limited."""
    records = [make(5), make(1, level=40), make(9, 'other'), make(0, level=40)]
    ((one, two, three, four),) = storage.insert([records])
    assert [one, two, three, four] == ids(storage.since(0, Filter(), 10))
    assert [two, three] == ids(storage.since(one, Filter(), 2))
    assert [two, four] == ids(storage.since(0, Filter(level=40), 10))
    filter = Filter(names=('app',), after=NOW + timedelta(seconds=1))
    assert [two] == ids(storage.since(one, filter, 9))
    assert [] == ids(storage.since(four, Filter(), 10))


@EVERY_DRIVER
def test_following_misses_nothing_under_concurrent_writers(storage):
    """Ids become visible in their order, so a reader that continues after the last misses none."""
    stored: list[int] = []

    def write():
        for _ in range(40):
            stored.extend(storage.insert([[make()] * 3])[0])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while len(seen) < 480:
        alive = any(writer.is_alive() for writer in writers)
        new = ids(storage.since(seen[-1] if seen else 0, Filter(), 1000))
        seen += new
        assert new or alive, f'followed only {len(seen)} of 480'
    for writer in writers:  # it may have inserted records before it noted them
        writer.join()
    assert sorted(stored) == seen


def test_purge_deletes_older_matching_records(storage):
    """Records at the instant itself are kept, and so are those that do not match the filter."""
    records = [make(0), make(1, level=40), make(2), make(3, 'other')]
    ((one, _, three, four),) = storage.insert([records])
    assert 1 == storage.purge(NOW + timedelta(seconds=3), Filter(level=40))
    assert [four, three, one] == ids(storage.range(Filter(), 0, 9))
    assert 2 == storage.purge(NOW + timedelta(seconds=3), Filter())
    assert [four] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter())
    assert 0 == storage.purge(NOW, Filter())


def test_purge_of_many_records_uses_slices(storage):
    """A purge uses several transactions, and records can be written between them."""
    storage.insert([[make(index) for index in range(5000)]])
    writer = threading.Thread(target=lambda: [storage.insert([[make(10**6)]]) for _ in range(20)])
    writer.start()
    assert 5000 == storage.purge(NOW + timedelta(days=1), Filter())
    writer.join()
    assert 20 == storage.count(Filter())


def test_a_purge_ends_when_its_progress_raises_an_error(storage):
    """Records deleted before the error stay deleted; ClickHouse deletes a day at a time."""
    days = [Record(NOW - timedelta(days=day), 'a', 20, 'm', {}) for day in (1, 2)]
    storage.insert([[record] * 2500 for record in days])
    seen = []

    def stop(purged):
        seen.append(purged)
        raise StorageError('enough')

    with pytest.raises(StorageError, match='enough'):
        storage.purge(NOW, Filter(), stop)
    assert [5000 - storage.count(Filter())] == seen
    assert 0 < seen[0] < 5000
    assert 5000 - seen[0] == storage.purge(NOW, Filter(), seen.append)
    assert 5000 - seen[0] == seen[-1]


def test_retention_deletes_old_days_and_keeps_others(storage):
    """Retention deletes slice by slice, and can be interrupted between slices."""
    now = datetime.now(timezone.utc)
    ages = [0, 1, 29, 30, 32, 33, 400]
    storage.insert([[Record(now - timedelta(days=age), 'a', 20, str(age), {}) for age in ages]])
    steps = []
    Retention(storage, 30, '').run(lambda: steps.append(storage.count(Filter())))
    left = [record.message for record in storage.range(Filter(), 0, 9)]
    assert ['0', '1', '29', '30'] == left
    assert 4 == steps[-1]


def test_times_before_the_epoch(storage):
    """Buckets before the epoch are negative."""
    moments = [EPOCH - timedelta(microseconds=1), EPOCH, EPOCH + timedelta(microseconds=1)]
    storage.insert([[Record(ts, 'a', 20, 'm', {}) for ts in moments]])
    assert 2 == storage.count(Filter(after=EPOCH))
    assert 2 == storage.count(Filter(before=EPOCH))
    starts = [start for start, *_ in storage.timeline(Filter(), timedelta(hours=1))]
    assert [EPOCH - timedelta(hours=1), EPOCH] == starts


def test_the_last_id(storage):
    """The last id is the highest visible one; a purge may delete it."""
    assert 0 == storage.last_id()
    ((_, _, last),) = storage.insert([[Record(EPOCH, 'a', 20, 'm', {})] * 3])
    assert last == storage.last_id()
    assert [] == list(storage.since(storage.last_id(), Filter(), 10))
    assert [] == list(storage.since(2**53 - 1, Filter(), 10))
    storage.purge(EPOCH.replace(year=2000), Filter())
    assert 0 == storage.last_id()
