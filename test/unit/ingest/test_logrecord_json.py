"""A LogRecord's dict as JSON."""

import json
import logging
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.logrecord import decode_form, decode_json
from chronologer.ingest.normalisation import stored_text, stored_value
from chronologer.model import Record
from test.unit.ingest.test_logrecord import CREATED, NAMES

FIELDS = {'name': 'app', 'levelno': 20, 'created': CREATED}
PADDING = {'padding': 'x' * 5000}  # a long record is decoded in another way
SIZES = pytest.mark.parametrize('padding', [{}, PADDING], ids=['short', 'long'])


def post_json(**fields: object) -> Record:
    """Decode the JSON of a program that serialises a record's dict with this library."""
    record = decode_json(json.dumps({**FIELDS, **fields}).encode())
    assert orjson.dumps(record.as_dict())  # as stored and as answered
    return record


@SIZES
def test_dict_of_a_log_record(padding):
    """All attributes are decoded, into the same parts as from a form."""
    record = logging.makeLogRecord({**FIELDS, 'msg': 'band %s', 'args': ('Maroon',), 'user': 387})
    decoded = post_json(**vars(record), **padding)
    assert (record.name, 20, 'band Maroon') == decoded[1:4]
    assert datetime(2018, 5, 10, 16, 36, 53, 377493, timezone.utc) == decoded.ts
    assert decoded.logrec is not None
    assert {'user': 387, **padding} == decoded.logrec['data']
    meta = {key: value for key, value in vars(record).items() if key not in (*FIELDS, 'user')}
    assert {**meta, 'args': ['Maroon']} == {'exc_info': None, 'exc_text': None} | decoded.logrec[
        'meta'
    ]
    assert 'error' not in decoded.logrec


def test_json_has_the_parts_of_the_form():
    """JSON and a form lead to the same parts, so a program may change from one to the other."""
    fields = {**FIELDS, 'msg': 'a', 'lineno': 3, 'foo': 1.5, 'exc_info': 'ValueError()'}
    assert decode_form(urlencode(fields).encode()) == post_json(**fields)


ANY_TEXT = st.text(st.characters(codec=None))
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**65), 2**65) | st.floats()
    | ANY_TEXT | st.sampled_from(['387', 'None', '(1,)', '[1]', '', 2**63, -(2**63), 10**19]),
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=10,
)  # fmt: skip


@SIZES
@settings(max_examples=50)
@given(st.dictionaries(NAMES | ANY_TEXT, ANY_VALUE, max_size=5))
def test_json_values_are_stored_as_they_are(padding, extra):
    """Values keep their types, or have the one stored form of values beyond JSON."""
    extra = {f'_{key}': value for key, value in extra.items()}
    logrec = post_json(**extra, **padding).logrec
    assert logrec is not None
    stored = {stored_text(key): stored_value(value) for key, value in extra.items()}
    assert repr({**stored, **padding}) == repr(logrec.get('data', {}))


@SIZES
@settings(max_examples=50)
@given(st.sampled_from(['args', 'msg', 'stack_info', 'lineno', 'thread']), ANY_VALUE)
def test_meta_keeps_its_types_too(padding, field, value):
    """Meta values keep their types."""
    logrec = post_json(**{field: value}, **padding).logrec
    assert logrec is not None
    assert repr({field: stored_value(value)}) == repr(logrec['meta'])


@SIZES
@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'message': 'hello', 'msg': 'a %s', 'args': [1]}, 'hello'),
        ({'message': ''}, ''),
        ({'message': 387}, '387'),
        ({'message': float('nan')}, 'NaN'),
        ({'message': {'a': 1}}, '{"a":1}'),
        ({'message': 'a\0\ud800'}, 'a\\x00\\ud800'),
        ({'message': None, 'msg': 'a %s', 'args': [1]}, 'a 1'),
        ({'msg': 'a %s %d', 'args': ['b', 3]}, 'a b 3'),
        ({'msg': '%s %s', 'args': [None, True]}, 'None True'),
        ({'msg': '%(user)s has %(n)d', 'args': {'user': 'bob', 'n': 3}}, 'bob has 3'),
        ({'msg': '%s', 'args': [[1, 'x']]}, "[1, 'x']"),
        ({'msg': '%s', 'args': []}, '%s'),
        ({'msg': '%s', 'args': None}, '%s'),
        ({'msg': '%s %s', 'args': [1]}, '%s %s'),
        ({'msg': '100%'}, '100%'),
        ({'msg': '%c', 'args': [0]}, '\\x00'),
        ({'msg': '%s', 'args': ['\ud800']}, '\\ud800'),
        ({'msg': {'a': 1}}, '{"a":1}'),
        ({}, ''),
    ],
)
def test_message_of_json(padding, fields, message):
    """The message is the given one, or is formatted from the template and the arguments."""
    assert message == post_json(**fields, **padding).message


@SIZES
@pytest.mark.parametrize('field', ['name', 'message', 'text'])
def test_bytes_that_are_no_utf_8_are_escaped(padding, field):
    """Bytes that are not UTF-8 are escaped, as in a form."""
    text = json.dumps({**FIELDS, **padding, field: 'a?b'}).encode().replace(b'a?b', b'a\xffb')
    fields = decode_json(text).as_dict()
    assert 'a\\xffb' == (fields if field in fields else fields['logrec']['data'])[field]


@SIZES
@pytest.mark.parametrize('error', [{}, {'exc_info': 'ValueError()'}, {'exc_text': 'Traceback'}])
def test_error_of_json(padding, error):
    """A record without an exception has no error."""
    none = {'exc_info': None, 'exc_text': None}
    logrec = post_json(**{**none, **error}, **padding).logrec or {}
    assert error == logrec.get('error', {})


@SIZES
@pytest.mark.parametrize('levelno', [-(2**31), 0, 25, 2**31 - 1, '20', '-5'])
@pytest.mark.parametrize('created', [0, -62135596800, 253402300799, 1.5, '1525970213.377493'])
def test_level_and_instant_of_json(padding, levelno, created):
    """Level and time are numbers, or text as in a form."""
    record = post_json(levelno=levelno, created=created, **padding)
    assert int(levelno) == record.level
    assert float(created) == (record.ts - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(
        seconds=1
    )


@SIZES
@pytest.mark.parametrize('field', ['name', 'levelno', 'created'])
@pytest.mark.parametrize(
    'value',
    [None, True, [], {}, 'x\ud800', [float('nan'), '\ud800'], 2**31 + 0.5, 2**62, -(2**62), 1e300,
     float('nan'), float('-inf'), 'now', '', {'a': '\0'}],
)  # fmt: skip
def test_columns_that_cannot_be_read_are_refused(padding, field, value):
    """The message names the field; a name may be any text."""
    if field == 'name' and isinstance(value, str):
        assert stored_text(value) == post_json(name=value, **padding).name
    elif (field, value) == ('created', 2**31 + 0.5):
        assert 2038 == post_json(created=value, **padding).ts.year
    else:
        with pytest.raises(InputError, match=f'^{field}: expected '):
            post_json(**{field: value}, **padding)


@SIZES
def test_missing_columns_of_json(padding):
    """The message names all missing columns."""
    with pytest.raises(InputError, match=r'^not a LogRecord: no field levelno, created$'):
        decode_json(json.dumps({'name': 'a', **padding}).encode())


@pytest.mark.parametrize('depth', [24, 25, 500, 900, 950, 1000, 1023, 1024, 1100])
@pytest.mark.parametrize(('left', 'right'), ['[]', ('{"a":', '}')])
def test_any_depth_of_json_is_accepted_or_refused(depth, left, right):
    """Values from the 25th level on become text, also near Python's recursion limit."""
    text = json.dumps({**FIELDS, 'x': '?'}).replace('"?"', left * depth + '1' + right * depth)
    try:
        logrec = decode_json(text.encode()).logrec
    except InputError as ex:
        assert 'nested too deeply' in str(ex)  # noqa: PT017
        assert depth > 500
        return
    assert logrec is not None
    value = logrec['data']['x']
    for _ in range(24):
        (value,) = value if left == '[' else value.values()
    left = left.replace('"', "'").replace(':', ': ')
    rest = depth - 24
    assert (left * rest + '1' + right * rest if rest else 1) == value


def test_a_long_name_of_a_field_in_json_is_refused():
    """A long field name is an error as in a form; a long key within a value makes it text."""
    with pytest.raises(LimitError, match='field name'):
        post_json(**{'k' * 16_384: 'v'})
    logrec = post_json(x={'k' * 16_384: 'v'}).logrec
    assert logrec is not None
    assert repr({'k' * 16_384: 'v'}) == logrec['data']['x']


def test_names_with_the_same_stored_form():
    """Of names with the same stored form the last one is kept, as with a repeated name."""
    logrec = decode_json(json.dumps({**FIELDS, '\ud800': 1, '\\ud800': 2}).encode()).logrec
    assert {'data': {'\\ud800': 2}} == logrec
