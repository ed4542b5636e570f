"""Repeated requests with an Idempotency-Key."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from test.servers.chronologer import AUTHORIZATION
from test.unit.api.posts import (
    FORM,
    JSON,
    NDJSON,
    RECORD,
    URL,
    check_error,
    dump,
    lines,
    send,
    send_chunked,
    stored,
)

BODIES = {
    'form': (FORM, '', urlencode(RECORD).encode()),
    'json': (JSON, '', dump()),
    'raw': (JSON, '?raw=1', dump(created='?')),
    'array': (JSON, '', b'[%b,%b]' % (dump(foo=1), dump(foo=2))),
    'array with some bad': (JSON, '', b'[%b,1,%b]' % (dump(foo=1), dump(foo=2))),
    'raw array': (JSON, '?raw=1', b'[{},%b]' % dump(created='?')),
    'array in slices': (JSON, '', b'[%b]' % b','.join(lines(1200).splitlines())),
    'ndjson': (NDJSON, '', lines(3)),
    'some bad': (NDJSON, '', lines(2) + b'{\n' + lines(1)),
    'raw ndjson': (NDJSON, '?raw=1', dump() + b'\n'),
    'slices': (NDJSON, '', lines(2500)),
    'slices with some bad': (NDJSON, '', lines(1200) + b'{\n' + lines(1200)),
}


@pytest.mark.parametrize('kind', BODIES)
def test_repeated_request(app, kind):
    """The answer is the same and nothing is stored twice; with another key it is stored again."""
    content_type, query, body = BODIES[kind]
    first = send(app, body, content_type, query, Idempotency_Key='a')
    count = stored(app)
    again = send(app, body, content_type, query, Idempotency_Key='a')
    assert first.status_int in (201, 207)
    assert (first.status_int, first.json) == (again.status_int, again.json)
    assert count == stored(app)
    send(app, body, content_type, query, Idempotency_Key='b')
    send(app, body, content_type, query)
    assert 3 * count == stored(app)


@pytest.mark.parametrize(
    ('kind', 'body'),
    [
        ('form', urlencode({**RECORD, 'foo': 388}).encode()),
        ('json', dump(foo=388)),
        ('array', b'[%b]' % dump(foo=1)),
        ('array', dump(foo=1)),
        ('array in slices', b'[%b]' % b','.join(lines(1201).splitlines())),
        ('ndjson', lines(2)),
        ('ndjson', lines(4)),
        ('some bad', lines(2) + b'[\n' + lines(1)),
        ('slices', lines(2501)),
        ('slices', lines(2499)),
        ('slices', lines(1000)),
        ('slices', lines(2499) + dump()),
    ],
)
def test_key_of_another_body(app, kind, body):
    """The same key with another body is answered with 409, and nothing of the body is stored."""
    content_type, query, first = BODIES[kind]
    send(app, first, content_type, query, Idempotency_Key='a')
    count = stored(app)
    response = send(app, body, content_type, query, Idempotency_Key='a')
    check_error(response, 409, 'ConflictError', 'Idempotency-Key')
    assert count == stored(app)


READINGS = [(JSON, ''), (JSON, '?raw=1'), (NDJSON, ''), (NDJSON, '?raw=1'), (FORM, '')]


@pytest.mark.parametrize('second', READINGS)
@pytest.mark.parametrize('first', READINGS)
def test_key_of_another_form(app, first, second):
    """The same bytes in another format, or with `raw`, are another request."""
    if first != second:
        bodies = {FORM: urlencode(RECORD).encode(), JSON: dump(), NDJSON: dump()}
        send(app, bodies[first[0]], *first, Idempotency_Key='a')
        response = send(app, bodies[second[0]], *second, Idempotency_Key='a')
        check_error(response, 409, 'ConflictError')
        assert 1 == stored(app)


def test_truncated_request_is_completed(app):
    """Records stored by the first request are not stored again; the second stores the others."""
    body = gzip.compress(lines(2500))
    headers = {'Content_Encoding': 'gzip', 'Idempotency_Key': 'a'}
    first = send(app, body[:-1], NDJSON, **headers)
    assert (400, 2000) == (first.status_int, stored(app))
    ids = send(app, body, NDJSON, **headers).json
    assert [record['id'] for record in first.json['records']] == ids[:2000]
    assert sorted(set(ids)) == ids
    assert 2500 == len(ids) == stored(app)
    assert ids == send(app, body, NDJSON, **headers).json


@pytest.mark.parametrize('body', [b'{', b'{}', b''])
def test_key_of_a_refused_request_is_free(app, body):
    """The key of a rejected request can be used again, because nothing was stored."""
    assert 400 == send(app, body, Idempotency_Key='a').status_int
    assert 201 == send(app, dump(), Idempotency_Key='a').status_int


@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_key_needs_a_length(app, content_type):
    """A key without a Content-Length is an error: nobody could detect a truncated chunked body."""
    response = send_chunked(app, dump(), content_type, HTTP_IDEMPOTENCY_KEY='a')
    check_error(response, 411, 'LengthRequiredError', 'Content-Length')
    assert 0 == stored(app)


@pytest.mark.parametrize('key', ['', 'a' * 256, 'é', 'a\x7f', 'a\tb'])
def test_malformed_keys(app, key):
    """A key has 1 to 255 printable ASCII characters."""
    environ = {'HTTP_IDEMPOTENCY_KEY': key, 'CONTENT_TYPE': JSON}
    response = app.post(URL, dump(), extra_environ=environ, expect_errors=True)
    check_error(response, 400, 'InputError', 'Idempotency-Key')
    assert 201 == send(app, dump(), Idempotency_Key='~ "a b"' + 'a' * 248).status_int


@pytest.mark.parametrize('kind', ['form', 'json', 'ndjson', 'slices', 'slices with some bad'])
def test_concurrent_repeated_requests(server, kind):
    """Of concurrent requests with one key, one is stored; all get the same answer."""
    content_type, query, body = BODIES[kind]
    headers = {**AUTHORIZATION, 'Content-Type': content_type, 'Idempotency-Key': kind}
    before = server.count()

    def post(_):
        response = server.request('POST', URL + query, body, headers)
        return response.status, response.data

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(post, range(12)))
    ((status, answer),) = answers
    assert (207 if 'bad' in kind else 201) == status
    ids = json.loads(answer)
    if 'bad' in kind:
        ids = [record['id'] for record in ids['records'] if 'id' in record]
    count = 1 if kind in ('form', 'json') else len(ids)
    assert before + count == server.count()
