"""The handler that runs another one in a thread of its own."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import pickle
import queue as queues
import threading
import time
from contextlib import suppress
from typing import Any, Callable

from chronologer.client import fork
from chronologer.client.content import PLAIN, Cutter, is_exception, message_of, name_of
from chronologer.client.unlocked import SHUTDOWN, UnlockedHandler

IN_PROCESS = (queues.Queue, queues.SimpleQueue)
MAX_FAILURES, PAUSE = 500, 0.01  # attempts at a queue that is gone, seconds between them


class _Listener(logging.handlers.QueueListener):
    """A listener that can be stopped within a time limit, also while its queue is full."""

    queue: Any
    _thread: Any

    def dequeue(self, block: bool) -> Any:
        """Return the next record; report those that cannot be unpickled, and go on."""
        failures = 0
        while True:
            try:
                return self.queue.get(block)
            except queues.Empty:
                raise
            except (EOFError, OSError):  # the queue is closed, or its manager has ended
                failures += 1
                if failures == 1:
                    self._report('no records can be taken out of the queue')
                if failures == MAX_FAILURES:
                    raise queues.Empty from None  # ends the thread
                time.sleep(PAUSE)
            except Exception:  # would end the thread
                self._report('a record cannot be unpickled')
                with suppress(Exception):
                    self.queue.task_done()

    def _report(self, text: str) -> None:
        with suppress(Exception):  # for instance, standard error is closed
            self.handlers[0].handleError(logging.makeLogRecord({'msg': text}))

    def handle(self, record: logging.LogRecord | threading.Event) -> None:
        """Handle *record*, or report to a flush that the records before it are handled."""
        if isinstance(record, threading.Event):
            record.set()
            return
        try:
            super().handle(record)
        except Exception:
            with suppress(Exception):  # for instance, standard error is closed
                self.handlers[0].handleError(record)

    def stop_within(self, seconds: float) -> bool:
        """Wait until queued records are handled; return whether they were in time."""
        deadline = time.monotonic() + seconds
        thread, self._thread = self._thread, None
        try:
            self.queue.put(None, True, seconds)  # waits for room in the queue
        except queues.Full:
            return False
        if thread is not None:
            thread.join(max(deadline - time.monotonic(), 0.0))
        return not (thread and thread.is_alive())


class QueueProxyHandler(UnlockedHandler):
    """
    Hands records to another handler in a thread of its own, so that logging never waits for it.

    A queue, its listener and the target handler in one, which is what a declarative configuration
    needs. Arguments that are not its own go to *target*::

        'chronologer': {
            'class': 'chronologer.client.QueueProxyHandler',
            'queue': {'()': 'queue.Queue', 'maxsize': 10000},
            'target': 'ext://logging.handlers.HTTPHandler',
            'host': 'localhost:8080',
            'url': '/api/v1/record',
            'method': 'POST',
            'credentials': ('logger', ''),
        }

    When the queue is full a record is dropped, which `handleError` reports. `logging.shutdown`,
    which runs at the end of the program, waits until the queue is empty, *closeTimeout* seconds at
    most; remaining records are reported in the same way.

    After a fork the child process has a queue of its own, of the same kind and size, if it is one
    of the module `queue`; others, such as those of `multiprocessing`, lead to the parent's target.

    Parameters:
        queue: A queue, or the dict that describes one to `logging.config.dictConfig`.
        target: A class or function that makes the handler of the records.
        prefix: Prepended to the name of each record's logger, with a dot. A record's own
            ``suffix``, ``extra={'suffix': …}``, is appended. The original name is sent as
            ``origname``.
        closeTimeout: Seconds.
    """

    # Not a QueueHandler: dictConfig of Python 3.12.0 and 3.12.1 refuses those of other classes.

    def __init__(
        self,
        queue: Any,
        target: Callable[..., logging.Handler] = logging.handlers.HTTPHandler,
        prefix: str = '',
        closeTimeout: float = 30.0,
        **kwargs: Any,
    ) -> None:
        if 'closeJoinTimeout' in kwargs:
            raise TypeError('closeJoinTimeout: an argument of 0.4.7; it is closeTimeout now')
        if hasattr(queue, 'configurator') and '()' in queue:
            queue = queue.configurator.configure_custom(dict(queue))
        if not hasattr(queue, 'put_nowait'):
            raise ValueError(f'queue: expected one with put_nowait, got {queue!r}')
        # first, because `logging.shutdown` closes the last handler first
        self.target = target(**kwargs)
        super().__init__()
        self.queue = queue
        self._prefix, self._close_timeout = prefix, closeTimeout
        self._is_listening, self._is_closed = False, False
        self._given_up = float('-inf')  # the time of a flush that timed out
        self._is_ours = True  # the queue, whose records are for this process
        self._is_watched = False  # the end of this process, if the queue is not ours
        self._written: threading.Event | None = None  # whether that queue is empty
        self._starting, self._closing = threading.RLock(), threading.RLock()
        self._listen()
        fork.watch(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue *record*, unless the handler is closed; never raises."""
        if self._is_closed:
            return
        try:
            self.enqueue(self.prepare(record))
        except Exception:
            self.handleError(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """
        Return a copy with the current message and traceback; arguments may change later.

        Unlike `QueueHandler.prepare` it keeps message, arguments and traceback apart.
        """
        record = copy.copy(record)
        record.message = message_of(record)
        if is_exception(record.exc_info) and not record.exc_text:
            record.exc_text = self._traceback_of(record.exc_info)
        name = name_of(record, self._prefix)
        if name != record.name:
            record.origname, record.name = record.name, name
        if isinstance(self.queue, IN_PROCESS):
            return record
        record.exc_info = None
        return _made_plain(record, _can_be_pickled)

    def _traceback_of(self, exc_info: Any) -> str:
        try:
            return (self.formatter or logging.Formatter()).formatException(exc_info)
        except Exception as ex:  # an exception class may override any method
            return f'{type(exc_info[1]).__qualname__} ({type(ex).__name__}: no traceback)'

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue *record*; in a forked process the first one starts the thread."""
        if not self._is_listening and self._is_ours:
            with self._starting:
                if not self._is_listening:
                    self._listen()
        if not (self._is_ours or self._is_watched):
            self._is_watched = True
            fork.call_at_exit_of_child(self._hand_over)
        try:
            self.queue.put_nowait(record)
        except queues.Full:
            raise
        except Exception:
            if isinstance(self.queue, IN_PROCESS):
                raise
            # The process of a manager unpickles it, and may lack a class that this one has.
            self.queue.put_nowait(_made_plain(record, _is_plain))

    def flush(self) -> None:
        """Wait up to *closeTimeout* until the target has all records, and flush it."""
        if self._is_listening and isinstance(self.queue, IN_PROCESS):
            is_handled = threading.Event()
            deadline = time.monotonic() + self._close_timeout
            with suppress(queues.Full):
                self.queue.put(is_handled, True, self._close_timeout)
            if not is_handled.wait(max(deadline - time.monotonic(), 0.0)):
                self._given_up = time.monotonic()
        self.target.flush()

    def close(self) -> None:
        """Hand all queued records to the target, then close it."""
        # The end of a child process and its SIGTERM may call this at the same time. Whoever returns
        # first ends the process, so the second call waits for the first.
        with self._closing:
            is_listening, self._is_listening = self._is_listening, False
            self._is_closed = True
            if is_listening:
                # After a flush that timed out there is no time left: logging.shutdown calls both.
                is_hopeless = time.monotonic() - self._given_up < SHUTDOWN
                if not self._listener.stop_within(0.001 if is_hopeless else self._close_timeout):
                    self._report_rest()
                self.target.close()
        super().close()

    def after_fork(self) -> None:
        """Begin anew in the child process: with a new queue, and a thread at the first record."""
        fork.abandon((self.queue, self._listener))
        self._starting, self._closing = threading.RLock(), threading.RLock()
        self._is_listening = self._is_watched = False
        if isinstance(self.queue, queues.Queue):
            self.queue = type(self.queue)(self.queue.maxsize)
        elif isinstance(self.queue, queues.SimpleQueue):
            self.queue = queues.SimpleQueue()
        else:
            self._is_ours = False

    def _hand_over(self) -> None:
        """
        Wait until a thread of `multiprocessing.Queue` has written all records for the parent.

        A process that ends while it writes would also leave the queue locked for all others.
        """
        # At the end of the process and at SIGTERM, maybe at the same time, but join_thread waits
        # at its first call only.
        written = self._written
        if written is None and hasattr(self.queue, 'join_thread'):
            self._is_closed = True
            self._written = written = threading.Event()
            threading.Thread(target=self._write_rest, args=[written], daemon=True).start()
        if written is not None:
            written.wait(self._close_timeout)

    def _write_rest(self, written: threading.Event) -> None:
        self.queue.close()
        self.queue.join_thread()
        written.set()

    def _listen(self) -> None:
        self._listener = _Listener(self.queue, self.target)
        self._listener.start()
        fork.call_at_exit_of_child(self.close)
        self._is_listening = True

    def _report_rest(self) -> None:
        rest: list[logging.LogRecord] = []
        try:
            while True:
                rest.append(self.queue.get_nowait())
        except queues.Empty:
            rest = [record for record in rest if isinstance(record, logging.LogRecord)]
        if rest:
            try:
                raise TimeoutError(f'{len(rest):,} records were left after {self._close_timeout} s')
            except TimeoutError:
                self.handleError(rest[0])


def _made_plain(record: logging.LogRecord, is_kept: Callable[[Any], bool]) -> logging.LogRecord:
    """
    Return *record* for another process.

    Values that are not kept get the form in which `BatchJsonHandler` sends them. The queue would
    fail in another thread or process, where nobody can tell which record was lost.
    """
    if not (is_kept(record.args) and is_kept(record.msg)):
        record.msg, record.args = record.message, None
    for name, value in record.__dict__.items():
        if not is_kept(value):
            record.__dict__[name] = Cutter().cut(value)
    if type(record) is logging.LogRecord or is_kept(record):
        return record
    plain = logging.LogRecord('', 0, '', 0, '', None, None)  # not of the program's own class
    plain.__dict__.update(record.__dict__)
    return plain


def _is_plain(value: Any) -> bool:
    return type(value) in PLAIN or (type(value) is tuple and PLAIN.issuperset(map(type, value)))


def _can_be_pickled(value: Any) -> bool:
    """Whether *value* can be pickled and unpickled: many exceptions can only be pickled."""
    if _is_plain(value):
        return True
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return False
    return True
