"""Accepts records from any thread, which wait in memory to be sent."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from chronologer.client.account import Account
from chronologer.client.buffer import Batch, Buffer


class _Local(threading.local):
    is_taking = False


class Intake:
    """
    A buffer that threads share, with their lock and condition.

    ``lock`` protects more than one access; ``changed``, on the same lock, is notified when
    records were added or removed.
    """

    def __init__(
        self, buffer: Buffer, account: Account, flush_seconds: float, block_seconds: float
    ):
        self._buffer, self._account = buffer, account
        self._flush_seconds, self._block_seconds = flush_seconds, block_seconds
        self._arrived: deque[tuple[bytes, bool, bool]] = deque()
        # Reentrant for signal handlers, and acquired directly, because an exception of a signal
        # handler within `Condition.__enter__` would leave it locked forever.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._local = _Local()
        self._is_piling_up = False
        self.accepted = self.settled = 0  # records
        self.due = 0.0  # when the lines that fill no batch yet have to be sent
        self.is_closed = False  # no record is accepted any more
        self.trouble = ''  # why nothing is sent, if something is wrong

    def __len__(self) -> int:
        """Records in memory."""
        with self.lock:
            return len(self._buffer)

    def put(self, line: bytes, is_urgent: bool, is_kept: bool, may_wait: bool) -> None:
        """Accept a record; wait for room if allowed, else drop others, or drop it."""
        self._arrived.append((line, is_urgent, is_kept))
        if self._local.is_taking:
            return  # a signal handler or __del__ has interrupted this method
        while self._arrived:
            with self.lock:
                self._take(may_wait)
        if self._is_piling_up:  # the sender is busy, maybe with a server that does not respond
            self.compress()

    def _take(self, may_wait: bool) -> None:
        self._local.is_taking = True
        try:
            while self._arrived:
                line, is_urgent, is_kept = self._arrived.popleft()
                if self._buffer.has_room(line) or self._find_room(line, may_wait):
                    self._accept(line, is_urgent, is_kept)
        finally:
            self._local.is_taking = False

    def _find_room(self, line: bytes, may_wait: bool) -> bool:
        """Compress, wait or drop older records until there is room."""
        while (batch := self._buffer.uncompressed()) is not None:
            self._buffer.replace(batch, batch.body)
        if may_wait and self._block_seconds and self._buffer.may_have_room(line):
            self.changed.notify_all()
            self.changed.wait_for(
                lambda: self.is_closed or self._buffer.has_room(line), self._block_seconds
            )
        if not self._buffer.has_room(line):
            lost = self._buffer.make_room(line)
            self.settled += lost
            has_room = self._buffer.has_room(line)
            reason = self.trouble or 'the server is slower than this program'
            if lost or not has_room:
                self._account.lose(lost + (not has_room), f'no room in memory ({reason})')
            return has_room
        return True

    def _accept(self, line: bytes, is_urgent: bool, is_kept: bool) -> None:
        if self.is_closed:
            self._account.lose(1, 'the handler is closed')
            return
        is_first = not self._buffer.is_filling
        self._buffer.append(line, is_kept)
        self.accepted += 1
        if is_urgent:
            self.due = 0.0
        elif is_first:
            self.due = time.monotonic() + self._flush_seconds
        if not self._buffer.is_filling:
            self._is_piling_up = self._buffer.is_piling_up
        if is_first or is_urgent or not self._buffer.is_filling:
            self.changed.notify_all()

    def compress(self) -> None:
        """Compress one batch; other threads go on meanwhile."""
        with self.lock:
            batch = self._buffer.uncompressed()
        if batch is not None:
            body = batch.body
            with self.lock:
                self._buffer.replace(batch, body)
                self._is_piling_up = self._buffer.is_piling_up
                self.changed.notify_all()

    @property
    def can_be_compressed(self) -> bool:
        """Whether a batch can be compressed."""
        return self._buffer.uncompressed() is not None

    @property
    def is_filling(self) -> bool:
        """Whether there are records that fill no batch yet."""
        return self._buffer.is_filling

    @property
    def first(self) -> Batch | None:
        """The oldest batch."""
        return self._buffer.first

    def close_batch(self) -> None:
        """Make a batch of the lines."""
        self._buffer.close_batch()

    def settle(self, batch: Batch) -> None:
        """Remove the first batch, which was sent or spooled, unless it was dropped meanwhile."""
        with self.lock:
            if self._buffer.first is batch:
                self._buffer.remove_first()
                self.settled += batch.count
            self.changed.notify_all()

    def wait_until_settled(self, seconds: float, is_hopeless: Callable[[], bool]) -> bool:
        """Wait up to *seconds* until all accepted records are settled; return whether they are."""
        wanted = self.accepted
        self.changed.wait_for(lambda: self.settled >= wanted or is_hopeless(), seconds)
        return self.settled >= wanted

    def lose_all(self, why: str) -> None:
        """Drop the rest."""
        lost = self._buffer.clear()
        self.settled += lost
        self._account.lose(lost, why)
