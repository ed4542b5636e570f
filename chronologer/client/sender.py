"""The thread that sends: when, again, to disk instead, and no longer than it may at the end."""

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
    RefusedError,
    Settled,
    deliver,
)
from chronologer.client.intake import Intake
from chronologer.client.spool import Spool, SpoolFullError
from chronologer.client.unlocked import SHUTDOWN

LOOK = 10.0  # seconds after which the spool is looked at for what others have left


class _TooLateError(Exception):
    """The end has come while a request was under way."""


class Sender:
    """
    Sends what comes in by its intake, in a thread of its own.

    After a fork the child process makes another one; this one belongs to the parent.
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
        self._ident = 0  # of the thread that sends
        self._backoff = Backoff()
        self._next_spooling = self._next_look = 0.0  # of the monotonic clock
        self._is_behind = False  # older records are on disk
        self._is_disk_failing = False  # and what is there is left alone for some time
        self._given_up = -1, 0.0  # records accepted, and when, as a flush had run out of time
        self._deadline = float('inf')  # of the end
        self._is_over = False

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

    def put(self, line: bytes, is_urgent: bool, is_kept: bool) -> None:
        """Take a record; see `Intake.put`."""
        self._intake.put(line, is_urgent, is_kept, may_wait=not self.is_sending)
        if self._thread is None:
            with self._lock:
                self._start()
        self._account.tell()

    def flush(self, seconds: float) -> bool:
        """Send what was put, or spool it; return whether that was done in time."""
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
        self._account.tell()
        return is_done

    def close(self) -> None:
        """Send what was put, in the time that there is; then it is spooled, or lost."""
        with self._lock:
            if self._intake.is_closed:
                return
            self._intake.is_closed = True
            self._deadline = time.monotonic() + self._seconds_left()
            self._hurry()
            is_idle = self._thread is None and not len(self._intake)
            has_thread = is_idle or self._start()
            self._is_over = is_idle
        if not has_thread:  # too late for one: the interpreter is about to end
            self._connection.hurry(self._close_seconds / 2)
            self._run()
        with self._lock:
            try:
                self._changed.wait_for(lambda: self._is_over, self._deadline - time.monotonic())
            finally:  # also when somebody has no patience: KeyboardInterrupt
                self._is_over = True
                self._give_up()
                self._changed.notify_all()
        self._account.tell()

    def _seconds_left(self) -> float:
        """To close: none after a flush in vain, as `logging.shutdown` does it, nor for itself."""
        accepted, moment = self._given_up
        is_same = accepted == self._intake.accepted and time.monotonic() - moment < SHUTDOWN
        return 0.0 if is_same or self.is_sending else self._close_seconds

    def _end_of_child(self) -> None:
        if not self.flush(self._close_seconds):
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
        self._intake.due = 0.0
        self._backoff.hurry()
        self._changed.notify_all()

    def _give_up(self) -> None:
        """The end has come: spool what is left, or count it as lost."""
        self._intake.close_batch()
        while self._intake.first is not None:
            if self._spool is None or not self._spool_first():
                self._intake.lose_all(
                    f'the program ends ({self._intake.trouble or "no time left"})'
                )

    def _next(self) -> Callable[[], object] | None:
        """What to do next, once it is time for something; None at the end."""
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
        """Whether it is the end, and nothing can be done before the deadline."""
        if self._backoff.next_try >= self._deadline:
            return True
        return self._intake.first is None and not self._intake.is_filling

    def _time_left(self, now: float) -> float | None:
        """Seconds until there will be something to do; None if that is unknown."""
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
                    self._backoff.fail(AwayError(f'{type(ex).__name__}: {ex}'))
                    self._account.away(self._backoff.reason)
                self._account.tell()
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
        while self._intake.first is not None and self._spool_first():
            pass
        if not self._backoff.is_over:
            return
        with self._spool.sending() as is_sender:
            if not is_sender:  # another process is
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
        """Write the oldest batch of those in memory to disk; return whether that was possible."""
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
        if self._backoff.failures:
            self._account.count(retried=1)
        try:
            settled = self._deliver(batch)
        except AwayError as ex:
            self._backoff.fail(ex)
            is_refused = isinstance(ex, DeniedError) and self._spool is None
            if not (is_refused or self._backoff.is_hopeless):
                self._wait(ex, batch)
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
            if self._is_over:  # what became of the batch is settled: it was spooled, or is lost
                raise _TooLateError

    def _wait(self, error: AwayError, batch: Batch) -> None:
        """Tell, once, why records wait."""
        self._intake.trouble = self._backoff.reason
        self._account.away(self._backoff.reason)
        if isinstance(error, DeniedError) and not self._backoff.is_denied:
            self._backoff.is_denied = True
            self._refuse(RefusedError(f'{error}; what is refused stays in the spool', batch.lines))
