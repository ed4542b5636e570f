"""The thread that sends: when to send, to retry, to spool, and to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chronologer.client import backoff, fork
from chronologer.client.account import Account
from chronologer.client.backoff import Backoff
from chronologer.client.buffer import Batch
from chronologer.client.connection import Connection
from chronologer.client.delivery import (
    AwayError,
    DeniedError,
    MisplacedError,
    RefusedError,
    Settled,
    deliver,
)
from chronologer.client.intake import Intake
from chronologer.client.spool import Spool, SpoolFullError
from chronologer.client.unlocked import SHUTDOWN

LOOK = 10.0  # seconds between looks into the spool for batches of other processes


class _TooLateError(Exception):
    """The deadline has passed during a request."""


class Sender:
    """
    Sends the records of its intake in a thread of its own.

    After a fork the child process creates another one; this one belongs to the parent.
    """

    def __init__(
        self,
        intake: Intake,
        connection: Connection,
        account: Account,
        spool: Spool | None,
        close_seconds: float,
        refuse: Callable[[RefusedError], None],
    ):
        self._intake, self._connection, self._account = intake, connection, account
        self._spool, self._close_seconds, self._refuse = spool, close_seconds, refuse
        self._lock, self._changed = intake.lock, intake.changed
        self._thread: threading.Thread | None = None
        self._get_ident = threading.get_ident
        self._ident = 0  # of the thread that sends
        self._backoff = Backoff()
        self._next_spooling = self._next_look = 0.0  # of the monotonic clock
        self._is_behind = False  # older records are on disk
        self._is_disk_failing = False  # and the spool is not used for some time
        self._given_up = -1, 0.0  # records accepted, and when, at a flush that timed out
        self._deadline = float('inf')  # of the end
        self._is_over = False

    def begin(self) -> None:
        """
        Send batches that an earlier run has left on disk; else wait for the first record.

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
        """Whether this is the thread that sends, whose own records are not sent."""
        return self._ident == threading.get_ident()

    @property
    def is_outdated(self) -> bool:
        """
        Whether gevent has patched `threading` since the creation, and before the thread began.

        The locks would then be those of threads, but the thread a greenlet: it would share the
        locks with those that wait for it, and a wait would stop both.
        """
        if self._thread is not None or threading.get_ident is self._get_ident:
            return False
        return not (self._intake.is_closed or len(self._intake))

    def put(self, line: bytes, is_urgent: bool, is_kept: bool) -> None:
        """Accept a record; see `Intake.put`."""
        self._intake.put(line, is_urgent, is_kept, may_wait=not self.is_sending)
        if self._thread is None:
            with self._lock:
                self._start()
        self._account.report()

    def flush(self, seconds: float) -> bool:
        """Send or spool all records; return whether this was done in time."""
        if self.is_sending:
            return False
        with self._lock:
            if self._intake.settled >= self._intake.accepted:
                return True
            self._hurry()
            if not self._start():
                return False
            is_done = self._intake.wait_until_settled(seconds, lambda: self._is_over)
            if not is_done:
                self._given_up = self._intake.accepted, time.monotonic()
        self._account.report()
        return is_done

    def close(self) -> None:
        """Send all records in the time left; the rest is spooled or lost."""
        with self._lock:
            if self._intake.is_closed:
                return
            self._intake.is_closed = True
            self._deadline = time.monotonic() + self._seconds_left()
            self._hurry()
            is_idle = self._thread is None and not len(self._intake)
            has_thread = is_idle or self._start()
            self._is_over = is_idle
        if not has_thread:  # too late for a thread: the interpreter is about to end
            self._connection.hurry(self._close_seconds / 2)
            self._run()
        with self._lock:
            try:
                self._changed.wait_for(lambda: self._is_over, self._deadline - time.monotonic())
            finally:  # also after KeyboardInterrupt
                self._is_over = True
                self._give_up()
                self._changed.notify_all()
        self._account.report()

    def _seconds_left(self) -> float:
        """Return the seconds left to close; 0 after a flush that timed out, and in this thread."""
        accepted, moment = self._given_up
        is_same = accepted == self._intake.accepted and time.monotonic() - moment < SHUTDOWN
        return 0.0 if is_same or self.is_sending else self._close_seconds

    def _end_of_child(self) -> None:
        if not self.flush(self._close_seconds):
            with self._lock:
                self._give_up()
            self._account.report()

    def abandon(self) -> None:
        """Drop the objects that a forked process has inherited."""
        fork.abandon(self)
        self._connection.abandon()
        if self._spool is not None:
            self._spool.abandon()

    # Called with the lock, up to `_next`

    def _start(self) -> bool:
        """Start a thread, if possible."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name='chronologer', daemon=True)
            # before it starts, because a signal handler may call this method meanwhile
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or there are too many threads
                self._thread = None
                return False
            fork.call_at_exit_of_child(self._end_of_child)
        return True

    def _hurry(self) -> None:
        self._intake.due = 0.0
        self._backoff.hurry()
        self._changed.notify_all()

    def _give_up(self) -> None:
        """Spool the remaining records, or count them as lost."""
        self._intake.close_batch()
        while self._intake.first is not None:
            if self._spool is None or not self._spool_first():
                self._intake.lose_all(
                    f'the program ends ({self._intake.trouble or "no time left"})'
                )

    def _next(self) -> Callable[[], object] | None:
        """Wait until something is due, and return it; None at the end."""
        intake = self._intake
        while not self._is_over:
            now = time.monotonic()
            if now >= self._deadline:
                return None
            may_try = self._backoff.is_over
            if intake.is_filling and now >= intake.due and (may_try or self._is_behind):
                intake.close_batch()
            has_batch = intake.first is not None
            if self._is_behind:
                if may_try or (has_batch and now >= self._next_spooling):
                    return self._catch_up
            elif self._is_disk_failing and now >= self._next_look:
                return self._look
            elif has_batch and may_try:
                return self._send_first
            if intake.can_be_compressed:
                return intake.compress
            if intake.is_closed and self._is_finished():
                return None
            self._changed.wait(self._time_left(now))
        return None

    def _is_finished(self) -> bool:
        """Whether the handler is closed and nothing can be done before the deadline."""
        if self._backoff.next_try >= self._deadline:
            return True
        return self._intake.first is None and not self._intake.is_filling

    def _time_left(self, now: float) -> float | None:
        """Return the seconds until something is due; None if nothing is."""
        due, next_try = self._intake.due, self._backoff.next_try
        times = []
        if self._intake.is_filling:
            times.append(due if self._is_behind else max(due, next_try))
        if self._is_behind:
            times.append(next_try)
        elif self._is_disk_failing:
            times.append(self._next_look)
        if self._intake.first is not None:
            times.append(self._next_spooling if self._is_behind else next_try)
        return max(min(times) - now, 0.0) if times else None

    # Called in the thread that sends, without the lock

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
                except Exception as ex:  # after any error records wait for the next attempt
                    self._backoff.fail(AwayError(f'{type(ex).__name__}: {ex}'))
                    self._account.away(self._backoff.reason)
                self._account.report()
        finally:
            self._connection.close()
            with self._lock:
                self._ident = 0
                self._is_over = True
                self._changed.notify_all()

    def _send_first(self) -> None:
        with self._lock:
            batch = self._intake.first
            if batch is None:
                return
            batch.is_sent = True
        if self._try(batch):
            self._intake.settle(batch)
            if time.monotonic() >= self._next_look:  # for batches of a process that has ended
                self._look()
        elif self._spool is not None:
            self._is_behind = self._spool_first()

    def _catch_up(self) -> None:
        try:
            self._send_from_disk()
        except OSError as ex:
            self._disk_fails(ex)

    def _send_from_disk(self) -> None:
        """Spool the batches in memory, and send the oldest batch on disk."""
        assert self._spool is not None
        while self._intake.first is not None and self._spool_first():
            pass
        if not self._backoff.is_over:
            return
        with self._spool.sending() as is_sender:
            if not is_sender:  # another process sends
                self._backoff.wait(backoff.DELAY)
                self._is_behind = not self._spool.is_empty()
                return
            batch = self._spool.first()
            if batch is None:
                self._is_behind = False
            elif self._try(batch):
                self._spool.remove_first()
                self._next_spooling = 0.0

    def _spool_first(self) -> bool:
        """Write the oldest batch in memory to disk; return whether that was possible."""
        batch = self._intake.first
        assert batch is not None
        assert self._spool is not None
        try:
            self._spool.add(batch)
        except (SpoolFullError, OSError) as ex:
            self._intake.trouble = f'{ex}; {self._backoff.reason}'
            self._next_spooling = time.monotonic() + backoff.DELAY
            return False
        self._account.count(spooled=batch.count)
        self._intake.settle(batch)
        return True

    def _look(self) -> None:
        """Whether the spool has batches, of this process or another."""
        self._next_look = time.monotonic() + LOOK
        if self._spool is not None:
            try:
                self._is_behind = not self._spool.is_empty()
                self._is_disk_failing = False
            except OSError as ex:
                self._disk_fails(ex)

    def _disk_fails(self, error: OSError) -> None:
        """Note that the spool fails: its batches wait, those in memory do not."""
        self._is_behind, self._is_disk_failing = False, True
        self._next_look = time.monotonic() + LOOK
        self._account.warn(f'the spool cannot be used: {error.strerror}')

    def _try(self, batch: Batch) -> bool:
        """Send a batch; return whether it is settled."""
        if self._backoff.failures:
            self._account.count(retried=1)
        try:
            settled = self._deliver(batch)
        except AwayError as ex:
            self._backoff.fail(ex)
            is_kept = self._spool is not None and isinstance(ex, (DeniedError, MisplacedError))
            if is_kept or not (isinstance(ex, DeniedError) or self._backoff.is_hopeless):
                self._wait(ex, batch, is_kept)
                return False
            settled = Settled(0, [RefusedError(str(ex), batch.lines)])
        else:
            self._account.back()
        self._backoff, self._intake.trouble = Backoff(), ''
        refused = sum(len(refusal.lines) for refusal in settled.refusals)
        self._account.count(sent=settled.stored, dropped=refused)
        for refusal in settled.refusals:
            self._refuse(refusal)
        return True

    def _deliver(self, batch: Batch) -> Settled:
        try:
            return deliver(self._connection, batch)
        finally:
            if self._is_over:  # the batch is settled: it was spooled or is lost
                raise _TooLateError

    def _wait(self, error: AwayError, batch: Batch, is_denied: bool) -> None:
        """Report once why records wait."""
        self._intake.trouble = self._backoff.reason
        self._account.away(self._backoff.reason)
        if is_denied and not self._backoff.is_denied:
            self._backoff.is_denied = True
            self._refuse(RefusedError(f'{error}; refused batches stay in the spool', batch.lines))
