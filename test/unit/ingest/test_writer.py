"""Group commit: which batches share a transaction, and which of them a failure affects."""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from chronologer.errors import ChronologerError, StorageBusyError, StorageError
from chronologer.ingest.bounds import LARGE_BYTES, QUEUED_SLICES, SMALL_BYTES
from chronologer.ingest.writer import Submission, Writer
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage

RECORD = Record(EPOCH, 'a', 20, 'hello', {})
UNSTORABLE = Record(EPOCH, 'a', 2**70, 'hello', {})


def write(writer, records):
    """Wait for the ids of *records*, or for the error."""
    future = Future()
    writer.submit(Submission(records, 0), future.set_result)
    outcome = future.result()
    if isinstance(outcome, ChronologerError):
        raise outcome
    return outcome


@pytest.fixture
def storage(tmp_path):
    """An empty, migrated storage."""
    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.migrate()
        yield storage


class Gate:
    """Delays transactions of a real storage until it is open, and counts the batches of each."""

    group_records = 2000
    slice_records = 1000

    def __init__(self, storage):
        self._storage = storage
        self.open = threading.Event()
        self.groups = []

    def insert(self, batches, keys=()):
        self.open.wait(10)
        self.groups.append(len(batches))
        return self._storage.insert(batches, keys)


def test_a_lone_batch_is_not_kept_waiting(storage):
    """A single batch is committed in its own transaction, and its ids are in order."""
    with Writer(storage) as writer:
        assert [[1, 2], [3]] == [write(writer, [RECORD] * 2), write(writer, [RECORD])]


def test_batches_of_a_commit_share_the_next(storage):
    """Eight requests need two transactions."""
    gate = Gate(storage)
    with Writer(gate) as writer, ThreadPoolExecutor(8) as pool:
        first = pool.submit(write, writer, [RECORD])
        while writer._small.records < 1 or writer._small.waiting:
            time.sleep(0.001)
        others = [pool.submit(write, writer, [RECORD] * 2) for _ in range(7)]
        while len(writer._small.waiting) < 7:
            time.sleep(0.001)
        gate.open.set()
        ids = [*first.result(), *(id for other in others for id in other.result())]
    assert [1, 7] == gate.groups
    assert list(range(1, 16)) == sorted(ids)


def test_a_bad_batch_does_not_affect_the_others(storage):
    """Only the bad batch gets the error."""
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


def test_the_writer_continues_after_a_failed_transaction(storage, caplog):
    """An unexpected error is logged and does not end the thread."""
    with Writer(storage) as writer:
        insert, storage.insert = storage.insert, lambda *_: 1 / 0
        with caplog.at_level(logging.ERROR), pytest.raises(StorageError, match='server log'):
            write(writer, [RECORD])
        storage.insert = insert
        assert [1] == write(writer, [RECORD])
    assert 'ZeroDivisionError' in caplog.text


def test_close_commits_submitted_batches(storage):
    """Batches submitted before closing are committed; later ones are rejected."""
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
    """The transaction after a commit has all waiting small submissions and some large ones."""
    gate, order = Gate(storage), []
    with Writer(gate) as writer:
        writer.submit(Submission([RECORD], 1), lambda _: order.append('first'))
        wait(lambda: not writer._small.waiting)
        for number in range(6):
            done = partial(order.append, f'large {number}')
            writer.submit(Submission([RECORD] * 1000, 1), lambda _, done=done: done())
        for _ in range(3):
            writer.submit(Submission([RECORD], 1), lambda _: order.append('small'))
        gate.open.set()
    assert ['first', 'small', 'small', 'small', *(f'large {n}' for n in range(6))] == order
    assert [1, 5, 2, 2] == gate.groups


def test_slices_of_a_body_keep_their_order(storage):
    """A last slice of few records does not pass the one before, as single posts do."""
    gate = Gate(storage)
    futures = [Future() for _ in range(4)]
    with Writer(gate) as writer:
        submissions = (
            Submission([RECORD] * 1000, 0),  # the writer waits with it
            Submission([RECORD] * 1000, 0),
            Submission([RECORD], 0, is_next=True),
            Submission([RECORD], 0),
        )
        for submission, future in zip(submissions, futures, strict=True):
            writer.submit(submission, future.set_result)
            time.sleep(0.05)
        gate.open.set()
    first, second, last, single = (future.result()[-1] for future in futures)
    assert first < single < second < last


@pytest.mark.parametrize(
    ('records', 'size'),
    [(1, SMALL_BYTES // 2), (11, LARGE_BYTES // 2), (QUEUED_SLICES * 1000 // 2, 1)],
)
def test_the_queue_is_bounded(storage, records, size):
    """The queue is bounded in bytes and in records; a commit makes room."""
    gate, outcomes = Gate(storage), []
    submission = Submission([RECORD] * records, size)
    with Writer(gate) as writer:
        for _ in range(2):
            writer.submit(submission, outcomes.append)
        with pytest.raises(StorageBusyError, match='overloaded'):
            writer.submit(submission, outcomes.append)
        gate.open.set()
        wait(lambda: len(outcomes) == 2)
        writer.submit(submission, outcomes.append)
    assert 3 * records == sum(map(len, outcomes)) == storage.count(Filter())


def test_a_single_submission_may_be_larger_than_the_bounds(storage):
    """A submission above the bounds is accepted by an empty queue, or it could never be stored."""
    with Writer(storage) as writer:
        outcomes = []
        writer.submit(Submission([RECORD], 2 * SMALL_BYTES), outcomes.append)
        wait(lambda: outcomes)
    assert [[1]] == outcomes


@pytest.mark.parametrize('slice_records', [1000, 10_000])
def test_a_long_body_leaves_room_for_single_posts(storage, slice_records):
    """A queue full of slices of any size still accepts single records."""
    gate, outcomes = Gate(storage), []
    gate.slice_records = gate.group_records = slice_records
    with Writer(gate) as writer:
        slices = Submission([RECORD] * slice_records, 1)
        for _ in range(QUEUED_SLICES):
            writer.submit(slices, outcomes.append)
        with pytest.raises(StorageBusyError):
            writer.submit(slices, outcomes.append)
        assert writer.slices_in_flight * 2 <= QUEUED_SLICES
        for _ in range(100):
            writer.submit(Submission([RECORD], 1), outcomes.append)
        gate.open.set()
    assert QUEUED_SLICES + 100 == len(outcomes)
