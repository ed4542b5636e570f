"""Log to Chronologer with the standard library only, configured by a dictionary."""

import logging.config
import os

logging.config.dictConfig(
    {
        'version': 1,
        'disable_existing_loggers': False,
        'handlers': {
            'chronologer': {
                'class': 'logging.handlers.HTTPHandler',
                'host': os.environ.get('CHRONOLOGER', 'localhost:8080'),
                'url': '/api/v1/record',
                'method': 'POST',
                'credentials': ('logger', ''),  # has to be a tuple
            },
        },
        'root': {'handlers': ['chronologer'], 'level': 'INFO'},
    }
)

log = logging.getLogger('example.dictconfig')
log.warning('Disk is %.1f%% full', 93.5, extra={'disk': '/dev/sda1', 'limits': (80, 95)})
