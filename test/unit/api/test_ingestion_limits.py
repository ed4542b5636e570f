"""Limits of a POST request: its size, its content type and its compression."""

import gzip
from functools import cache
from urllib.parse import urlencode

import pytest

from chronologer.ingest.encoding import zstd
from test.unit.api.posts import (
    COMPRESS,
    FORM,
    JSON,
    MIB,
    NDJSON,
    RECORD,
    check_error,
    dump,
    get,
    in_seconds,
    lines,
    send,
    send_chunked,
    stored,
)


def test_largest_records(app):
    """A record of exactly the limits is accepted; one byte more is rejected."""
    body = dump().replace(b'{', b'{' + b' ' * (MIB - len(dump())), 1)
    assert 201 == send(app, body).status_int
    assert 201 == send_chunked(app, body, JSON).status_int
    check_error(send(app, body + b' '), 413, 'LimitError', '1,048,577 bytes')
    check_error(send_chunked(app, body + b' ', JSON), 413, 'LimitError', '1,048,576 bytes')
    for form in (b'a=' + b'x' * MIB, gzip.compress(b'a=' + b'x' * MIB)):
        encoding = 'identity' if form.startswith(b'a') else 'gzip'
        response = send(app, form, FORM, Content_Encoding=encoding)
        check_error(response, 413, 'LimitError')
    response = send(app, gzip.compress(body), Content_Encoding='gzip')
    assert 201 == response.status_int
    response = send(app, gzip.compress(body + b' '), Content_Encoding='gzip')
    check_error(response, 413, 'LimitError', 'the record or array has')
    assert 3 == stored(app)


def test_a_line_beyond_the_limit_is_refused_alone(app):
    """The line gets a LimitError, others are stored; a line of exactly the limit is accepted."""
    longest = dump(msg='x' * (MIB - len(dump(msg=''))))
    assert MIB == len(longest)
    response = send(app, b'\n'.join([dump(), longest + b' ', longest, dump()]), NDJSON)
    assert 207 == response.status_int
    assert [1, None, 2, 3] == [record.get('id') for record in response.json['records']]
    error = response.json['records'][1]['error']
    assert 'LimitError' == error['type']
    assert '1,048,577' in error['message']


def test_body_beyond_the_limit(app):
    """With a Content-Length nothing is stored; without one, the error reports what was stored."""
    body = lines(2300, 2000)
    response = send(app, body, NDJSON)
    check_error(response, 413, 'LimitError', '4,194,304')
    assert ['error'] == list(response.json)
    assert 0 == stored(app)
    for is_chunked in (True, False):
        before = stored(app)
        if is_chunked:
            response = send_chunked(app, body)
        else:
            response = send(app, gzip.compress(body), NDJSON, Content_Encoding='gzip')
        assert before + len(response.json['records']) == stored(app)
        check_error(response, 413, 'LimitError', '4,194,304')
        assert 1000 <= len(response.json['records']) < 2300
        for n, record in enumerate(response.json['records'], 1):
            assert {'line': n, 'id': before + n} == record


@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_length_is_not_needed(app, content_type):
    """A chunked body is accepted."""
    body = urlencode(RECORD).encode() if content_type == FORM else dump()
    assert 201 == send_chunked(app, body, content_type).status_int
    assert 'app.db' == get(app, 1)['name']


@pytest.mark.parametrize('content_type', ['', 'text/plain', 'application/xml', 'json', '*/*'])
def test_other_formats_are_refused(app, content_type):
    """The message names the accepted formats."""
    check_error(send(app, dump(), content_type), 415, 'MediaTypeError', NDJSON)


# Content-Encoding


@COMPRESS
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_compressed_bodies(app, encoding, compress, content_type):
    """A compressed body is stored like the same body without compression."""
    body = urlencode(RECORD).encode() if content_type == FORM else dump()
    response = send(app, compress(body), content_type, Content_Encoding=encoding)
    assert 201 == response.status_int
    plain = send(app, body, content_type)
    assert {**get(app, 1), 'id': 2} == get(app, 2)
    assert plain.json == ([2] if content_type == NDJSON else {**response.json, 'id': 2})


@COMPRESS
def test_several_members(app, encoding, compress):
    """Several members of gzip, or frames of zstd, are one body wherever it was split."""
    body = dump()
    members = b''.join(compress(part) for part in (body[:10], b'', body[10:]))
    assert 201 == send(app, members, Content_Encoding=encoding).status_int
    members = b''.join(compress(lines(1)) for _ in range(50))
    response = send(app, members, NDJSON, Content_Encoding=encoding.upper())
    assert list(range(2, 52)) == response.json


@COMPRESS
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_damaged_bodies(app, encoding, compress, content_type):
    """A body that may be incomplete is rejected, and nothing of it is stored."""
    body = compress(dump() + b'\n')
    for bad in (b'', body[:-1], body[:5], b'garbage', dump(), body + b'garbage', body + body[:9]):
        response = send(app, bad, content_type, Content_Encoding=encoding)
        check_error(response, 400, 'InputError', encoding)
    assert 0 == stored(app)


def test_a_truncated_body_is_stored_in_part(app):
    """The error of a truncated body reports the lines of all stored slices."""
    response = send(app, gzip.compress(lines(2500))[:-1], NDJSON, Content_Encoding='gzip')
    check_error(response, 400, 'InputError', 'ends before its end')
    assert stored(app) == len(response.json['records']) == 2000
    assert {'line': 2000, 'id': 2000} == response.json['records'][-1]


@cache
def bomb(byte, encoding):
    """Return a body of at most 1 MiB that decompresses to 100 MB."""
    return {'gzip': gzip.compress, 'zstd': zstd.compress}[encoding](byte * 100_000_000, 1)


@pytest.mark.parametrize('encoding', ['gzip', 'zstd'])
@pytest.mark.parametrize('byte', [b'\0', b' ', b'['])
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_bombs(app, encoding, byte, content_type):
    """A decompression bomb is answered with 413 as soon as the limit is reached."""
    body = bomb(byte, encoding)
    assert len(body) < MIB
    with in_seconds(5):
        response = send(app, body, content_type, Content_Encoding=encoding)
    check_error(response, 413, 'LimitError', 'limit')
    assert 0 == stored(app)


@pytest.mark.parametrize('encoding', ['br', 'deflate', 'gzip, gzip', 'utf-8'])
def test_other_encodings_are_refused(app, encoding):
    """The message names the accepted encodings."""
    response = send(app, dump(), Content_Encoding=encoding)
    check_error(response, 415, 'MediaTypeError', 'gzip or zstd')


@pytest.mark.parametrize('line', [b'{}\n', b'\n', b'!\n'])
def test_few_compressed_bytes_are_not_millions_of_lines(app, line):
    """Beyond 100,000 lines there are at most 20 for each byte that is sent."""
    body = zstd.compress(line * 1_000_000)
    headers = {'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'zstd'}
    error = app.post('/api/v1/record?raw=1', body, headers=headers, status=413).json['error']
    assert 'lines' in error['message']
    assert int(app.head('/api/v1/record').headers['X-Record-Count']) < 400_000
