"""The thread that sends: when, again, to disk instead, and no longer than it may at the end."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from chronologer.client import fork
from chronologer.client.account import Account
from chronologer.client.buffer import Batch, Buffer
from chronologer.client.connection import Connection
from chronologer.client.delivery import (
    AwayError,
    DeniedError,
    FailedError,
    RefusedError,
    Settled,
    deliver,
)
from chronologer.client.spool import Spool, SpoolFullError

DELAY, MAX_DELAY = 0.5, 30.0  # seconds: after the first failure, doubled each time up to the last
MAX_DOUBLINGS = 10  # a server may be away for thousands of tries
MAX_FAILURES = 6  # of the server itself (500), at one batch
LOOK = 10.0  # seconds after which the spool is looked at for what others have left


class Times(NamedTuple):
    """Bounds, in seconds."""

    flush: float  # from a record to its request
    block: float  # that a call waits for room
    close: float  # that the end of the program waits


class _TooLateError(Exception):
    """The end has come while a request was under way."""


class _Local(threading.local):
    is_taking = False


class Sender:
    """
    Takes lines from any thread and sends them in one of its own.

    After a fork the child process makes another one; this one belongs to the parent.
    """

    def __init__(
        self,
        connection: Connection,
        buffer: Buffer,
        account: Account,
        times: Times,
        spool: Spool | None,
        refuse: Callable[[RefusedError], None],
    ):
        self._connection, self._buffer, self._account = connection, buffer, account
        self._times, self._spool, self._refuse = times, spool, refuse
        self._arrived: deque[tuple[bytes, bool, bool]] = deque()
        self._is_piling_up = False  # batches in the buffer
        # One that a signal handler may take again; taken as it is, since an exception of a signal
        # handler within `Condition.__enter__` would leave it locked for ever.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._local = _Local()
        self._thread: threading.Thread | None = None
        self._ident = 0  # of the thread that sends
        self._due = 0.0  # when what fills no batch yet is to be sent
        self._next_try = self._next_spooling = self._next_look = 0.0
        self._is_denied = False  # and handleError has heard of it
        self._is_told_when = False  # the server has said when to try again
        self._failures = 0  # since the last success
        self._faults = 0  # of the server itself, at the batch that is tried
        self._reason = ''  # of the last failure
        self._accepted = self._settled = 0  # records
        self._given_up = -1  # records accepted when a flush had run out of time
        self._deadline = float('inf')  # of the end
        self._is_closing = self._is_over = False
        self._is_behind = False  # older records are on disk
        self._is_disk_failing = False  # and what is there is left alone for some time

    def begin(self) -> None:
        """
        Send what an earlier run has left on disk; else the first record is waited for.

        Raises:
            OSError: The spool cannot be written to.
        """
        if self._spool is not None:
            self._spool.make()
            if not self._spool.is_empty():
                with self._lock:
                    self._start()

    @property
    def is_sending(self) -> bool:
        """Whether this is the thread that sends: what it logs itself is not for sending."""
        return self._ident == threading.get_ident()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._is_closing

    @property
    def waiting(self) -> int:
        """Records in memory."""
        with self._lock:
            return len(self._buffer)

    def put(self, line: bytes, is_urgent: bool, is_kept: bool) -> None:
        """Take a record; waits for room if it may, or else makes some or drops it."""
        self._arrived.append((line, is_urgent, is_kept))
        if self._local.is_taking:
            return  # a signal handler, or __del__, has interrupted what goes on to take it
        while self._arrived:
            with self._lock:
                self._take()
        if self._is_piling_up:  # the thread is busy, maybe with a server that does not answer
            self._compress()
        self._account.tell()

    def flush(self, seconds: float) -> bool:
        """Send what was put, or spool it; return whether that was done in time."""
        if self.is_sending:
            return False
        with self._lock:
            wanted = self._accepted
            if self._settled >= wanted:
                return True
            self._hurry()
            if not self._start():
                return False
            self._changed.wait_for(lambda: self._settled >= wanted or self._is_over, seconds)
            is_done = self._settled >= wanted
            self._given_up = -1 if is_done else wanted
        self._account.tell()
        return is_done

    def close(self) -> None:
        """Send what was put, in the time that there is; then it is spooled, or lost."""
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = True
            is_hopeless = self._given_up == self._accepted  # logging.shutdown flushes before
            self._deadline = time.monotonic() + (0 if is_hopeless else self._times.close)
            self._hurry()
            is_idle = self._thread is None and not len(self._buffer)
            has_thread = is_idle or self._start()
            self._is_over = is_idle
        if not has_thread:  # too late for one: the interpreter is about to end
            self._connection.hurry(self._times.close / 2)
            self._run()
        with self._lock:
            try:
                self._changed.wait_for(lambda: self._is_over, self._deadline - time.monotonic())
            finally:  # also when somebody has no patience: KeyboardInterrupt
                self._is_over = True
                self._give_up()
                self._changed.notify_all()
        self._account.tell()

    def _end_of_child(self) -> None:
        if not self.flush(self._times.close):
            with self._lock:
                self._give_up()
            self._account.tell()

    def abandon(self) -> None:
        """Let go of what a forked process has inherited."""
        fork.abandon(self)
        self._connection.abandon()
        if self._spool is not None:
            self._spool.abandon()

    # What follows, with the lock, up to `_next`.

    def _take(self) -> None:
        self._local.is_taking = True
        try:
            while self._arrived:
                line, is_urgent, is_kept = self._arrived.popleft()
                if self._is_closing:
                    self._account.lose(1, 'the handler is closed')
                elif self._buffer.has_room(line) or self._find_room(line):
                    self._accept(line, is_urgent, is_kept)
            if self._thread is None:
                self._start()
        finally:
            self._local.is_taking = False

    def _accept(self, line: bytes, is_urgent: bool, is_kept: bool) -> None:
        is_first = not self._buffer.is_filling
        self._buffer.append(line, is_kept)
        self._accepted += 1
        if is_urgent:
            self._due = 0.0
        elif is_first:
            self._due = time.monotonic() + self._times.flush
        if not self._buffer.is_filling:
            self._is_piling_up = self._buffer.is_piling_up
        if is_first or is_urgent or not self._buffer.is_filling:
            self._changed.notify_all()

    def _find_room(self, line: bytes) -> bool:
        """Compress, wait, give up older records, until there is room."""
        while (batch := self._buffer.uncompressed()) is not None:
            self._buffer.replace(batch, batch.body)
        if self._times.block and self._buffer.may_have_room(line) and not self.is_sending:
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._is_over or self._buffer.has_room(line), self._times.block
            )
        if self._is_over:
            self._account.lose(1, 'the handler is closed')
            return False
        if not self._buffer.has_room(line):
            lost = self._buffer.make_room(line)
            self._settled += lost
            has_room = self._buffer.has_room(line)
            reason = self._reason or 'the server is slower than this program'
            self._account.lose(lost + (not has_room), f'no room in memory ({reason})')
            return has_room
        return True

    def _start(self) -> bool:
        """Have a thread, if one can be had."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name='chronologer', daemon=True)
            self._thread = thread  # before it starts: a signal handler may come here meanwhile
            try:
                thread.start()
            except RuntimeError:  # none may be started any more, or there are too many
                self._thread = None
                return False
            fork.call_at_exit_of_child(self._end_of_child)
        return True

    def _hurry(self) -> None:
        self._due = 0.0
        if not self._is_told_when:
            self._next_try = 0.0
        self._changed.notify_all()

    def _give_up(self) -> None:
        """The end has come: spool what is left, or count it as lost."""
        self._buffer.close_batch()
        while self._buffer.first is not None:
            if self._spool is None or not self._spool_first():
                reason = self._reason or 'no time left'
                lost = self._buffer.clear()
                self._settled += lost
                self._account.lose(lost, f'the program ends ({reason})')

    def _next(self) -> Callable[[], object] | None:
        """What to do next, once it is time for something; None at the end."""
        while not self._is_over:
            now = time.monotonic()
            if now >= self._deadline:
                return None
            may_try = now >= self._next_try
            if self._buffer.is_filling and now >= self._due and (may_try or self._is_behind):
                self._buffer.close_batch()
            has_batch = self._buffer.first is not None
            if self._is_behind:
                if may_try or (has_batch and now >= self._next_spooling):
                    return self._catch_up
            elif self._is_disk_failing and now >= self._next_look:
                return self._look
            elif has_batch and may_try:
                return self._send_first
            if self._buffer.uncompressed() is not None:
                return self._compress
            if self._is_closing and self._is_finished():
                return None
            self._changed.wait(self._time_left(now))
        return None

    def _is_finished(self) -> bool:
        """Whether it is the end, and nothing can be done before the deadline."""
        if self._next_try >= self._deadline:
            return True
        return self._buffer.first is None and not self._buffer.is_filling

    def _time_left(self, now: float) -> float | None:
        """Seconds until there will be something to do; None if that is unknown."""
        times = []
        if self._buffer.is_filling:
            times.append(self._due if self._is_behind else max(self._due, self._next_try))
        if self._is_behind:
            times.append(self._next_try)
        elif self._is_disk_failing:
            times.append(self._next_look)
        if self._buffer.first is not None:
            times.append(self._next_spooling if self._is_behind else self._next_try)
        return max(min(times) - now, 0.0) if times else None

    # What follows, in the thread that sends, without the lock.

    def _run(self) -> None:
        self._ident = threading.get_ident()
        try:
            self._look()
            while True:
                with self._lock:
                    action = self._next()
                if action is None:
                    break
                try:
                    action()
                except _TooLateError:
                    break
                except Exception as ex:  # whatever it is, records wait for the next try
                    self._put_off(AwayError(f'{type(ex).__name__}: {ex}'))
                self._account.tell()
        finally:
            self._connection.close()
            with self._lock:
                self._ident = 0
                self._is_over = True
                self._changed.notify_all()

    def _compress(self) -> None:
        with self._lock:
            batch = self._buffer.uncompressed()
        if batch is not None:
            body = batch.body
            with self._lock:
                self._buffer.replace(batch, body)
                self._is_piling_up = self._buffer.is_piling_up
                self._changed.notify_all()

    def _send_first(self) -> None:
        with self._lock:
            batch = self._buffer.first
            if batch is None:
                return
            batch.is_sent = True
        if self._try(batch):
            self._remove_first(batch)
            if time.monotonic() >= self._next_look:  # for what a process that has ended has left
                self._look()
        elif self._spool is not None:
            self._is_behind = self._spool_first()

    def _catch_up(self) -> None:
        try:
            self._send_from_disk()
        except OSError as ex:
            self._disk_fails(ex)

    def _send_from_disk(self) -> None:
        """Let what is in memory follow onto the disk, and send the oldest batch from there."""
        assert self._spool is not None
        while self._buffer.first is not None and self._spool_first():
            pass
        if time.monotonic() < self._next_try:
            return
        with self._spool.sending() as is_sender:
            if not is_sender:  # another process is
                self._next_try = time.monotonic() + DELAY
                self._is_behind = not self._spool.is_empty()
                return
            batch = self._spool.first()
            if batch is None:
                self._is_behind = False
            elif self._try(batch):
                self._spool.remove_first()
                self._next_spooling = 0.0

    def _spool_first(self) -> bool:
        """Write the oldest batch of those in memory to disk; return whether that was possible."""
        batch = self._buffer.first
        assert batch is not None
        assert self._spool is not None
        try:
            self._spool.add(batch)
        except (SpoolFullError, OSError) as ex:
            self._reason = f'{ex}; {self._reason}'
            self._next_spooling = time.monotonic() + DELAY
            return False
        self._account.count(spooled=batch.count)
        self._remove_first(batch)
        return True

    def _remove_first(self, batch: Batch) -> None:
        with self._lock:
            if self._buffer.first is batch:
                self._buffer.remove_first()
                self._settled += batch.count
            self._changed.notify_all()

    def _look(self) -> None:
        """Whether something is in the spool, of this process or another."""
        self._next_look = time.monotonic() + LOOK
        if self._spool is not None:
            try:
                self._is_behind = not self._spool.is_empty()
                self._is_disk_failing = False
            except OSError as ex:
                self._disk_fails(ex)

    def _disk_fails(self, error: OSError) -> None:
        """What is on disk has to wait; what is in memory need not."""
        self._is_behind, self._is_disk_failing = False, True
        self._next_look = time.monotonic() + LOOK
        self._account.warn(f'the spool cannot be used: {error.strerror}')

    def _try(self, batch: Batch) -> bool:
        """Send a batch; return whether its fate is known."""
        if self._failures:
            self._account.count(retried=1)
        try:
            settled = self._deliver(batch)
        except AwayError as ex:
            self._faults += isinstance(ex, FailedError)
            if not self._is_final(ex):
                if isinstance(ex, DeniedError) and not self._is_denied:
                    self._is_denied = True
                    self._refuse(RefusedError(f'{ex}; records stay in the spool', batch.lines))
                self._put_off(ex)
                return False
            settled = Settled(0, [RefusedError(str(ex), batch.lines)])
        else:
            self._account.back()
        self._failures = self._faults = 0
        self._reason, self._is_told_when, self._is_denied = '', False, False
        self._next_try = 0.0
        refused = sum(len(refusal.lines) for refusal in settled.refusals)
        self._account.count(sent=settled.stored, dropped=refused)
        for refusal in settled.refusals:
            self._refuse(refusal)
        return True

    def _deliver(self, batch: Batch) -> Settled:
        try:
            return deliver(self._connection, batch)
        finally:
            if self._is_over:  # what became of the batch is settled: it was spooled, or is lost
                raise _TooLateError

    def _is_final(self, error: AwayError) -> bool:
        """Whether to try again is of no use."""
        if isinstance(error, DeniedError):
            return self._spool is None
        return isinstance(error, FailedError) and self._faults > MAX_FAILURES

    def _put_off(self, error: AwayError) -> None:
        """Try again later, after longer and longer delays."""
        self._reason = str(error)
        doubled = DELAY * 2.0 ** min(self._failures, MAX_DOUBLINGS)
        delay = min(doubled, MAX_DELAY) * random.uniform(0.5, 1.0)
        self._is_told_when = error.delay is not None
        if error.delay is not None:
            delay = error.delay + delay / 10  # not all senders at the same moment
        self._failures += 1
        self._next_try = time.monotonic() + delay
        if not self._is_over:
            self._account.away(self._reason)
