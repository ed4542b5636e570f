"""Records as JSON, line by line, of any shape, compressed, and sent again."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webtest.app import TestRequest

from chronologer.ingest.encoding import zstd
from test.servers.chronologer import AUTHORIZATION

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
COMPRESS = pytest.mark.parametrize(
    ('encoding', 'compress'), [('gzip', gzip.compress), ('zstd', zstd.compress)]
)
MIB = 2**20


def send(app, body, content_type=JSON, query='', **headers):
    """Post bytes, whatever the answer; underscores in names of headers stand for hyphens."""
    headers = {name.replace('_', '-'): value for name, value in headers.items()}
    headers['Content-Type'] = content_type
    return app.post(URL + query, body, headers, expect_errors=True)


def send_chunked(app, body, content_type=NDJSON, **environ):
    """Post bytes without saying how many."""
    environ |= {'REQUEST_METHOD': 'POST', 'CONTENT_TYPE': content_type, 'wsgi.input': BytesIO(body)}
    request = TestRequest.blank(URL, environ={**app.extra_environ, **environ})
    request.environ.pop('CONTENT_LENGTH', None)
    return app.do_request(request, expect_errors=True)


def dump(**fields):
    """A record as JSON."""
    return json.dumps({**RECORD, **fields}).encode()


def lines(count, size=0):
    """As many records, numbered from 1, of that size at least."""
    return b''.join(dump(foo=n, msg='x' * size) + b'\n' for n in range(1, count + 1))


def stored(app):
    """How many records there are."""
    return int(app.head(URL).headers['X-Record-Count'])


def get(app, id):
    return app.get(f'{URL}/{id}').json


def check_error(response, status, type, words=''):
    """One of ours, and its message has these words."""
    assert status == response.status_int, response.text[:300]
    assert JSON == response.content_type
    assert type == response.json['error']['type']
    assert words in response.json['error']['message']


@contextmanager
def in_seconds(most):
    """It takes no longer, even on a slow machine."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < most


# JSON


def test_json_is_answered_with_the_record_that_get_gives(app):
    """201 once it is stored."""
    response = send(app, dump())
    assert (201, JSON) == (response.status_int, response.content_type)
    assert {
        'id': 1,
        'ts': '2018-05-10 16:36:53.377493+00:00',
        'name': 'app.db',
        'level': 20,
        'message': 'band Maroon',
        'logrec': {
            'data': {'foo': 387},
            'meta': {'msg': 'band %s', 'args': ['Maroon'], 'lineno': 20},
        },
    } == response.json
    assert response.json == get(app, 1)


@pytest.mark.parametrize('content_type', ['application/json; charset=utf-8', 'APPLICATION/JSON'])
def test_other_spellings_of_json(app, content_type):
    """Case and charset do not matter."""
    assert 201 == send(app, dump(), content_type).status_int


@pytest.mark.parametrize(
    'value',
    [387, '387', 1.5, '1.5', 1e300, None, 'None', True, 'True', '', '(1,)', [1, '1', None],
     {'a': None, 'b': {'c': [{}]}}, 2**63 - 1, -(2**63), '[1]', 'é\U0001f600', '\t\n"\\', []],
)  # fmt: skip
def test_types_are_kept(app, value):
    """Numbers are not text, nor is text a number; null is null."""
    record = send(app, dump(foo=value)).json
    assert repr(value) == repr(record['logrec']['data']['foo'])
    assert record == get(app, 1)


@pytest.mark.parametrize(
    ('value', 'shown'),
    [
        ('NaN', 'NaN'), ('Infinity', 'Infinity'), ('-Infinity', '-Infinity'), ('1e400', 'Infinity'),
        ('9223372036854775808', '9223372036854775808'), ('-1' + '0' * 99, '-1' + '0' * 99),
        ('"\\ud800"', '\\ud800'), ('"a\\u0000b"', 'a\\x00b'),
        ('[NaN, "\\udfff"]', ['NaN', '\\udfff']),
        ('"a\xff"', 'a\\xff'), ('{"\\ud800": 1, "\\u0000": 2}', {'\\ud800': 1, '\\x00': 2}),
        ('[' * 25 + ']' * 25, '[' * 24 + ' []' + ']' * 24),
    ],
)  # fmt: skip
@pytest.mark.parametrize('size', [0, 5000])
def test_what_json_cannot_hold_is_shown(app, value, shown, size):
    """As text, in short records and in long ones; the answer is what GET gives."""
    if value.startswith('[['):
        shown = json.loads(shown.replace(' []', '"[]"'))
    body = dump(foo='?', bar='x' * size).replace(b'"?"', value.encode('latin-1'))
    response = send(app, body)
    assert 201 == response.status_int, response.text[:300]
    assert shown == response.json['logrec']['data']['foo']
    assert response.json == get(app, 1)


@pytest.mark.parametrize('field', ['name', 'message', 'msg', '\ud800'])
def test_surrogates_are_shown_wherever_they_are(app, field):
    """In columns and names too."""
    response = send(app, dump(**{field: 'a\ud800'}))
    assert 201 == response.status_int, response.text
    assert response.text.count('a\\\\ud800')
    assert response.json == get(app, 1)


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        (b'{}', 'name, levelno, created'),
        (b'{"name": "a", "created": 1}', 'levelno'),
        (b'{"name": 1, "levelno": 20, "created": 1}', 'name'),
        (b'{"name": "a", "levelno": "INFO", "created": 1}', 'levelno'),
        (b'{"name": "a", "levelno": 20, "created": NaN}', 'created'),
        (b'{"name": "a", "levelno": 20, "created": [NaN, "\\ud800"]}', 'created'),
        (b'{"name": "a" "levelno": 20}', 'character 14'),
        (b'', 'character 1'),
        (b'[]', 'expected a JSON object'),
        (b'"a"', 'expected a JSON object'),
        (dump() + b'\n' + dump(), 'character'),
        (b'[' * 100_000, 'nested'),
        (b'{"a":' * 100_000 + b'1' + b'}' * 100_000, 'nested'),
    ],
)
def test_what_is_no_record_is_refused(app, body, words):
    """The message names the field or the place; it takes no long."""
    with in_seconds(5):
        check_error(send(app, body), 400, 'InputError', words)
    assert 0 == stored(app)


@pytest.mark.parametrize('depth', [500, 960, 1000, 1020])
@pytest.mark.parametrize(('content_type', 'query'), [(JSON, ''), (NDJSON, ''), (JSON, '?raw=1')])
def test_no_depth_is_a_failure(app, depth, content_type, query):
    """Taken or refused, also where Python's recursion ends."""
    body = dump(foo='?').replace(b'"?"', b'[' * depth + b']' * depth)
    assert send(app, body, content_type, query).status_int in (201, 400)


# NDJSON


@pytest.mark.parametrize('end', ['', '\n', '\r\n', '\n\n \t\n'])
@pytest.mark.parametrize('separator', ['\n', '\r\n', '\n\n', '\n \r\n\n'])
def test_ids_are_in_the_order_of_lines(app, separator, end):
    """Blank ones are skipped."""
    records = [dump(foo=n) for n in range(3)]
    response = send(app, separator.encode().join(records) + end.encode(), NDJSON)
    assert (201, JSON) == (response.status_int, response.content_type)
    assert [1, 2, 3] == response.json
    assert [0, 1, 2] == [get(app, id)['logrec']['data']['foo'] for id in response.json]


@pytest.mark.parametrize('body', [b'', b'\n', b'\r\n \n\n'])
def test_no_lines_are_no_records(app, body):
    """An empty list of ids."""
    response = send(app, body, NDJSON)
    assert (201, []) == (response.status_int, response.json)


def test_a_bad_line_does_not_cost_its_neighbours(app):
    """207 with what became of each line, in their order."""
    body = b'\n'.join([dump(), b'{', b'', dump(name=5), dump(foo='\ud800'), b'1', dump()])
    response = send(app, body, NDJSON)
    assert 207 == response.status_int
    assert ['records'] == list(response.json)
    records = response.json['records']
    assert [1, 2, 4, 5, 6, 7] == [record['line'] for record in records]
    assert {1: 1, 5: 2, 7: 3} == {each['line']: each['id'] for each in records if 'id' in each}
    errors = {record['line']: record['error'] for record in records if 'error' in record}
    assert {'type': 'InputError', 'message': errors[2]['message']} == errors[2]
    assert 'malformed JSON at character 2' in errors[2]['message']
    assert 'name' in errors[4]['message']
    assert 'object' in errors[6]['message']
    assert 3 == stored(app)


def test_nothing_but_bad_lines_is_an_error(app):
    """400, with what was wrong with each."""
    response = send(app, b'{\n\n1\n', NDJSON)
    check_error(response, 400, 'InputError', 'none of 2 lines')
    assert ['error', 'records'] == list(response.json)
    assert [1, 3] == [record['line'] for record in response.json['records']]
    assert all(set(record) == {'line', 'error'} for record in response.json['records'])


def test_a_line_beyond_the_limit_is_refused_alone(app):
    """With LimitError; the limit itself is taken."""
    longest = dump(msg='x' * (MIB - len(dump(msg=''))))
    assert MIB == len(longest)
    response = send(app, b'\n'.join([dump(), longest + b' ', longest, dump()]), NDJSON)
    assert 207 == response.status_int
    assert [1, None, 2, 3] == [record.get('id') for record in response.json['records']]
    error = response.json['records'][1]['error']
    assert 'LimitError' == error['type']
    assert '1,048,577' in error['message']


def test_many_lines_take_several_transactions(app):
    """The order stays; a bad line is in its place."""
    response = send(app, lines(2500), NDJSON)
    assert list(range(1, 2501)) == response.json
    for id in (1, 1000, 1001, 2500):
        assert id == get(app, id)['logrec']['data']['foo']
    response = send(app, lines(1500) + b'{\n' + lines(1500), NDJSON)
    ids = [record.get('id') for record in response.json['records']]
    assert [*range(2501, 4001), None, *range(4001, 5501)] == ids
    assert 5500 == stored(app)


def test_body_beyond_the_limit(app):
    """Nothing is stored of a declared one; of another what came before, and the answer says so."""
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


# Limits


def test_largest_records(app):
    """Up to the limits on the wire and of a record; not a byte more."""
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
    check_error(response, 413, 'LimitError', 'the record has')
    assert 3 == stored(app)


@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_length_is_not_needed(app, content_type):
    """A chunked body is taken."""
    body = urlencode(RECORD).encode() if content_type == FORM else dump()
    assert 201 == send_chunked(app, body, content_type).status_int
    assert 'app.db' == get(app, 1)['name']


@pytest.mark.parametrize('content_type', ['', 'text/plain', 'application/xml', 'json', '*/*'])
def test_other_formats_are_refused(app, content_type):
    """The message says what is taken."""
    check_error(send(app, dump(), content_type), 415, 'MediaTypeError', NDJSON)


# Content-Encoding


@COMPRESS
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_compressed_bodies(app, encoding, compress, content_type):
    """Are what they are without it."""
    body = urlencode(RECORD).encode() if content_type == FORM else dump()
    response = send(app, compress(body), content_type, Content_Encoding=encoding)
    assert 201 == response.status_int
    plain = send(app, body, content_type)
    assert {**get(app, 1), 'id': 2} == get(app, 2)
    assert plain.json == ([2] if content_type == NDJSON else {**response.json, 'id': 2})


@COMPRESS
def test_several_members(app, encoding, compress):
    """Are one body, wherever it was cut."""
    body = dump()
    members = b''.join(compress(part) for part in (body[:10], b'', body[10:]))
    assert 201 == send(app, members, Content_Encoding=encoding).status_int
    members = b''.join(compress(lines(1)) for _ in range(50))
    response = send(app, members, NDJSON, Content_Encoding=encoding.upper())
    assert list(range(2, 52)) == response.json


@COMPRESS
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_damaged_bodies(app, encoding, compress, content_type):
    """Nothing of what may be missing something is stored."""
    body = compress(dump() + b'\n')
    for bad in (b'', body[:-1], body[:5], b'garbage', dump(), body + b'garbage', body + body[:9]):
        response = send(app, bad, content_type, Content_Encoding=encoding)
        check_error(response, 400, 'InputError', encoding)
    assert 0 == stored(app)


def test_body_that_is_cut_says_what_was_stored(app):
    """Whole slices of it, by their lines."""
    response = send(app, gzip.compress(lines(2500))[:-1], NDJSON, Content_Encoding='gzip')
    check_error(response, 400, 'InputError', 'ends before its end')
    assert stored(app) == len(response.json['records']) == 2000
    assert {'line': 2000, 'id': 2000} == response.json['records'][-1]


@cache
def bomb(byte, encoding):
    """100 MB in some kilobytes."""
    return {'gzip': gzip.compress, 'zstd': zstd.compress}[encoding](byte * 100_000_000, 1)


@pytest.mark.parametrize('encoding', ['gzip', 'zstd'])
@pytest.mark.parametrize('byte', [b'\0', b' ', b'['])
@pytest.mark.parametrize('content_type', [FORM, JSON, NDJSON])
def test_bombs(app, encoding, byte, content_type):
    """413 as soon as the limit is reached."""
    body = bomb(byte, encoding)
    assert len(body) < MIB
    with in_seconds(5):
        response = send(app, body, content_type, Content_Encoding=encoding)
    check_error(response, 413, 'LimitError', 'limit')
    assert 0 == stored(app)


@pytest.mark.parametrize('encoding', ['br', 'deflate', 'gzip, gzip', 'utf-8'])
def test_other_encodings_are_refused(app, encoding):
    """The message says what is taken."""
    response = send(app, dump(), Content_Encoding=encoding)
    check_error(response, 415, 'MediaTypeError', 'gzip or zstd')


# Raw


def test_raw_object_is_kept_whole(app):
    """What it says of itself is in the columns."""
    fields = {'ts': '2018-05-10T16:36:53Z', 'severity': 'warn', 'msg': 'hello', 'a': {'b': ['1']}}
    response = send(app, json.dumps(fields).encode(), query='?raw=1')
    assert {
        'id': 1,
        'ts': '2018-05-10 16:36:53.000000+00:00',
        'name': 'root',
        'level': 30,
        'message': 'hello',
        'logrec': fields,
    } == response.json
    assert response.json == get(app, 1)


def test_raw_lines(app):
    """With what is wrong in its place."""
    response = send(app, b'{"level":"error"}\n{}\n[]\n{"a":NaN}', NDJSON, '?raw=1')
    assert 207 == response.status_int
    assert [1, 2, None, 3] == [record.get('id') for record in response.json['records']]
    assert [40, 20, 20] == [get(app, id)['level'] for id in (1, 2, 3)]
    assert ('{}', {'a': 'NaN'}) == (get(app, 2)['message'], get(app, 3)['logrec'])


@pytest.mark.parametrize(
    ('content_type', 'query', 'words'),
    [
        (FORM, '?raw=1', 'raw'),
        (JSON, '?raw=2', 'expected 0 or 1'),
        (JSON, '?raw=', 'expected 0 or 1'),
        (NDJSON, '?raw=true', 'expected 0 or 1'),
        (JSON, '?raw=1&raw=1', 'more than once'),
        (JSON, '?level=20', 'level'),
        (FORM, '?a=b', "'a'"),
        (JSON, '?raw=1&%FF=1', 'UTF-8'),
    ],
)
def test_parameters_of_a_post(app, content_type, query, words):
    """Only raw, 0 or 1, and not for a form."""
    check_error(send(app, dump(), content_type, query), 400, 'InputError', words)
    assert 0 == stored(app)


def test_raw_may_be_off(app):
    """As it is by itself."""
    check_error(send(app, b'{}', query='?raw=0'), 400, 'InputError', 'name')
    assert 201 == send(app, urlencode(RECORD).encode(), FORM, '?raw=0').status_int


# Idempotency-Key

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


# Whatever comes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
    | st.sampled_from(['\ud800', 'a\0', '%s', '%d', float('nan'), 2**63, -(2**63)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip
FIELDS = st.sampled_from([*RECORD, 'message', 'exc_info', 'exc_text', 'x', 'ts', 'severity'])
OBJECTS = st.dictionaries(FIELDS, VALUES) | st.dictionaries(FIELDS, VALUES).map(
    lambda fields: {**fields, 'name': 'a', 'levelno': 20, 'created': 1}
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(OBJECTS.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=4),
    st.sampled_from([(JSON, ''), (JSON, '?raw=1'), (NDJSON, ''), (NDJSON, '?raw=1')]),
)
def test_any_body_is_stored_or_refused(app, parts, reading):
    """Never a 500; and what was stored is what GET gives."""
    response = send(app, b'\n'.join(parts), *reading)
    assert response.status_int in (201, 207, 400), response.text
    if response.status_int == 201 and reading[0] == JSON:
        assert response.json == get(app, response.json['id'])
    elif response.status_int == 207:
        lines = [record['line'] for record in response.json['records']]
        assert sorted(lines) == lines
