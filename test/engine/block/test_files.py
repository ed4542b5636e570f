"""Several processes on a file, crashes, files that were replaced, and old files."""

import sqlite3
import subprocess
import sys
import textwrap
from datetime import timedelta

import orjson
import pytest

from bench.corpus import as_logrecord, make_records
from chronologer.copy import copy, open_source
from chronologer.errors import SchemaError
from chronologer.ingest.logrecord import decode_json
from chronologer.model import Filter, microseconds
from chronologer.storage import create_storage
from chronologer.storage.block import batch, insertion
from chronologer.storage.block.lines import LineDecoder
from test.engine.block.records import START, blocks, check, logrecord, make
from test.engine.copy.records import silent


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
