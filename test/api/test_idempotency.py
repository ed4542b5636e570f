"""Requests sent again, with an Idempotency-Key."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from test.api.posts import (
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
from test.servers.chronologer import AUTHORIZATION

BODIES = {
    'form': (FORM, '', urlencode(RECORD).encode()),
    'json': (JSON, '', dump()),
    'raw': (JSON, '?raw=1', dump(created='?')),
    'ndjson': (NDJSON, '', lines(3)),
    'some bad': (NDJSON, '', lines(2) + b'{\n' + lines(1)),
    'raw ndjson': (NDJSON, '?raw=1', dump() + b'\n'),
    'slices': (NDJSON, '', lines(2500)),
    'slices with some bad': (NDJSON, '', lines(1200) + b'{\n' + lines(1200)),
}


@pytest.mark.parametrize('kind', BODIES)
def test_request_sent_again(app, kind):
    """The answer is the same, and nothing is stored twice; under another key it is."""
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
    """409; nothing of it is stored."""
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
    """The same bytes in another format, or raw, are another request."""
    if first != second:
        bodies = {FORM: urlencode(RECORD).encode(), JSON: dump(), NDJSON: dump()}
        send(app, bodies[first[0]], *first, Idempotency_Key='a')
        response = send(app, bodies[second[0]], *second, Idempotency_Key='a')
        check_error(response, 409, 'ConflictError')
        assert 1 == stored(app)


def test_request_that_was_cut_is_completed(app):
    """What was stored of it stays, the rest follows."""
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
    """Nothing was stored for it."""
    assert 400 == send(app, body, Idempotency_Key='a').status_int
    assert 201 == send(app, dump(), Idempotency_Key='a').status_int


@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_key_needs_a_length(app, content_type):
    """Nobody could tell whether a chunked body was cut."""
    response = send_chunked(app, dump(), content_type, HTTP_IDEMPOTENCY_KEY='a')
    check_error(response, 411, 'LengthRequiredError', 'Content-Length')
    assert 0 == stored(app)


@pytest.mark.parametrize('key', ['', 'a' * 256, 'é', 'a\x7f', 'a\tb'])
def test_malformed_keys(app, key):
    """Up to 255 printable characters of ASCII are one."""
    environ = {'HTTP_IDEMPOTENCY_KEY': key, 'CONTENT_TYPE': JSON}
    response = app.post(URL, dump(), extra_environ=environ, expect_errors=True)
    check_error(response, 400, 'InputError', 'Idempotency-Key')
    assert 201 == send(app, dump(), Idempotency_Key='~ "a b"' + 'a' * 248).status_int


@pytest.mark.parametrize('kind', ['form', 'json', 'ndjson', 'slices', 'slices with some bad'])
def test_request_sent_several_times_at_once(server, kind):
    """It is stored once, and all get the same answer."""
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
