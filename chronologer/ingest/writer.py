"""
Group commit: the only way into a storage.

A submission waits in a queue; its callback gets the outcome. One thread commits all waiting
submissions in a single transaction. While a commit waits for the disk, the next group gathers; a
single record is committed immediately. The queues are bounded, in records and in bytes.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread

from chronologer.errors import ChronologerError, StorageBusyError, StorageError
from chronologer.ingest.bounds import (
    GROUP_SUBMISSIONS,
    LARGE_BYTES,
    QUEUED_SLICES,
    SMALL,
    SMALL_BYTES,
    SMALL_RECORDS,
    slices_in_flight,
)
from chronologer.model import Record
from chronologer.storage import BatchKey, Outcome, Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """Records that are stored together or not at all."""

    records: Sequence[Record]
    size: int  # bytes that were sent for them
    key: BatchKey | None = None  # if it may be submitted again
    is_next: bool = False  # slice of its body, so that it must not overtake the one before


Done = Callable[[Outcome], None]
Pending = tuple[Submission, Done]


@dataclass(slots=True)
class Queue:
    """Submissions that wait, and the size of those and of what is being committed."""

    max_records: int
    max_bytes: int
    records: int = 0
    bytes: int = 0
    waiting: deque[Pending] = field(default_factory=deque)

    def add(self, submission: Submission, done: Done) -> None:
        """
        Add a submission.

        Raises:
            StorageBusyError: There is no room for it.
        """
        records, bytes = self.records + len(submission.records), self.bytes + submission.size
        if self.records and (records > self.max_records or bytes > self.max_bytes):
            raise StorageBusyError('the storage is overloaded')
        self.records, self.bytes = records, bytes
        self.waiting.append((submission, done))

    def release(self, submission: Submission) -> None:
        """Release the room of a submission that was committed or has failed."""
        self.records -= len(submission.records)
        self.bytes -= submission.size


class Writer:
    """Commits submissions; safe to call from any thread."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self._group_records = storage.group_records
        self.slices_in_flight = slices_in_flight(storage)
        self._changed = Condition()
        self._small = Queue(SMALL_RECORDS, SMALL_BYTES)
        self._large = Queue(QUEUED_SLICES * storage.slice_records, LARGE_BYTES)
        self._is_closed = False
        self._thread = Thread(target=self._run, name='writer', daemon=True)
        self._thread.start()

    def __enter__(self) -> 'Writer':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def submit(self, submission: Submission, done: Done) -> None:
        """
        Hand over a submission; *done* is called with its outcome, in the writer's thread.

        Raises:
            StorageBusyError: The queue is full, or the writer is closed.
        """
        with self._changed:
            if self._is_closed:
                raise StorageBusyError('the server is shutting down')
            self._queue_of(submission).add(submission, done)
            self._changed.notify()

    def _queue_of(self, submission: Submission) -> Queue:
        is_small = len(submission.records) <= SMALL and not submission.is_next
        return self._small if is_small else self._large

    def close(self) -> None:
        """Commit all submissions, then stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._take_group():
            outcomes = self._commit([submission for submission, _ in group])
            with self._changed:
                for submission, _ in group:
                    self._queue_of(submission).release(submission)
            for (_, done), outcome in zip(group, outcomes, strict=True):
                done(outcome)

    def _take_group(self) -> list[Pending]:
        """Wait for submissions, and return as many as fit; none after the writer is closed."""
        small, large = self._small.waiting, self._large.waiting
        with self._changed:
            while not (small or large or self._is_closed):
                self._changed.wait()
            group = [small.popleft() for _ in range(min(len(small), GROUP_SUBMISSIONS))]
            count = 0
            while large and count < self._group_records:
                group.append(large.popleft())
                count += len(group[-1][0].records)
            return group

    def _commit(self, group: list[Submission]) -> Sequence[Outcome]:
        try:
            return self._storage.insert(
                [submission.records for submission in group],
                [submission.key for submission in group],
            )
        except ChronologerError as ex:
            return [ex] * len(group)
        except Exception:
            log.exception('Writing failed')
            return [StorageError('writing failed; the reason is in the server log')] * len(group)
