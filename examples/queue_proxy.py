"""
Log to Chronologer from a second thread, configured by a dictionary.

QueueProxyHandler is in chronologer.client, which needs the standard library only. Unlike
QueueHandler, it keeps message, arguments and traceback apart.
"""

import logging.config
import os

logging.config.dictConfig(
    {
        'version': 1,
        'disable_existing_loggers': False,
        'handlers': {
            'chronologer': {
                'class': 'chronologer.client.QueueProxyHandler',
                'queue': {'()': 'queue.Queue', 'maxsize': 10_000},
                'target': 'ext://logging.handlers.HTTPHandler',
                'prefix': 'shop',
                # all other values are passed to the target
                'host': os.environ.get('CHRONOLOGER', 'localhost:8080'),
                'url': '/api/v1/record',
                'method': 'POST',
                'credentials': ('logger', ''),  # has to be a tuple
            },
        },
        'root': {'handlers': ['chronologer'], 'level': 'INFO'},
    }
)

log = logging.getLogger('example.proxy')
log.info('Order %d of %s', 387, 'bob', extra={'order': 387})
try:
    {}['key']
except KeyError:
    log.exception('Order %d failed', 387)
