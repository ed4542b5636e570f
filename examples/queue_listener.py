"""
Log to Chronologer from a second thread, so that the program does not wait for the network.

QueueHandler formats a record before it queues it, so the traceback becomes part of the message.
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
atexit.register(listener.stop)  # sends the remaining records

root = logging.getLogger()
root.setLevel(logging.INFO)
root.addHandler(logging.handlers.QueueHandler(records))

log = logging.getLogger('example.queue')
for number in range(10):
    log.info('Step %d', number, extra={'step': number})
