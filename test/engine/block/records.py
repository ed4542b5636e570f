"""Records and checks for tests of storages with blocks."""

from datetime import datetime, timedelta, timezone

import orjson

from chronologer.model import Filter, Record
from chronologer.storage.block.batch import read_batches
from chronologer.storage.block.store import BLOCK, BlockRow

START = datetime(2024, 6, 1, tzinfo=timezone.utc)
FAR = datetime.max.replace(tzinfo=timezone.utc)


def make(count: int, start: datetime = START, name: str = 'app') -> list[Record]:
    return [
        Record(start + timedelta(seconds=n), name, 20, f'number {n}', {'data': {'n': n}})
        for n in range(count)
    ]


def blocks(storage) -> list[BlockRow]:
    with storage._database.read() as db:
        return [BlockRow(*row) for row in db.execute(f'SELECT {BLOCK} FROM block ORDER BY id')]


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


def logrecord(number: int, **fields) -> bytes:
    record = {'name': 'app', 'levelno': 20, 'created': 1717243200.5, 'message': f'line {number}'}
    return orjson.dumps({**record, **fields})
