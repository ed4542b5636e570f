"""Group commit: who waits for what, and what a failure does to whom."""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from chronologer.errors import ChronologerError, StorageBusyError, StorageError
from chronologer.ingest.writer import (
    MAX_QUEUED_BYTES,
    MAX_QUEUED_RECORDS,
    Submission,
    Writer,
)
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage

RECORD = Record(EPOCH, 'a', 20, 'hello', {})
UNSTORABLE = Record(EPOCH, 'a', 2**70, 'hello', {})


def write(writer, records):
    """Wait for the ids that *records* get, or for the error."""
    future = Future()
    writer.submit(Submission(records, 0), future.set_result)
    outcome = future.result()
    if isinstance(outcome, ChronologerError):
        raise outcome
    return outcome


@pytest.fixture
def storage(tmp_path):
    """An empty, migrated store."""
    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.migrate()
        yield storage


class Gate:
    """Lets transactions of a real storage through one by one, and notes what was in them."""

    group_records = 2000

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
        assert [[1, 2], [3]] == [write(writer, [RECORD] * 2), write(writer, [RECORD])]


def test_what_gathers_during_a_commit_shares_the_next(storage):
    """Eight requests, two transactions."""
    gate = Gate(storage)
    with Writer(gate) as writer, ThreadPoolExecutor(8) as pool:
        first = pool.submit(write, writer, [RECORD])
        while writer._records < 1 or writer._small:
            time.sleep(0.001)
        others = [pool.submit(write, writer, [RECORD] * 2) for _ in range(7)]
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
        results = [pool.submit(write, writer, batch) for batch in batches]
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
            write(writer, [RECORD])
        storage.insert = insert
        assert [1] == write(writer, [RECORD])
    assert 'ZeroDivisionError' in caplog.text


def test_close_commits_what_was_handed_over(storage):
    """And refuses what comes after."""
    gate = Gate(storage)
    writer = Writer(gate)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(write, writer, [RECORD]) for _ in range(3)]
        while sum(result.running() for result in results) < 3:
            time.sleep(0.001)
        time.sleep(0.05)
        closing = pool.submit(writer.close)
        gate.open.set()
        closing.result()
        assert [1, 2, 3] == sorted(id for result in results for id in result.result())
    with pytest.raises(StorageBusyError, match='shutting down'):
        write(writer, [RECORD])
    writer.close()


def wait(condition):
    while not condition():
        time.sleep(0.001)


def test_small_submissions_pass_large_ones(storage):
    """Those that arrive during a commit are all in the next, with some of the large ones."""
    gate, order = Gate(storage), []
    with Writer(gate) as writer:
        writer.submit(Submission([RECORD], 1), lambda _: order.append('first'))
        wait(lambda: not writer._small)
        for number in range(6):
            done = partial(order.append, f'large {number}')
            writer.submit(Submission([RECORD] * 1000, 1), lambda _, done=done: done())
        for _ in range(3):
            writer.submit(Submission([RECORD], 1), lambda _: order.append('small'))
        gate.open.set()
    assert ['first', 'small', 'small', 'small', *(f'large {n}' for n in range(6))] == order
    assert [1, 5, 2, 2] == gate.groups


@pytest.mark.parametrize(
    ('records', 'size'), [(1, MAX_QUEUED_BYTES // 2), (MAX_QUEUED_RECORDS // 2, 1)]
)
def test_what_waits_is_bounded(storage, records, size):
    """In bytes and in records; there is room again when something has been committed."""
    gate, outcomes = Gate(storage), []
    submission = Submission([RECORD] * records, size)
    with Writer(gate) as writer:
        for _ in range(2):
            writer.submit(submission, outcomes.append)
        with pytest.raises(StorageBusyError, match='behind'):
            writer.submit(submission, outcomes.append)
        gate.open.set()
        wait(lambda: len(outcomes) == 2)
        writer.submit(submission, outcomes.append)
    assert 3 * records == sum(map(len, outcomes)) == storage.count(Filter())


def test_a_single_submission_may_be_larger_than_the_bounds(storage):
    """Or it could never be stored."""
    with Writer(storage) as writer:
        outcomes = []
        writer.submit(Submission([RECORD], 2 * MAX_QUEUED_BYTES), outcomes.append)
        wait(lambda: outcomes)
    assert [[1]] == outcomes
