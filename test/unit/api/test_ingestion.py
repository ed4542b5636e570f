"""POST of records as JSON, as NDJSON and as raw objects."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.unit.api.posts import (
    FORM,
    JSON,
    NDJSON,
    RECORD,
    STORED,
    check_error,
    dump,
    get,
    in_seconds,
    lines,
    send,
    stored,
)

# JSON


def test_the_answer_to_json_is_the_record_of_get(app):
    """The answer is 201 after the commit, with the record as GET returns it."""
    response = send(app, dump())
    assert (201, JSON) == (response.status_int, response.content_type)
    assert STORED == response.json
    assert response.json == get(app, 1)


@pytest.mark.parametrize('content_type', ['application/json; charset=utf-8', 'APPLICATION/JSON'])
def test_other_spellings_of_json(app, content_type):
    """Case and charset of the content type do not matter."""
    assert 201 == send(app, dump(), content_type).status_int


@pytest.mark.parametrize(
    'value',
    [387, '387', 1.5, '1.5', 1e300, None, 'None', True, 'True', '', '(1,)', [1, '1', None],
     {'a': None, 'b': {'c': [{}]}}, 2**63 - 1, -(2**63), '[1]', 'é\U0001f600', '\t\n"\\', []],
)  # fmt: skip
def test_types_are_kept(app, value):
    """Numbers stay numbers, text stays text, and null stays null."""
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
def test_values_beyond_json_become_text(app, value, shown, size):
    """Values beyond JSON become text in short and long records; the answer equals that of GET."""
    if value.startswith('[['):
        shown = json.loads(shown.replace(' []', '"[]"'))
    body = dump(foo='?', bar='x' * size).replace(b'"?"', value.encode('latin-1'))
    response = send(app, body)
    assert 201 == response.status_int, response.text[:300]
    assert shown == response.json['logrec']['data']['foo']
    assert response.json == get(app, 1)


@pytest.mark.parametrize('field', ['name', 'message', 'msg', '\ud800'])
def test_surrogates_are_escaped_everywhere(app, field):
    """Lone surrogates are escaped, also in columns and names."""
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
        (b'[', 'character'),
        (b'"a"', 'expected a JSON object'),
        (dump() + b'\n' + dump(), 'character'),
        (b'[' * 100_000, 'nested'),
        (b'{"a":' * 100_000 + b'1' + b'}' * 100_000, 'nested'),
    ],
)
def test_invalid_records_are_refused(app, body, words):
    """The message names the field or the position, and the check is fast."""
    with in_seconds(5):
        check_error(send(app, body), 400, 'InputError', words)
    assert 0 == stored(app)


@pytest.mark.parametrize('depth', [500, 960, 1000, 1020])
@pytest.mark.parametrize(('content_type', 'query'), [(JSON, ''), (NDJSON, ''), (JSON, '?raw=1')])
@pytest.mark.parametrize('form', [b'%b', b'[%b]'])
def test_no_depth_leads_to_a_500(app, depth, content_type, query, form):
    """Any nesting is accepted or rejected, also near Python's recursion limit."""
    body = form % dump(foo='?').replace(b'"?"', b'[' * depth + b']' * depth)
    assert send(app, body, content_type, query).status_int in (201, 400)


# NDJSON


@pytest.mark.parametrize('end', ['', '\n', '\r\n', '\n\n \t\n'])
@pytest.mark.parametrize('separator', ['\n', '\r\n', '\n\n', '\n \r\n\n'])
def test_ids_are_in_the_order_of_lines(app, separator, end):
    """Ids are in the order of lines; blank lines are skipped."""
    records = [dump(foo=n) for n in range(3)]
    response = send(app, separator.encode().join(records) + end.encode(), NDJSON)
    assert (201, JSON) == (response.status_int, response.content_type)
    assert [1, 2, 3] == response.json
    assert [0, 1, 2] == [get(app, id)['logrec']['data']['foo'] for id in response.json]


@pytest.mark.parametrize('body', [b'', b'\n', b'\r\n \n\n'])
def test_a_body_without_lines(app, body):
    """The answer to a body without lines is an empty list of ids."""
    response = send(app, body, NDJSON)
    assert (201, []) == (response.status_int, response.json)


def test_a_bad_line_does_not_affect_the_others(app):
    """The answer is 207 with the outcome of each line in their order."""
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


def test_a_body_of_bad_lines_is_an_error(app):
    """The answer is 400 with the error of each line."""
    response = send(app, b'{\n\n1\n', NDJSON)
    check_error(response, 400, 'InputError', 'none of 2 records')
    assert ['error', 'records'] == list(response.json)
    assert [1, 3] == [record['line'] for record in response.json['records']]
    assert all(set(record) == {'line', 'error'} for record in response.json['records'])


def test_many_lines_need_several_transactions(app):
    """Several transactions keep the order of lines; the answer has a bad line at its position."""
    response = send(app, lines(2500), NDJSON)
    assert list(range(1, 2501)) == response.json
    for id in (1, 1000, 1001, 2500):
        assert id == get(app, id)['logrec']['data']['foo']
    response = send(app, lines(1500) + b'{\n' + lines(1500), NDJSON)
    ids = [record.get('id') for record in response.json['records']]
    assert [*range(2501, 4001), None, *range(4001, 5501)] == ids
    assert 5500 == stored(app)


# Raw


def test_raw_object_is_stored_whole(app):
    """The whole object is stored, and its time, level, name and message are in the columns."""
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
    """Each raw line is stored, or its error is reported at its position."""
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
        (NDJSON, '?raw=true', 'expected 0 or 1'),
        (JSON, '?raw=1&raw=1', 'more than once'),
        (JSON, '?level=20', 'level'),
        (FORM, '?a=b', "'a'"),
        (JSON, '?raw=1&%FF=1', 'UTF-8'),
    ],
)
def test_parameters_of_a_post(app, content_type, query, words):
    """The only parameter is `raw`; it is 0 or 1, and not for a form."""
    check_error(send(app, dump(), content_type, query), 400, 'InputError', words)
    assert 0 == stored(app)


def test_raw_may_be_off(app):
    """`raw=0` is the default."""
    check_error(send(app, b'{}', query='?raw=0'), 400, 'InputError', 'name')
    assert 201 == send(app, urlencode(RECORD).encode(), FORM, '?raw=0').status_int


# Arbitrary bodies

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
    st.booleans(),
)
def test_any_body_is_stored_or_refused(app, parts, reading, is_array):
    """No body leads to a 500, and the answer equals the record of GET."""
    body = b'[%b]' % b','.join(parts) if is_array else b'\n'.join(parts)
    response = send(app, body, *reading)
    assert response.status_int in (201, 207, 400), response.text
    if response.status_int == 207 and reading[0] == JSON:
        numbers = [record['index'] for record in response.json['records']]
        assert list(range(len(parts))) == numbers
    elif response.status_int == 201 and isinstance(response.json, dict):
        assert response.json == get(app, response.json['id'])
    elif response.status_int == 207:
        lines = [record['line'] for record in response.json['records']]
        assert sorted(lines) == lines
