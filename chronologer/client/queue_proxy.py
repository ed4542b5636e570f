"""The handler that lets another one work in a thread of its own."""

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
from chronologer.client.content import PLAIN, message_of, name_of
from chronologer.client.unlocked import SHUTDOWN, UnlockedHandler

IN_PROCESS = (queues.Queue, queues.SimpleQueue)


class _Listener(logging.handlers.QueueListener):
    """Can be stopped while its queue is full, and no longer than it may take."""

    queue: Any
    _thread: Any

    def handle(self, record: logging.LogRecord | threading.Event) -> None:
        """Handle *record*, or tell a flush that all before it is handled; errors end nothing."""
        if isinstance(record, threading.Event):
            record.set()
            return
        try:
            super().handle(record)
        except Exception:
            with suppress(Exception):  # as where standard error is closed
                self.handlers[0].handleError(record)

    def stop_within(self, seconds: float) -> bool:
        """Let what is queued be handled; return whether that was done in time."""
        deadline = time.monotonic() + seconds
        thread, self._thread = self._thread, None
        try:
            self.queue.put(None, True, seconds)  # waits for a place
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
    most; what is left then is reported in the same way.

    After a fork the child process has a queue of its own, of the same kind and size, if it is one
    of the module `queue`; others, such as those of `multiprocessing`, lead to the parent's target.

    Parameters:
        queue: A queue, or the dict that describes one to `logging.config.dictConfig`.
        target: What makes the handler that the records go to: a class or a function.
        prefix: Put before the name of each record's logger, with a dot. A record's own ``suffix``,
            ``extra={'suffix': …}``, is put behind it. The name it had is kept as ``origname``.
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
        if hasattr(queue, 'configurator') and '()' in queue:
            queue = queue.configurator.configure_custom(dict(queue))
        if not hasattr(queue, 'put_nowait'):
            raise ValueError(f'queue: expected one with put_nowait, got {queue!r}')
        self.target = target(**kwargs)  # first: `logging.shutdown` goes from the last to the first
        super().__init__()
        self.queue = queue
        self._prefix, self._close_timeout = prefix, closeTimeout
        self._is_listening, self._is_closed = False, False
        self._given_up = float('-inf')  # when a flush had run out of time
        self._is_ours = True  # the queue: its records are for this process
        self._starting = threading.RLock()
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
        Return a copy with the message and the traceback of now, whatever becomes of its arguments.

        Unlike `QueueHandler.prepare` it keeps message, arguments and traceback apart.
        """
        record = copy.copy(record)
        record.message = message_of(record)
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            record.exc_text = record.exc_text or formatter.formatException(record.exc_info)
        name = name_of(record, self._prefix)
        if name != record.name:
            record.origname, record.name = record.name, name
        return record if isinstance(self.queue, IN_PROCESS) else _for_another_process(record)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue *record*; in a forked process the first one starts the thread."""
        if not self._is_listening and self._is_ours:
            with self._starting:
                if not self._is_listening:
                    self._listen()
        self.queue.put_nowait(record)

    def flush(self) -> None:
        """Wait until the target has what is queued, up to *closeTimeout*, and flush it."""
        if self._is_listening and isinstance(self.queue, IN_PROCESS):
            is_handled = threading.Event()
            deadline = time.monotonic() + self._close_timeout
            with suppress(queues.Full):
                self.queue.put(is_handled, True, self._close_timeout)
            if not is_handled.wait(max(deadline - time.monotonic(), 0.0)):
                self._given_up = time.monotonic()
        self.target.flush()

    def close(self) -> None:
        """Let the target have what is queued, then close it."""
        self.acquire()
        try:
            is_listening, self._is_listening = self._is_listening, False
            self._is_closed = True
        finally:
            self.release()
        if is_listening:
            # After a flush in vain there is nothing to wait for: logging.shutdown does both.
            is_hopeless = time.monotonic() - self._given_up < SHUTDOWN
            if not self._listener.stop_within(0.001 if is_hopeless else self._close_timeout):
                self._report_rest()
            self.target.close()
        super().close()

    def after_fork(self) -> None:
        """In the child process, have a queue and a thread of its own, once there is a record."""
        fork.abandon((self.queue, self._listener))
        self._starting = threading.RLock()
        self._is_listening = False
        if isinstance(self.queue, queues.Queue):
            self.queue = type(self.queue)(self.queue.maxsize)
        elif isinstance(self.queue, queues.SimpleQueue):
            self.queue = queues.SimpleQueue()
        else:
            self._is_ours = False

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


def _for_another_process(record: logging.LogRecord) -> logging.LogRecord:
    """Without what cannot be pickled, which the queue would find out too late to say."""
    record.exc_info = None
    try:
        pickle.dumps(record)
    except Exception:
        record.msg, record.args = record.message, None
        for name, value in record.__dict__.items():
            if type(value) not in PLAIN:
                record.__dict__[name] = repr(value)
    return record
