"""
Log to Chronologer in batches, configured by a dictionary.

BatchJsonHandler is in chronologer.client, which needs the standard library only. It sends from its
own thread, retries while the server is away, and sends the remaining records when the program ends.
'spool': '/var/spool/shop' keeps records on disk if the program ends while the server is away.
"""

import logging.config
import os

logging.config.dictConfig(
    {
        'version': 1,
        'disable_existing_loggers': False,
        'handlers': {
            'console': {'class': 'logging.StreamHandler', 'level': 'ERROR'},
            'chronologer': {
                'class': 'chronologer.client.BatchJsonHandler',
                'host': os.environ.get('CHRONOLOGER', 'localhost:8080'),  # or a whole URL
                'credentials': ('logger', ''),
                'prefix': 'shop',
            },
        },
        'root': {'handlers': ['chronologer'], 'level': 'INFO'},
        # Messages of the handler itself, such as that the server is away.
        'loggers': {'chronologer.client': {'handlers': ['console']}},
    }
)

log = logging.getLogger('example.batch')
log.info('Order %d of %s', 387, 'bob', extra={'order': 387, 'items': [{'sku': 'a-1', 'n': 2}]})
try:
    try:
        {}['key']
    except KeyError as ex:
        raise ValueError('no such order') from ex
except ValueError:
    log.exception('Order %d failed', 387, extra={'suffix': 'payment'})
