"""Behaviour of storages with blocks only: what blocks and batches promise, crashes, old files."""

import random
import sqlite3
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta, timezone

import orjson
import pytest

from bench.corpus import as_logrecord, make_records
from chronologer.copy import copy, open_source
from chronologer.errors import SchemaError
from chronologer.ingest.logrecord import decode_json
from chronologer.model import EPOCH, Filter, Record, microseconds
from chronologer.query.parser import parse_query
from chronologer.search import parse_search
from chronologer.storage import BatchKey, create_storage
from chronologer.storage.block import batch, find, insertion, purge, table
from chronologer.storage.block.batch import read_batches
from chronologer.storage.block.lines import LineDecoder
from chronologer.storage.block.store import BLOCK, BlockRow
from test.engine.copy.records import silent

START = datetime(2024, 6, 1, tzinfo=timezone.utc)
FAR = datetime.max.replace(tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 64 records, from 32 on."""
    monkeypatch.setattr(insertion, 'BLOCK_RECORDS', 64)
    monkeypatch.setattr(insertion, 'MIN_RECORDS', 32)


@pytest.fixture
def dsn(tmp_path):
    """The DSN of an empty storage."""
    dsn = f'sqlite:///{tmp_path}/test.sqlite'
    with create_storage(dsn) as storage:
        storage.migrate()
    return dsn


@pytest.fixture
def storage(dsn):
    """An empty storage."""
    with create_storage(dsn) as storage:
        yield storage


def make(count: int, start: datetime = START, name: str = 'app') -> list[Record]:
    return [
        Record(start + timedelta(seconds=n), name, 20, f'number {n}', {'data': {'n': n}})
        for n in range(count)
    ]


def blocks(storage) -> list[BlockRow]:
    with storage._database.read() as db:
        return [BlockRow(*row) for row in db.execute(f'SELECT {BLOCK} FROM block ORDER BY id')]


def counters(storage) -> list:
    with storage._database.read() as db:
        by_level = db.execute('SELECT * FROM count_by_level ORDER BY 1, 2, 3').fetchall()
        return [*by_level, *db.execute('SELECT * FROM count_by_logger ORDER BY 1, 2, 3, 4')]


def check(storage) -> list[int]:
    """Make sure that each record is in one block or batch; return the ids."""
    ids: list[int] = []
    with storage._database.snapshot() as db:
        for row in blocks(storage):
            block = storage._caches.of(db).blocks.block(db, row)
            of_block = block.ids.tolist()
            assert [row.first_id, row.last_id] == [of_block[0], of_block[-1]]
            assert [row.low_ts, row.high_ts] == [block.ts.min(), block.ts.max()]
            assert row.max_level == block.levels.max()
            assert row.count == len(of_block)
            ids += of_block
        batches = read_batches(db)
        state = db.execute('SELECT batched, batched_size FROM state').fetchone()
        sizes = sum(batch.size for batch in batches)
        assert (sum(len(batch.ids) for batch in batches), sizes) == state
        orphans = 'SELECT count(*) FROM part WHERE id / 1024 NOT IN (SELECT id FROM block)'
        assert (0,) == db.execute(orphans).fetchone()
    ids += [id for batch in batches for id in batch.ids]
    assert len(ids) == len(set(ids))
    assert sorted(ids) == [record.id for record in storage.since(0, Filter(), 10**6)]
    return sorted(ids)


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


def test_sealing_changes_no_counter(storage):
    """Records are counted when they are acknowledged, and not again when they become a block."""
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
        ((*ids,),) = storage.insert([[record._replace(message=record.message) for record in odd]])
        assert odd == [
            record._replace(id=None)
            for record in storage.since(ids[0] - 1, Filter(), 5, whole=True)
        ], number
    assert 1 <= len(blocks(storage)) <= 5
    check(storage)
    for record in storage.since(0, Filter(), 100, whole=True):
        assert odd[(record.id - 1) % 5] == record._replace(id=None)
    assert 20 == storage.count(Filter(search=parse_search('"nul"')))


def test_lines_are_kept_until_they_fill_a_block(storage, dsn, monkeypatch):
    """Lines that were decoded together are read, and sealed, also by another process."""
    monkeypatch.setattr(insertion, 'MIN_LINES', 4)
    lines = [
        orjson.dumps({**as_logrecord(record), 'n': number, 'odd': [None, {'a': 1.0}]})
        for number, record in enumerate(make_records(200))
    ]
    expected = [decode_json(line) for line in lines]
    ids: list[int] = []
    with create_storage(dsn) as other:
        for start, end in ((0, 9), (9, 12), (12, 31), (31, 63), (63, 70), (70, 140), (140, 200)):
            prepared = storage.prepare(lines[start:end], decode_json)
            assert (prepared is None) == (end - start < 4)
            one = storage if start % 2 else other
            ids += one.insert([prepared or expected[start:end]])[0]
            for reader in (storage, other):
                stored = reader.since(0, Filter(), 1000, whole=True)
                assert expected[:end] == [record._replace(id=None) for record in stored]
    assert ids == check(storage)
    assert len(blocks(storage)) >= 3


def logrecord(number: int, **fields) -> bytes:
    record = {'name': 'app', 'levelno': 20, 'created': 1717243200.5, 'message': f'line {number}'}
    return orjson.dumps({**record, **fields})


def test_lines_with_other_fields_than_a_process_knows(tmp_path, monkeypatch):
    """Each process learns the fields of its lines; together they may be too many."""
    dsn = f'sqlite:///{tmp_path}/test.sqlite'
    ids: list[int] = []
    for key in 'abc':
        monkeypatch.setattr(batch, 'lines', LineDecoder())  # as another process has
        with create_storage(dsn) as storage:
            storage.migrate()
            fields = {f'{key}{number}': number for number in range(150)}
            prepared = storage.prepare(
                [logrecord(n, **fields) for n in range(31)] + [logrecord(31)], decode_json
            )
            assert prepared is not None
            ids += storage.insert([prepared])[0]
    with create_storage(dsn) as storage:
        assert ids == check(storage)
        assert {'data': fields} == storage.get(65).logrec
        assert {} == storage.get(64).logrec


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


def test_a_backup_in_the_place_of_the_file(tmp_path):
    """Nothing that was cached of the first file is read, or written by a purge."""
    paths = [tmp_path / 'a.sqlite', tmp_path / 'b.sqlite']
    storages = [create_storage(f'sqlite:///{path}') for path in paths]
    for storage, name in zip(storages, 'ab', strict=True):
        storage.migrate()
        storage.insert([[r._replace(name=name) for r in make(64)], make(5, name=name)])
        assert name == storage.get(1).name == storage.get(69).name
    storages[1].close()
    with sqlite3.connect(paths[0]) as db:
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    paths[1].replace(paths[0])
    with storages[0] as storage:
        assert 'b' == storage.get(1).name == storage.get(69).name
        storage.purge(START + timedelta(seconds=2), Filter())
        assert {'b'} == {record.name for record in storage.since(0, Filter(), 999)}


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
    assert 0 == storage.purge(FAR, Filter(level=30))
    assert 320 == storage.count(Filter())
    assert 128 == storage.purge(START + timedelta(seconds=128), Filter(level=20))


OLD = """
    CREATE TABLE logger (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE record (
        id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, level INTEGER NOT NULL,
        logger INTEGER NOT NULL REFERENCES logger, message TEXT NOT NULL, logrec TEXT NOT NULL
    );
    CREATE TABLE _yoyo_migration (
        migration_hash VARCHAR(64), migration_id VARCHAR(255), applied_at_utc TIMESTAMP,
        PRIMARY KEY (migration_hash)
    );
    INSERT INTO _yoyo_migration VALUES ('hash', '20261122_01_record', '2026-11-22 00:00:00');
"""


def test_a_file_of_an_earlier_version_is_refused_and_can_be_copied(tmp_path):
    """The message has the command, which brings all records over with their ids."""
    path = tmp_path / 'old.sqlite'
    records = [
        record._replace(id=id) for id, record in zip(range(3, 1803, 3), make(600), strict=True)
    ]
    with sqlite3.connect(path) as db:
        db.executescript(OLD)
        db.execute("INSERT INTO logger (id, name) VALUES (1, 'app')")
        for ts, _, level, message, logrec, id in records:
            row = id, microseconds(ts), level, message, orjson.dumps(logrec).decode()
            db.execute('INSERT INTO record VALUES (?, ?, ?, 1, ?, ?)', row)
    db.close()
    before = path.read_bytes()
    with create_storage(f'sqlite:///{path}') as old:
        for refused in (old.check, old.migrate):
            with pytest.raises(SchemaError, match=f'copy sqlite:///{path} sqlite:///NEW'):
                refused()
    target = f'sqlite:///{tmp_path}/new.sqlite'
    with open_source(f'sqlite:///{path}') as source, create_storage(target) as storage:
        report = copy(source, storage, silent)
        assert (600, 600, {}) == (report.copied, report.records, report.differences)
        assert records == list(storage.since(0, Filter(), 1000, whole=True))
        assert 0 == copy(source, storage, silent).copied
        check(storage)
    assert before == path.read_bytes()


CRASHING = """
    import os, random, sys, time
    from chronologer.model import EPOCH, Filter, Record
    from chronologer.storage import create_storage
    from chronologer.storage.block import insertion

    insertion.BLOCK_RECORDS, insertion.MIN_RECORDS = 64, 32
    dsn, seed = sys.argv[1], int(sys.argv[2])
    chance = random.Random(seed)
    for _ in range(25):
        read, write = os.pipe()
        process = os.fork()
        if not process:
            with create_storage(dsn) as storage:
                while True:
                    records = [Record(EPOCH, 'app', 20, 'm', {})] * chance.choice([1, 9, 15, 40])
                    (ids,) = storage.insert([records])
                    os.write(write, b'%d %d\\n' % (ids[0], ids[-1]))
        os.close(write)
        seen = b''
        while seen.count(b'\\n') < 6:  # however slow the machine is
            seen += os.read(read, 2**16)
        time.sleep(chance.uniform(0.01, 0.15))
        os.kill(process, 9)
        os.waitpid(process, 0)
        with open(read) as acknowledged:
            print(seen.decode() + acknowledged.read(), end='', flush=True)
"""


@pytest.mark.parametrize('seed', [1, 2])
def test_a_writer_is_killed_around_sealing(storage, dsn, seed):
    """25 times: what was acknowledged is there, counted, and in one block or batch."""
    code = textwrap.dedent(CRASHING)
    done = subprocess.run(
        [sys.executable, '-c', code, dsn, str(seed)], capture_output=True, text=True, timeout=300
    )
    assert 0 == done.returncode, done.stderr
    acknowledged = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(acknowledged) > 25
    ids = set(check(storage))
    for first, last in acknowledged:
        assert ids.issuperset(range(first, last + 1))
    assert len(ids) == storage.count(Filter()) == sum(n for *_, n in levels(storage))
    assert len(blocks(storage)) > 5


def levels(storage) -> list[tuple]:
    return storage.timeline(Filter(), timedelta(days=1))
