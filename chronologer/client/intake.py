"""Where records come in, from any thread, and wait in memory to be sent."""

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
    A buffer that threads share, and what they tell each other by.

    ``lock`` is for who looks at more than one thing; ``changed``, of the same lock, is notified
    when something has come or gone.
    """

    def __init__(
        self, buffer: Buffer, account: Account, flush_seconds: float, block_seconds: float
    ):
        self._buffer, self._account = buffer, account
        self._flush_seconds, self._block_seconds = flush_seconds, block_seconds
        self._arrived: deque[tuple[bytes, bool, bool]] = deque()
        # One that a signal handler may take again; taken as it is, since an exception of a signal
        # handler within `Condition.__enter__` would leave it locked for ever.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._local = _Local()
        self._is_piling_up = False
        self.accepted = self.settled = 0  # records
        self.due = 0.0  # when what fills no batch yet is to be sent
        self.is_closed = False  # nothing is taken any more
        self.trouble = ''  # why nothing goes out, if something is wrong

    def __len__(self) -> int:
        """Records in memory."""
        with self.lock:
            return len(self._buffer)

    def put(self, line: bytes, is_urgent: bool, is_kept: bool, may_wait: bool) -> None:
        """Take a record; wait for room, if it may, or else make some, or drop it."""
        self._arrived.append((line, is_urgent, is_kept))
        if self._local.is_taking:
            return  # a signal handler, or __del__, has interrupted what goes on to take it
        while self._arrived:
            with self.lock:
                self._take(may_wait)
        if self._is_piling_up:  # the sender is busy, maybe with a server that does not answer
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
        """Compress, wait, give up older records, until there is room."""
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
        """Let one batch take less memory; others go on meanwhile."""
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
        """Whether something could take less memory."""
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
        """Let what there is be a batch."""
        self._buffer.close_batch()

    def settle(self, batch: Batch) -> None:
        """The first batch is sent, or kept elsewhere, if nobody has given it up meanwhile."""
        with self.lock:
            if self._buffer.first is batch:
                self._buffer.remove_first()
                self.settled += batch.count
            self.changed.notify_all()

    def wait_until_settled(self, seconds: float, is_hopeless: Callable[[], bool]) -> bool:
        """Whether all that was accepted until now is settled, at the latest after *seconds*."""
        wanted = self.accepted
        self.changed.wait_for(lambda: self.settled >= wanted or is_hopeless(), seconds)
        return self.settled >= wanted

    def lose_all(self, why: str) -> None:
        """Give up what is left."""
        lost = self._buffer.clear()
        self.settled += lost
        self._account.lose(lost, why)
