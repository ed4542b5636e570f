"""What the store of most tests holds: 600 records, one each two minutes, with ids from 1."""

import json
from datetime import datetime, timedelta, timezone

NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)  # two minutes after the last of them
SIZE = 600
PAUSE = 120  # seconds
LOGGERS = ['app.web', 'app.db', 'app.db.pool', 'worker', 'worker.mail']
USERS = ['alice', 'bob', 'carol', "o'brien", 'Äsop', 'dave', 'eve']
NDJSON = 'application/x-ndjson'

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/db.py", line 20, in fetch
    return pool.connect(timeout=3)
           ~~~~~~~~~~~~^^^^^^^^^^^
  File "/usr/lib/python3.12/site-packages/driver/pool.py", line 7, in connect
    raise OSError('no route')
OSError: no route

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/web.py", line 5, in view
    db.fetch()
RuntimeError: <b>cannot</b> fetch\tit"""

TREE = {
    'tree': {
        'text': 'leaf',
        'whole': 387,
        'broken': 1.5,
        'yes': True,
        'nothing': None,
        'list': [1, {'deep': 'x'}],
        'a-b c': 'quoted',
    }
}


def moment(number):
    """When a record was made."""
    return NOW - timedelta(seconds=(SIZE + 1 - number) * PAUSE)


def level(number):
    """That of a record."""
    for step, value in ((100, 50), (10, 40), (4, 30), (7, 10)):
        if number % step == 0:
            return value
    return 20


def record(number):
    """What a program sends."""
    user = USERS[number % len(USERS)]
    failure = {'exc_text': TRACEBACK} if number in (10, 590) else {}
    return {
        'name': LOGGERS[number % len(LOGGERS)],
        'levelno': level(number),
        'created': moment(number).timestamp(),
        'msg': f'{"timeout of" if level(number) >= 40 else "served"} request {number} for {user}',
        'process': 100 + number % 2,
        'thread': 7000 + number % 4,
        'user': user,
        'status': 500 if level(number) >= 40 else 200,
        'item': f'item-{number % 60:02}',
        'request_id': f'r-{number:05}',
        'host': 'web-1',
        'flow_id': f'flow-{number // 30}',
        **(TREE if number == 599 else {}),
        **failure,
    }


CORPUS = {number: record(number) for number in range(1, SIZE + 1)}


def numbers(wanted=lambda record: True):
    """Those of the records that a function wants, newest first."""
    return [number for number in reversed(CORPUS) if wanted(CORPUS[number])]


def ndjson(records):
    """The body of a request."""
    return '\n'.join(map(json.dumps, records)).encode()


def send(server, records):
    """Store records, and return their ids."""
    headers = {'Content-Type': NDJSON, 'Authorization': 'Basic bG9nZ2VyOg=='}
    response = server.request('POST', '/api/v1/record', ndjson(records), headers)
    assert 201 == response.status, response.data
    return json.loads(response.data)
