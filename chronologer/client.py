"""
Handlers for programs that log to Chronologer.

Needs the standard library only, Python 3.8 or later, and nothing else of this package.
"""

import copy
import logging
import logging.handlers
from typing import Any, Callable

__all__ = ['QueueProxyHandler']


class _Listener(logging.handlers.QueueListener):
    """Can be stopped while its queue is full."""

    queue: Any

    def enqueue_sentinel(self) -> None:
        self.queue.put(None)  # waits for a place


class QueueProxyHandler(logging.handlers.QueueHandler):
    """
    Hands records to another handler in a thread of its own, so that logging never waits for it.

    A QueueHandler, its QueueListener and the target handler in one, which is what a declarative
    configuration needs. Arguments that are not its own go to *target*::

        'chronologer': {
            'class': 'chronologer.client.QueueProxyHandler',
            'queue': {'()': 'queue.Queue', 'maxsize': 10000},
            'target': 'ext://logging.handlers.HTTPHandler',
            'host': 'localhost:8080',
            'url': '/api/v1/record',
            'method': 'POST',
            'credentials': ('logger', ''),
        }

    When the queue is full a record is dropped, which ``handleError`` reports. `logging.shutdown`,
    which runs at the end of the program, waits until the queue is empty.

    Parameters:
        queue: A queue, or the dict that describes one to `logging.config.dictConfig`.
        target: What makes the handler that the records go to: a class or a function.
        prefix: Put before the name of each record's logger, with a dot; the record keeps the
            name it had as ``origname``.
    """

    def __init__(
        self,
        queue: Any,
        target: Callable[..., logging.Handler] = logging.handlers.HTTPHandler,
        prefix: str = '',
        **kwargs: Any,
    ) -> None:
        # Before Python 3.12 dictConfig leaves the description of a queue as it is.
        if hasattr(queue, 'configurator') and '()' in queue:
            queue = queue.configurator.configure_custom(dict(queue))
        super().__init__(queue)
        self._prefix = prefix
        self._target = target(**kwargs)
        self._listener = _Listener(queue, self._target)
        self._listener.start()
        self._is_listening = True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """
        Return a copy with the message and the traceback of now, whatever becomes of its arguments.

        Unlike `QueueHandler.prepare` it keeps message, arguments and traceback apart.
        """
        record = copy.copy(record)
        record.message = record.getMessage()
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            record.exc_text = record.exc_text or formatter.formatException(record.exc_info)
        if self._prefix:
            record.origname = record.name
            record.name = f'{self._prefix}.{record.name}'
        return record

    def close(self) -> None:
        """Let the target have what is queued, then close it."""
        self.acquire()
        try:
            is_listening, self._is_listening = self._is_listening, False
        finally:
            self.release()
        if is_listening:
            self._listener.stop()
            self._target.close()
        super().close()
