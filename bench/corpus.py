"""Records of a fictitious shop over 30 days; the same at each run."""

import logging
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from chronologer.model import Record

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DURATION = timedelta(days=30)

SERVICES = ('web', 'api', 'billing', 'search', 'mail', 'stock', 'auth', 'report', 'cron', 'queue')
MODULES = ('views', 'db', 'cache', 'client', 'worker', 'session', 'http', 'orm', 'auth', 'tasks')
LEVELS, WEIGHTS = (10, 20, 30, 40, 50), (30, 55, 10, 4.9, 0.1)
TEMPLATES = (
    'GET /orders/%d 200 in %d ms',
    'Order %d of user %d was paid',
    'Cache miss for key order:%d:%d',
    'SELECT took %d ms, %d rows',
    'Sending mail %d to customer %d',
    'Stock of item %d is %d',
)
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/shop/billing/client.py", line {}, in charge\n'
    '    response = session.post(url, json=payload, timeout=10)\n'
    'requests.exceptions.ReadTimeout: HTTPSConnectionPool(host="pay.example", port=443)'
)


def make_records(count: int, seed: int = 387, duration: timedelta = DURATION) -> Iterator[Record]:
    """Yield *count* records in the order of time, with all parts of a LogRecord."""
    chance = random.Random(seed)
    step = duration / count
    for index in range(count):
        service, module = chance.choice(SERVICES), chance.choice(MODULES)
        level = chance.choices(LEVELS, WEIGHTS)[0]
        template = chance.choice(TEMPLATES)
        args = [chance.randrange(1_000_000), chance.randrange(2000)]
        logrec = {
            'data': {
                'order': chance.randrange(500_000),
                'user': f'user{chance.randrange(5000)}',
                'request': f'{chance.getrandbits(64):016x}',
            },
            'meta': {
                'args': args,
                'filename': f'{module}.py',
                'funcName': 'handle',
                'levelname': logging.getLevelName(level),
                'lineno': chance.randrange(1, 900),
                'module': module,
                'msecs': chance.random() * 1000,
                'msg': template,
                'pathname': f'/srv/shop/{service}/{module}.py',
                'process': 4000 + chance.randrange(8),
                'processName': 'MainProcess',
                'relativeCreated': chance.random() * 1e7,
                'stack_info': None,
                'thread': 139_900_000_000_000 + chance.randrange(16),
                'threadName': f'Thread-{chance.randrange(16)}',
            },
        }
        if level >= 40:
            logrec['error'] = {'exc_text': TRACEBACK.format(chance.randrange(900))}
        name = f'shop.{service}.{module}.{chance.choice("ab")}'
        yield Record(START + step * index, name, level, template % tuple(args), logrec)


def as_logrecord(record: Record) -> dict[str, Any]:
    """Return the ``__dict__`` of the LogRecord that *record* is made of, as JSON has it."""
    assert record.logrec is not None
    return {
        'name': record.name,
        'levelno': record.level,
        'created': record.ts.timestamp(),
        'message': record.message,
        'exc_info': None,
        'exc_text': None,
        **record.logrec['meta'],
        **record.logrec['data'],
        **record.logrec.get('error', {}),
    }
