"""
Handlers for programs that log to Chronologer.

It requires only the standard library of Python 3.8 or later, and nothing else of this package.
``doc/clients.rst`` shows how to configure programs and frameworks.

The way of a record::

    content, failure      LogRecord -> one line of JSON, in the thread that logs
    buffer                lines -> batches, within bounds
    intake                where threads put lines and wait for room
    sender, backoff       a thread: when to send, to retry, to spool, to stop
    delivery              one batch and the answer of the server
    connection            one request and its response
    proxy                 the proxy that the environment names
    time_limit            the longest time that both may take
    spool                 batches on disk, while the server is away
    account               counts the outcomes of records, and reports losses

Also: ``fork``, what handlers do after a fork; ``unlocked``, their part of `logging.Handler`.
"""

from chronologer.client.account import Counters
from chronologer.client.batch_json import BatchJsonHandler
from chronologer.client.delivery import RefusedError
from chronologer.client.queue_proxy import QueueProxyHandler

__all__ = ['BatchJsonHandler', 'Counters', 'QueueProxyHandler', 'RefusedError']
