"""What blocks and batches promise, and how few of them a query opens."""

import random
import sqlite3
from collections import Counter
from datetime import timedelta

import pytest

from chronologer.ingest.logrecord import decode_json
from chronologer.model import EPOCH, Filter, Record
from chronologer.query.parser import parse_query
from chronologer.search import parse_search
from chronologer.storage import BatchKey, bucket, create_storage
from chronologer.storage.block import find, insertion, purge, signature, table, tail
from test.engine.block.records import FAR, START, blocks, check, logrecord, make

DEBUG = parse_query('level = 10')


def counters(storage) -> list:
    with storage._database.read() as db:
        by_level = db.execute('SELECT * FROM count_by_level ORDER BY 1, 2, 3').fetchall()
        return [*by_level, *db.execute('SELECT * FROM count_by_logger ORDER BY 1, 2, 3, 4')]


def test_blocks_and_batches_partition_the_ids(storage, dsn):
    """Whatever is written by one process or two, together or one by one, is there once."""
    stored: list[int] = []
    chance = random.Random(1)
    with create_storage(dsn) as other:
        for number in range(60):
            sizes = [chance.choice([0, 1, 1, 2, 9, 31, 32, 70]) for _ in range(3)]
            batches = [make(size, START + timedelta(hours=chance.random())) for size in sizes]
            keys = [None, BatchKey(b'o' * 16, str(number // 2), b'd' * 16), None]
            outcomes = chance.choice([storage, other]).insert(batches, keys)
            for outcome in outcomes:
                stored += [id for id in outcome if id not in stored]
    assert stored == check(storage)
    assert len(blocks(storage)) > 10
    storage.purge(START + timedelta(minutes=30), Filter(level=20))
    left = check(storage)
    assert set(left) < set(stored)
    assert len(left) == storage.count(Filter())


@pytest.mark.parametrize('seed', range(9))
def test_blocks_and_batches_are_counted_together(storage, monkeypatch, seed):
    """Records of blocks have counters, those of batches are counted in memory; pages need both."""
    monkeypatch.setattr(bucket, 'NEAR', 0)
    chance = random.Random(seed)
    stored: list[Record] = []
    for size in [64] * 4 + [1, 3, 20] * 2 + [64, 1, 9]:
        days = chance.choice([-9, 0, 9]) if size < 64 and seed % 3 else 0
        records = [
            Record(
                START + timedelta(days, chance.randrange(9) * 20_000 + chance.randrange(3)),
                chance.choice(['app', 'app.db', 'web']),
                chance.choice([10, 30]),
                'm',
                {},
            )
            for _ in range(size)
        ]
        (ids,) = storage.insert([records])
        stored += [record._replace(id=id) for record, id in zip(records, ids, strict=True)]
    assert 0 < sum(row.count for row in blocks(storage)) < len(stored)
    start = START + timedelta(hours=7)
    for filter in (
        Filter(),
        Filter(level=20),
        Filter(names=('app',), after=start),
        Filter(before=START + timedelta(hours=30)),
        Filter(level=20, after=START, before=START + timedelta(seconds=2)),
        Filter(before=START - timedelta(1)),
    ):
        matching = sorted(
            (record for record in stored if matches(filter, record)),
            key=lambda record: (record.ts, record.id),
        )
        assert len(matching) == storage.count(filter)
        by_hour = Counter((at.ts.replace(minute=0, second=0), at.level) for at in matching)
        assert sorted((*key, n) for key, n in by_hour.items()) == storage.timeline(
            filter, timedelta(hours=1)
        )
        assert Counter(record.name for record in matching) == storage._names(filter)
        ids = [record.id for record in matching]
        for left in range(0, len(stored) + 2, 9):
            page = slice(left, left + 10)
            newest, oldest = (
                [id for _, id in storage._find(filter, left, left + 9, ascending)]
                for ascending in (False, True)
            )
            assert (ids[::-1][page], ids[page]) == (newest, oldest)


def matches(filter: Filter, record: Record) -> bool:
    """Whether a record has the level, a name and the time of a filter."""
    return (
        record.level >= (filter.level or 0)
        and (not filter.names or record.name.startswith(filter.names))
        and (filter.after is None or record.ts >= filter.after)
        and (filter.before is None or record.ts <= filter.before)
    )


def test_sealing_counts_once(storage):
    """Records get counters when they become a block: the same as if they came as one."""
    for record in make(63):
        storage.insert([[record]])
    assert [] == blocks(storage)
    storage.insert([make(1)])
    assert [64] == [row.count for row in blocks(storage)]
    before = counters(storage)
    with create_storage(f'sqlite:///{storage._database.path}.2') as whole:
        whole.migrate()
        whole.insert([[*make(63), *make(1)]])
        assert before == counters(whole)


def test_who_fills_a_block_makes_it(storage, dsn):
    """Also if another process has written most of it."""
    for record in make(62):
        storage.insert([[record]])
    with create_storage(dsn) as other:
        other.insert([make(1)])
        assert [] == blocks(storage)
        storage.insert([make(1)])
    assert [64] == [row.count for row in blocks(storage)]
    assert list(range(1, 65)) == check(storage)


def test_batches_are_read_once(storage, monkeypatch):
    """Also after a purge of the newest one."""
    for record in make(20):
        storage.insert([[record]])
    storage.count(Filter())
    assert 1 == storage.purge(FAR, Filter(query=parse_query('id = 20')))
    read = []
    original = tail.read_batches
    monkeypatch.setattr(tail, 'read_batches', lambda *args: [*original(*args), read.append(1)][:-1])
    assert [19, 19, 19] == [storage.count(Filter()) for _ in range(3)]
    assert [1] == read


def test_ids_that_are_restored_after_a_purge(storage, dsn):
    """A process has records in memory that others sealed, purged and restored differently."""
    storage.insert([make(2)])
    assert ['number 0'] == [record.message for record in storage.range(Filter(), 1, 1)]
    with create_storage(dsn) as other:
        other.insert([make(31)])
        other.insert([make(31)])
        assert [64] == [row.count for row in blocks(other)]
        other.purge(FAR, Filter())
        other.restore([record._replace(id=n) for n, record in enumerate(make(2, name='new'), 1)])
    assert ['new', 'new'] == [record.name for record in storage.range(Filter(), 0, 1)]
    assert 'new' == storage.get(1).name


def test_a_purge_replaces_a_block_with_its_ids(storage):
    """Whole blocks are deleted by age, others are rewritten."""
    storage.insert([make(64), make(64, START + timedelta(hours=1), 'other')])
    first, second = blocks(storage)
    assert 64 == storage.purge(START + timedelta(minutes=30), Filter())
    assert [second] == blocks(storage)
    assert 10 == storage.purge(START + timedelta(hours=1, seconds=10), Filter())
    (third,) = blocks(storage)
    assert third.id > second.id > first.id
    assert list(range(75, 129)) == check(storage)


def test_a_purge_of_blocks_of_the_same_time(storage):
    """None of them is left out, and none is looked through twice."""
    for count in (70, 40, 90, 33):
        records = [record._replace(ts=START) for record in make(count)]
        storage.insert([[*records[:-1], records[-1]._replace(ts=START + timedelta(days=count))]])
    assert 229 == storage.purge(START + timedelta(seconds=1), Filter(level=20))
    assert 4 == storage.count(Filter()) == len(check(storage))


def opened(storage, monkeypatch, function) -> int:
    """Return how many blocks are looked through."""
    seen = []
    look_through = find.Find.look_through
    monkeypatch.setattr(
        find.Find, 'look_through', lambda self, one: (seen.append(one), look_through(self, one))[1]
    )
    function()
    monkeypatch.undo()
    return len(seen)


@pytest.mark.parametrize(
    ('late', 'limit'), [(lambda n: timedelta(seconds=n % 3), 3), (lambda n: timedelta(0), 1)]
)
def test_a_page_of_nearly_ordered_records_opens_few_blocks(storage, monkeypatch, late, limit):
    """Blocks are opened by their highest time until the page is full."""
    records = [record._replace(ts=record.ts - late(n)) for n, record in enumerate(make(1280))]
    storage.insert([records])
    assert 20 == len(blocks(storage))
    newest = sorted(range(1280), key=lambda n: (records[n].ts, n), reverse=True)
    page = [record.id - 1 for record in storage.range(Filter(level=0), 0, 39)]
    assert newest[:40] == page
    assert opened(storage, monkeypatch, lambda: storage.range(Filter(), 0, 39)) <= limit


def test_late_records_cost_few_blocks(storage, monkeypatch):
    """One record in a hundred comes a week late; a page opens at most half of the blocks."""
    records = [
        record._replace(ts=record.ts - timedelta(days=7) * (n % 100 == 50))
        for n, record in enumerate(make(1280))
    ]
    storage.insert([records])
    expected = sorted(range(1280), key=lambda n: (records[n].ts, n), reverse=True)[:40]
    assert expected == [record.id - 1 for record in storage.range(Filter(), 0, 39)]
    assert opened(storage, monkeypatch, lambda: storage.range(Filter(), 0, 39)) <= 10


def test_a_purge_gives_space_back(storage):
    """The file is smaller afterwards."""
    noise = random.Random(1)
    for start in range(20):
        records = make(64, START + timedelta(days=start))
        storage.insert([[r._replace(message=noise.randbytes(2000).hex()) for r in records]])
    path = storage._database.path

    def size() -> int:
        storage._database.write(lambda db: None)
        with sqlite3.connect(path) as db:
            db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        return path.stat().st_size

    before = size()
    assert 64 * 18 == storage.purge(START + timedelta(days=17, hours=12), Filter())
    assert size() < before / 4
    assert list(range(64 * 18 + 1, 64 * 20 + 1)) == check(storage)


def test_a_purge_changes_the_form_of_a_column(storage):
    """What is left of a column of digits may be a few texts, whose signature is another one."""
    repeated = ['deadbeefcafe0000', 'deadbeefcafe0001', 'deadbeefcafe0002']
    chance = random.Random(1)
    many = [
        Record(START, 'app', 10, 'm', {'data': {'id': f'{chance.getrandbits(64):016x}'}})
        for _ in range(34)
    ]
    few = [Record(START, 'app', 20, 'm', {'data': {'id': repeated[n % 3]}}) for n in range(30)]
    for _ in range(signature.GROUP):
        storage.insert([[*many, *few]])
    assert None not in [row.group_id for row in blocks(storage)]
    assert 16 * 34 == storage.purge(START + timedelta(1), Filter(names=('app',), query=DEBUG))
    for piece in ('eadbe', 'beefcafe', 'cafe0001'):
        assert storage.count(Filter(search=parse_search(piece))) in (160, 480), piece
    assert 0 == storage.count(Filter(search=parse_search(many[3].logrec['data']['id'])))
    check(storage)


def test_a_purge_turns_texts_into_digits(storage):
    """What is left of a column of texts may be digits, whose signature is another one."""
    chance = random.Random(1)
    ids = [f'{chance.getrandbits(64):016x}' for _ in range(63)]
    odd = Record(START, 'app', 10, 'm', {'data': {'id': 'none'}})
    others = [Record(START, 'app', 20, 'm', {'data': {'id': id}}) for id in ids]
    for _ in range(signature.GROUP):
        storage.insert([[odd, *others]])
    assert 16 == storage.purge(START + timedelta(1), Filter(query=DEBUG))
    for id in ids:
        assert 16 == storage.count(Filter(search=parse_search(id[3:12])))


def test_messages_of_digits(storage):
    """A message is a text, also where all messages of a block are digits."""
    chance = random.Random(1)
    messages = [f'{chance.getrandbits(64):016x}' for _ in range(64)]
    storage.insert([[Record(START, 'app', 20, message, {}) for message in messages]])
    assert 1 == len(blocks(storage))
    for message in messages:
        piece = message[3:12]
        assert 1 == storage.count(Filter(search=parse_search(piece)))
        assert 1 == storage.count(Filter(query=parse_query(f"message LIKE '%{piece}%'")))
        assert 1 == storage.count(Filter(query=parse_query(f"message = '{message}'")))


def test_odd_records_are_sealed(storage):
    """What is acknowledged in a batch can always become part of a block."""
    odd = [
        Record(EPOCH, 'a\0b', 20, 'nul \0 inside', {'data': {'\0': '\0', 'huge': 2**64 - 1}}),
        Record(EPOCH, '', -(2**31), '', {'': {}, 'data': [], 'meta': 'text', 'error': None}),
        Record(EPOCH, 'n' * 70_000, 2**31 - 1, 'm', {'data': {'k' * 16_000: {'a': [None, {}]}}}),
        Record(EPOCH, 'a', 20, 'x' * 2_000_000, {'meta': {'msecs': -0.0, 'lineno': True}}),
        Record(EPOCH, 'a', 20, 'm', {'data': {f'field {n}': n for n in range(10_000)}}),
    ]
    for number in range(20):
        ((*ids,),) = storage.insert([odd])
        assert odd == [
            record._replace(id=None)
            for record in storage.since(ids[0] - 1, Filter(), 5, whole=True)
        ], number
    assert 1 <= len(blocks(storage)) <= 5
    check(storage)
    for record in storage.since(0, Filter(), 100, whole=True):
        assert odd[(record.id - 1) % 5] == record._replace(id=None)
    assert 20 == storage.count(Filter(search=parse_search('"nul"')))


def test_lines_and_single_records_in_one_transaction(storage, monkeypatch):
    """Their ids and their order are those of the batches, before sealing and after."""
    monkeypatch.setattr(insertion, 'MIN_LINES', 4)
    ids: list[int] = []
    for _ in range(6):
        batches = [make(1), make(2), None, make(1), None]
        lines = [storage.prepare([logrecord(n) for n in range(5)], decode_json) for _ in range(2)]
        outcomes = storage.insert([one or lines.pop() for one in batches])
        ids += [id for outcome in outcomes for id in outcome]
        assert ids == check(storage)
        for id in ids:
            assert id == storage.get(id).id
    assert len(blocks(storage)) >= 1


def test_a_purge_of_some_records_of_batches(storage):
    """Records keep their ids, also in the block that is made of them later."""
    old = START - timedelta(days=40)
    stored: dict[int, str] = {}
    for number in range(20):
        records = make(2 + number % 2)
        records[number % 2] = records[number % 2]._replace(ts=old)
        records = [r._replace(message=f'{number} {r.message}') for r in records]
        (ids,) = storage.insert([records])
        stored.update((id, r.message) for id, r in zip(ids, records, strict=True) if r.ts != old)
        if number % 5 == 4:
            storage.purge(START - timedelta(days=30), Filter())
            assert stored == {r.id: r.message for r in storage.since(0, Filter(), 999)}
    storage.insert([make(31), make(31)])
    assert len(blocks(storage)) >= 1
    assert set(stored) < set(check(storage))
    for id, message in stored.items():
        assert message == storage.get(id).message


def test_large_equal_texts_are_no_part_of_the_header(storage):
    """A page of such records is read in slices, and the cache knows their size."""
    storage.insert([[r._replace(message='x' * 1_000_000) for r in make(40)]])
    (block,) = blocks(storage)
    assert block.size > 1_000_000
    assert 40 == storage.count(Filter(level=20, before=FAR, after=START))
    assert 'x' * 1_000_000 == storage.get(7).message


def test_raw_records_beside_records_with_many_fields(storage, monkeypatch):
    """All fields of a raw record are searched, also those that are kept together."""
    monkeypatch.setattr(table, 'MAX_COLUMNS', 3)
    many = [Record(START, 'r', 20, 'm', {'data': {f'{i}': i for i in range(9)}})] * 40
    raw = Record(START, 'r', 20, 'm', {'meta': {'note': 'findmenow'}, 'own': {'a': 1, 'b': 2}})
    storage.insert([[*many, raw]])
    assert 1 == len(blocks(storage))
    assert 1 == storage.count(Filter(search=parse_search('findmenow')))
    query = parse_query("meta.note = 'findmenow' AND logrec.own.b = 2")
    assert 1 == storage.count(Filter(query=query))


def test_nothing_is_followed_by_a_limit_of_zero(storage):
    """As for pages."""
    storage.insert([make(3)])
    assert [] == list(storage.since(0, Filter(), 0)) == list(storage.page(Filter(), None, 0))


def test_a_purge_without_matches_lets_others_write(storage, monkeypatch):
    """It looks through blocks in several transactions."""
    storage.insert([make(64 * 5)])
    writes = []
    write = storage._database.write
    monkeypatch.setattr(storage._database, 'write', lambda work: (writes.append(1), write(work))[1])
    monkeypatch.setattr(purge, 'MAX_SECONDS', 0)
    assert 0 == storage.purge(FAR, Filter(names=('other',)))
    assert len(writes) >= 5
    assert 320 == storage.count(Filter())
    assert 128 == storage.purge(START + timedelta(seconds=128), Filter(level=20))
