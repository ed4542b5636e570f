"""
Group commit: the only way into a storage.

Who has something to store hands it over and is told of the outcome. One thread commits what has
gathered in a single transaction, so while a commit waits for the disk the next group gathers behind
it, and a lone record never waits for company. What waits is bounded, in records and in bytes.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread

from chronologer.errors import ChronologerError, StorageBusyError, StorageError
from chronologer.model import Record
from chronologer.storage import Outcome, RetryKey, Storage

MAX_QUEUED_RECORDS = 20_000
MAX_QUEUED_BYTES = 64 * 2**20  # of what was sent for them

# What one transaction takes: of small submissions that many, so of single posts all that wait; of
# large ones until it has as many records as are best for the storage, so that the small ones wait
# for a few at most.
GROUP_SUBMISSIONS = 1000
SMALL = 10  # records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """Records that are stored together or not at all."""

    records: Sequence[Record]
    size: int  # bytes that were sent for them
    key: RetryKey | None = None  # if it may be submitted again


Done = Callable[[Outcome], None]
Pending = tuple[Submission, Done]


class Writer:
    """Commits submissions; safe to call from any thread."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self.group_records = storage.group_records
        self._changed = Condition()
        self._small: deque[Pending] = deque()
        self._large: deque[Pending] = deque()
        self._records = self._bytes = 0  # that wait or are being committed
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
            StorageBusyError: Too much waits already, or the writer has been closed.
        """
        count, size = len(submission.records), submission.size
        with self._changed:
            if self._is_closed:
                raise StorageBusyError('the server is shutting down')
            if self._records and (
                self._records + count > MAX_QUEUED_RECORDS or self._bytes + size > MAX_QUEUED_BYTES
            ):
                raise StorageBusyError('the storage is behind with writing')
            self._records += count
            self._bytes += size
            (self._small if count <= SMALL else self._large).append((submission, done))
            self._changed.notify()

    def close(self) -> None:
        """Commit what has been handed over, then stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._take_group():
            outcomes = self._commit([submission for submission, _ in group])
            with self._changed:
                self._records -= sum(len(submission.records) for submission, _ in group)
                self._bytes -= sum(submission.size for submission, _ in group)
            for (_, done), outcome in zip(group, outcomes, strict=True):
                done(outcome)

    def _take_group(self) -> list[Pending]:
        """Wait for submissions, and take as many as fit; none, once the writer is closed."""
        with self._changed:
            while not (self._small or self._large or self._is_closed):
                self._changed.wait()
            group = [self._small.popleft() for _ in range(min(len(self._small), GROUP_SUBMISSIONS))]
            count = 0
            while self._large and count < self.group_records:
                group.append(self._large.popleft())
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
