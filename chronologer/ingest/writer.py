"""
Group commit: the only way into a storage.

Requests hand over their batches and wait. One thread commits what has gathered in a single
transaction, so while a commit waits for the disk the next group gathers behind it, and a lone
request never waits for company.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from chronologer.errors import ChronologerError, StorageBusyError, StorageError
from chronologer.model import Record
from chronologer.storage import Storage

MAX_GROUP = 1000  # batches in one transaction

log = logging.getLogger(__name__)

Pending = tuple[Sequence[Record], 'Future[list[int]]']


class Writer:
    """Commits batches of records; safe to call from any thread."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self._queue: SimpleQueue[Pending | None] = SimpleQueue()
        self._closing = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name='writer', daemon=True)
        self._thread.start()

    def __enter__(self) -> 'Writer':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, batch: Sequence[Record]) -> list[int]:
        """
        Store a batch, all or nothing, and return the ids of its records once they are committed.

        Raises:
            StorageBusyError: The storage is behind or the writer has been closed.
            StorageError: The engine failed or refused the batch.
        """
        future: Future[list[int]] = Future()
        with self._closing:
            if self._closed:
                raise StorageBusyError('the server is shutting down')
            self._queue.put((batch, future))
        return future.result()

    def close(self) -> None:
        """Commit what has been handed over, then stop."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, is_last = self._gather(first)
            self._commit(group)
            if is_last:
                break

    def _gather(self, first: Pending) -> tuple[list[Pending], bool]:
        """Take what waits behind *first*; tell whether the writer was closed after it."""
        group = [first]
        try:
            while len(group) < MAX_GROUP:
                pending = self._queue.get_nowait()
                if pending is None:
                    return group, True
                group.append(pending)
        except Empty:
            pass
        return group, False

    def _commit(self, group: list[Pending]) -> None:
        try:
            outcomes = self._storage.insert([batch for batch, _ in group])
        except Exception as ex:
            if not isinstance(ex, ChronologerError):
                log.exception('Writing failed')
                ex = StorageError('writing failed; the reason is in the server log')
            for _, future in group:
                future.set_exception(ex)
        else:
            for (_, future), outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, ChronologerError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
