"""
Log to Chronologer in batches, set up declaratively.

BatchJsonHandler is in chronologer.client, which needs the standard library only. It sends from a
thread of its own, tries again while the server is away, and sends what is left when the program
ends. With 'spool': '/var/spool/shop' records outlive a program that ends while the server is away.
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
        # What the handler itself has to say, such as that the server is away.
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
