"""
Log to Chronologer from a thread of its own, so that the program never waits for the network.

QueueHandler formats a record before it goes into the queue: its traceback is part of the message.
"""

import atexit
import logging
import logging.handlers
import os
import queue

target = logging.handlers.HTTPHandler(
    os.environ.get('CHRONOLOGER', 'localhost:8080'),
    '/api/v1/record',
    method='POST',
    credentials=('logger', ''),
)
records: queue.Queue = queue.Queue(maxsize=10_000)
listener = logging.handlers.QueueListener(records, target)
listener.start()
atexit.register(listener.stop)  # sends what is still in the queue

root = logging.getLogger()
root.setLevel(logging.INFO)
root.addHandler(logging.handlers.QueueHandler(records))

log = logging.getLogger('example.queue')
for number in range(10):
    log.info('Step %d', number, extra={'step': number})
