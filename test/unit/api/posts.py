"""Helpers for the tests of POST requests: records, requests and checks of the answers."""

import gzip
import json
import time
from contextlib import contextmanager
from io import BytesIO

import pytest
from webtest.app import TestRequest

from chronologer.ingest.encoding import zstd

URL = '/api/v1/record'
FORM, JSON, NDJSON = (
    'application/x-www-form-urlencoded',
    'application/json',
    'application/x-ndjson',
)
RECORD = {
    'name': 'app.db',
    'levelno': 20,
    'created': 1525970213.377493,
    'msg': 'band %s',
    'args': ['Maroon'],
    'lineno': 20,
    'foo': 387,
}
STORED = {
    'id': 1,
    'ts': '2018-05-10 16:36:53.377493+00:00',
    'name': 'app.db',
    'level': 20,
    'message': 'band Maroon',
    'logrec': {
        'data': {'foo': 387},
        'meta': {'msg': 'band %s', 'args': ['Maroon'], 'lineno': 20},
    },
}
COMPRESS = pytest.mark.parametrize(
    ('encoding', 'compress'), [('gzip', gzip.compress), ('zstd', zstd.compress)]
)
MIB = 2**20


def send(app, body, content_type=JSON, query='', **headers):
    """Send a POST request and return the answer; underscores in header names stand for hyphens."""
    headers = {name.replace('_', '-'): value for name, value in headers.items()}
    headers['Content-Type'] = content_type
    return app.post(URL + query, body, headers, expect_errors=True)


def send_chunked(app, body, content_type=NDJSON, **environ):
    """Send a POST request without a Content-Length."""
    environ |= {'REQUEST_METHOD': 'POST', 'CONTENT_TYPE': content_type, 'wsgi.input': BytesIO(body)}
    request = TestRequest.blank(URL, environ={**app.extra_environ, **environ})
    request.environ.pop('CONTENT_LENGTH', None)
    return app.do_request(request, expect_errors=True)


def dump(**fields):
    """Return a record as JSON."""
    return json.dumps({**RECORD, **fields}).encode()


def lines(count, size=0):
    """Return *count* lines, numbered from 1; each has a message of *size* characters."""
    return b''.join(dump(foo=n, msg='x' * size) + b'\n' for n in range(1, count + 1))


def stored(app):
    """Return the number of stored records."""
    return int(app.head(URL).headers['X-Record-Count'])


def get(app, id):
    return app.get(f'{URL}/{id}').json


def check_error(response, status, type, words=''):
    """Check that the answer is an error of this server and that its message has these words."""
    assert status == response.status_int, response.text[:300]
    assert JSON == response.content_type
    assert type == response.json['error']['type']
    assert words in response.json['error']['message']


@contextmanager
def in_seconds(most):
    """Check that the block takes fewer seconds than *most*."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < most
