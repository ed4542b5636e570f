"""Group commit: who waits for what, and what a failure does to whom."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chronologer.errors import StorageBusyError, StorageError
from chronologer.ingest.writer import Writer
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage

RECORD = Record(EPOCH, 'a', 20, 'hello', {})
UNSTORABLE = Record(EPOCH, 'a', 2**70, 'hello', {})


@pytest.fixture
def storage(tmp_path):
    """An empty, migrated store."""
    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.migrate()
        yield storage


class Gate:
    """Lets transactions of a real storage through one by one, and notes what was in them."""

    def __init__(self, storage):
        self._storage = storage
        self.open = threading.Event()
        self.groups = []

    def insert(self, batches, keys=()):
        self.open.wait(10)
        self.groups.append(len(batches))
        return self._storage.insert(batches, keys)


def test_a_lone_batch_is_not_kept_waiting(storage):
    """It has a transaction of its own, and its ids are in order."""
    with Writer(storage) as writer:
        assert [[1, 2], [3]] == [writer.write([RECORD] * 2), writer.write([RECORD])]


def test_what_gathers_during_a_commit_shares_the_next(storage):
    """Eight requests, two transactions."""
    gate = Gate(storage)
    with Writer(gate) as writer, ThreadPoolExecutor(8) as pool:
        first = pool.submit(writer.write, [RECORD])
        while writer._records < 1 or writer._small:
            time.sleep(0.001)
        others = [pool.submit(writer.write, [RECORD] * 2) for _ in range(7)]
        while len(writer._small) < 7:
            time.sleep(0.001)
        gate.open.set()
        ids = [*first.result(), *(id for other in others for id in other.result())]
    assert [1, 7] == gate.groups
    assert list(range(1, 16)) == sorted(ids)


def test_a_bad_batch_does_not_cost_its_neighbours(storage):
    """It alone gets the error."""
    gate = Gate(storage)
    with Writer(gate) as writer, ThreadPoolExecutor(3) as pool:
        batches = [[RECORD], [RECORD, UNSTORABLE], [RECORD]]
        results = [pool.submit(writer.write, batch) for batch in batches]
        gate.open.set()
        assert results[0].result()
        assert results[2].result()
        with pytest.raises(StorageError):
            results[1].result()
    assert 2 == storage.count(Filter())


def test_a_failed_transaction_is_told_to_all_and_the_next_goes_on(storage, caplog):
    """An error nobody foresaw is logged, and does not end the thread."""
    with Writer(storage) as writer:
        insert, storage.insert = storage.insert, lambda *_: 1 / 0
        with caplog.at_level(logging.ERROR), pytest.raises(StorageError, match='server log'):
            writer.write([RECORD])
        storage.insert = insert
        assert [1] == writer.write([RECORD])
    assert 'ZeroDivisionError' in caplog.text


def test_close_commits_what_was_handed_over(storage):
    """And refuses what comes after."""
    gate = Gate(storage)
    writer = Writer(gate)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(writer.write, [RECORD]) for _ in range(3)]
        while sum(result.running() for result in results) < 3:
            time.sleep(0.001)
        time.sleep(0.05)
        closing = pool.submit(writer.close)
        gate.open.set()
        closing.result()
        assert [1, 2, 3] == sorted(id for result in results for id in result.result())
    with pytest.raises(StorageBusyError, match='shutting down'):
        writer.write([RECORD])
    writer.close()
