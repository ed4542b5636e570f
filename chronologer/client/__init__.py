"""
Handlers for programs that log to Chronologer.

Needs the standard library only, Python 3.8 or later, and nothing else of this package.
``doc/clients.rst`` shows how programs and frameworks are set up with it.

A record, on its way out::

    content, failure      LogRecord -> one line of JSON, in the thread that logs
    buffer                lines -> batches, within bounds
    intake                where threads leave lines and wait for room
    sender, backoff       a thread: when to send, to try again, to spool, to stop
    delivery              one batch and what the server says of it
    connection            one request and its answer
    spool                 batches on disk, while the server is away
    account               what became of the records: counted, and told when some are lost

Beside it: ``fork``, what handlers do after one; ``unlocked``, what they have of `logging.Handler`.
"""

from chronologer.client.account import Counters
from chronologer.client.batch_json import BatchJsonHandler
from chronologer.client.delivery import RefusedError
from chronologer.client.queue_proxy import QueueProxyHandler

__all__ = ['BatchJsonHandler', 'Counters', 'QueueProxyHandler', 'RefusedError']
