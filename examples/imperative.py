"""Log to Chronologer with the standard library only, configured in code."""

import logging
import logging.handlers
import os

handler = logging.handlers.HTTPHandler(
    os.environ.get('CHRONOLOGER', 'localhost:8080'),
    '/api/v1/record',
    method='POST',
    credentials=('logger', ''),
)
root = logging.getLogger()
root.setLevel(logging.INFO)
root.addHandler(handler)

log = logging.getLogger('example.imperative')
log.info('Order %d of %s', 387, 'bob', extra={'order': 387, 'user': 'bob'})
try:
    1 / 0  # noqa: B018
except ZeroDivisionError:
    log.exception('Order %d failed', 387)
