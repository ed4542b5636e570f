"""Storing records and getting them back."""

import threading
from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import StorageError
from chronologer.ingest.stored import MAX_KEY
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage

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


def test_a_record_comes_back_as_it_was(storage):
    """All of it, with its id; there is none before it is stored."""
    record = Record(NOW, 'app.db', 40, 'Größe\n\t"\'\\ %_', LOGREC)
    assert storage.get(1) is None
    ((id,),) = storage.insert([[record]])
    assert Record(NOW, 'app.db', 40, 'Größe\n\t"\'\\ %_', LOGREC, id) == storage.get(id)
    assert storage.get(id + 1) is None


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
def test_extremes_come_back_as_they_were(storage, record):
    """Both ends of the calendar and of levels, empty and huge texts."""
    ((id,),) = storage.insert([[record]])
    stored = storage.get(id)
    assert (record.ts, record.level) == (stored.ts, stored.level)
    assert (record.name, record.logrec) == (stored.name, stored.logrec)
    assert record.message == stored.message
    assert [id] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter())
    assert [1] == [n for *_, n in storage.timeline(Filter(), timedelta(days=1))]


def test_names_that_differ_in_case_or_trailing_space_are_different(storage):
    """Each record keeps its own."""
    names = ['app', 'App', 'app ', 'a\u0301pp', '\u00e1pp']
    storage.insert([[make(name=name) for name in names]])
    assert sorted(names) == sorted(record.name for record in storage.range(Filter(), 0, 9))
    assert 2 == storage.count(Filter(names=('app',)))


def test_ids_increase_over_batches_and_transactions(storage):
    """In the order of the records; they survive JavaScript."""
    outcomes = storage.insert([[make(), make()], [make()]]) + storage.insert([[make()]])
    flat = [id for outcome in outcomes for id in outcome]
    assert [2, 1, 1] == [len(outcome) for outcome in outcomes]
    assert flat == sorted(set(flat))
    assert flat[-1] < 2**53


def test_an_id_is_never_used_again(empty_dsn):
    """Not even when the newest record was purged and the storage opened anew."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
        ((first,),) = storage.insert([[make()]])
        assert 1 == storage.purge(NOW + timedelta(days=1), Filter())
    with create_storage(dsn) as storage:
        ((second,),) = storage.insert([[make()]])
    assert second > first


def test_a_refused_batch_leaves_the_others(storage):
    """All or nothing for each batch; nothing of the refused one is kept or counted."""
    bad = make(name='new', level=2**70)
    outcomes = storage.insert([[make()], [make(name='new'), bad], [make(name='new')]])
    assert isinstance(outcomes[1], StorageError)
    assert 2 == storage.count(Filter())
    assert [outcomes[2][0], outcomes[0][0]] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter(names=('new',)))
    assert 'new' == storage.get(outcomes[2][0]).name


def test_nothing_is_stored_by_no_batches(storage):
    """Empty lists do no harm."""
    assert [[]] == storage.insert([[]])
    assert [] == storage.insert([])
    assert 0 == storage.count(Filter())


def test_range_is_newest_first_by_time_then_id(storage):
    """Late records take their place; both ends are included."""
    ((one, two, three, four),) = storage.insert([[make(5), make(1), make(9), make(5)]])
    assert [three, four, one, two] == ids(storage.range(Filter(), 0, 127))
    assert [three] == ids(storage.range(Filter(), 0, 0))
    assert [four, one] == ids(storage.range(Filter(), 1, 2))
    assert [two] == ids(storage.range(Filter(), 3, 9))
    assert [] == ids(storage.range(Filter(), 4, 9))
    assert [] == ids(storage.range(Filter(), 0, -1))
    assert [] == ids(storage.range(Filter(), 2**62, 2**62 + 9))


def test_range_leaves_out_logrec(storage):
    """A listing is light."""
    ((id,),) = storage.insert([[Record(NOW, 'a', 20, 'm', LOGREC)]])
    assert [Record(NOW, 'a', 20, 'm', None, id)] == list(storage.range(Filter(), 0, 0))


def test_range_of_huge_messages_comes_in_slices(storage):
    """In order and complete, while others write and purge between the slices."""
    for _ in range(4):
        storage.insert([[make(index, message='x' * 400_000) for index in range(5)]])
    records = storage.range(Filter(), 0, 99)
    first = next(records)
    storage.insert([[make(100)]])
    assert [first.id, *ids(records)] == ids(storage.range(Filter(), 1, 99))


def test_since_follows_the_order_of_ids(storage):
    """Whatever their time is; filtered and limited."""
    records = [make(5), make(1, level=40), make(9, 'other'), make(0, level=40)]
    ((one, two, three, four),) = storage.insert([records])
    assert [one, two, three, four] == ids(storage.since(0, Filter(), 10))
    assert [two, three] == ids(storage.since(one, Filter(), 2))
    assert [two, four] == ids(storage.since(0, Filter(level=40), 10))
    filter = Filter(names=('app',), after=NOW + timedelta(seconds=1))
    assert [two] == ids(storage.since(one, filter, 9))
    assert [] == ids(storage.since(four, Filter(), 10))


def test_following_misses_nothing_under_concurrent_writers(storage):
    """Ids become visible in their order, so a reader that remembers the last one sees all."""
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
    assert sorted(stored) == seen


def test_purge_deletes_what_is_older_and_matches(storage):
    """Exclusively older; what does not match the filter stays."""
    records = [make(0), make(1, level=40), make(2), make(3, 'other')]
    ((one, _, three, four),) = storage.insert([records])
    assert 1 == storage.purge(NOW + timedelta(seconds=3), Filter(level=40))
    assert [four, three, one] == ids(storage.range(Filter(), 0, 9))
    assert 2 == storage.purge(NOW + timedelta(seconds=3), Filter())
    assert [four] == ids(storage.range(Filter(), 0, 9))
    assert 1 == storage.count(Filter())
    assert 0 == storage.purge(NOW, Filter())


def test_purge_of_many_records_goes_in_slices(storage):
    """More than one transaction holds, and writing goes on between them."""
    storage.insert([[make(index) for index in range(5000)]])
    writer = threading.Thread(target=lambda: [storage.insert([[make(10**6)]]) for _ in range(20)])
    writer.start()
    assert 5000 == storage.purge(NOW + timedelta(days=1), Filter())
    writer.join()
    assert 20 == storage.count(Filter())


def test_epoch_is_a_time_like_any_other(storage):
    """Buckets before it are negative."""
    moments = [EPOCH - timedelta(microseconds=1), EPOCH, EPOCH + timedelta(microseconds=1)]
    storage.insert([[Record(ts, 'a', 20, 'm', {}) for ts in moments]])
    assert 2 == storage.count(Filter(after=EPOCH))
    assert 2 == storage.count(Filter(before=EPOCH))
    starts = [start for start, *_ in storage.timeline(Filter(), timedelta(hours=1))]
    assert [EPOCH - timedelta(hours=1), EPOCH] == starts
