"""Raw objects of any program."""

import json
import logging
from datetime import datetime, timezone

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.normalisation import stored_value
from chronologer.ingest.raw import decode_raw
from chronologer.model import Record

NOW = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
TS = datetime(2018, 5, 10, 16, 36, 53, 377493, timezone.utc)
SECOND = datetime(2018, 5, 10, 16, 36, 53, tzinfo=timezone.utc)


def decode(**fields) -> Record:
    """Decode an object with these fields."""
    return decode_raw(json.dumps(fields).encode(), now=lambda: NOW)


def test_whole_object_is_kept():
    """All fields are stored with their types, also those that are in columns."""
    fields = {
        'name': 'app', 'message': 'hello', 'level': 'warn', 'ts': 1525970213.377493,
        'a': {'b': [1, '1', None, True, 1.5]},
    }  # fmt: skip
    record = decode(**fields)
    assert Record(TS, 'app', logging.WARNING, 'hello', fields) == record


def test_object_without_known_fields():
    """An object without known fields is a message of the root logger at the time of receipt."""
    assert Record(NOW, 'root', 20, '{"a":1}', {'a': 1}) == decode(a=1)
    assert Record(NOW, 'root', 20, '{}', {}) == decode()


def test_time_of_receipt_is_now():
    """The time of receipt is in UTC."""
    before = datetime.now(timezone.utc)
    assert before <= decode_raw(b'{}').ts <= datetime.now(timezone.utc)


@pytest.mark.parametrize(('value', 'name'), [('a.b', 'a.b'), (1, 'root'), (None, 'root')])
def test_name_is_text(value, name):
    """A name that is not text is replaced by `root`."""
    assert name == decode(name=value).name


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'message': 'a', 'msg': 'b'}, 'a'),
        ({'msg': 'b'}, 'b'),
        ({'message': None, 'msg': 'b'}, 'b'),
        ({'message': 404}, '404'),
        ({'message': True}, '{"message":true}'),
        ({'msg': {'a': 'é'}}, '{"msg":{"a":"é"}}'),
        ({'msg': 'band %s', 'args': ['x']}, 'band %s'),
        ({'msg': 'a\0\ud800'}, 'a\\x00\\ud800'),
    ],
)
def test_message(fields, message):
    """The message is that of the object if it is text, else the object as JSON; no formatting."""
    assert message == decode(**fields).message


@pytest.mark.parametrize(
    ('value', 'level'),
    [
        (30, 30), (-1, -1), (2**31 - 1, 2**31 - 1), (2**31, 20), (2**70, 20),
        (30.0, 30), (30.5, 20),
        (True, 20), (None, 20), ([], 20), ('', 20), ('loud', 20), ('40', 40), ('99999999999', 20),
        ('٣', 20),
        ('DEBUG', 10), ('info', 20), ('Warn', 30), ('warning', 30), ('ERR', 40), ('error', 40),
        ('crit', 50), ('CRITICAL', 50), ('fatal', 50), ('FATAL', 50), ('trace', 5), ('notice', 25),
        ('emerg', 50), ('notset', 0), ('Level 5', 20), ('\ud800', 20), ('a\0', 20),
    ],
)  # fmt: skip
def test_level(value, level):
    """A level is a number or a name in any case, also of other languages; the default is INFO."""
    assert level == decode(level=value).level


@pytest.mark.parametrize(
    ('fields', 'level'),
    [
        ({'levelno': 40}, 40),
        ({'severity': 'ERROR'}, 40),
        ({'level': 'x', 'levelno': None, 'severity': 'ERROR'}, 40),
        ({'severity': 10, 'levelno': 30, 'level': 50}, 50),
        ({'severity': 10, 'levelno': 30}, 30),
        ({'grade': 50}, 20),
    ],
)
def test_field_of_the_level(fields, level):
    """The level is that of the first field that can be read."""
    assert level == decode(**fields).level


@pytest.mark.parametrize(
    ('value', 'ts'),
    [
        (1525970213, SECOND),
        ('1525970213', SECOND),
        (1525970213.377493, TS),
        ('1525970213.377493', TS),
        (1525970213377, TS.replace(microsecond=377000)),
        ('1525970213377', TS.replace(microsecond=377000)),
        (1525970213377.493, TS),
        (1525970213377493, TS),
        ('1525970213377493', TS),
        (1525970213377493123, TS),
        ('1525970213377493123', TS),
        (0, datetime(1970, 1, 1, tzinfo=timezone.utc)),
        (-1.5, datetime(1969, 12, 31, 23, 59, 58, 500000, timezone.utc)),
        ('2018-05-10T16:36:53.377493Z', TS),
        ('2018-05-10T18:36:53.377493+02:00', TS),
        ('2018-05-10 16:36:53.377493', TS),
        ('20180510T163653Z', SECOND),
        ('2018-05-10', SECOND.replace(hour=0, minute=0, second=0)),
    ],
)
def test_time(value, ts):
    """A time is an epoch in any common unit, as a number or text, or is in ISO 8601."""
    assert ts == decode(time=value).ts


@pytest.mark.parametrize(
    'value',
    [
        None, True, [], {}, '', '.', 'now', '2018-13-01', '10:20', float('nan'), float('inf'),
        10**30, '9' * 400, '9' * 5000, '1.2.3', '0001-01-01T00:00+05:00', -10**30, -1e300,
        '-', '²', '\ud800', '2018-05-10T16:36:53+99:99', '2018-W99', 'T', '-1',
    ],
)  # fmt: skip
def test_time_that_cannot_be_read(value):
    """The time is that of receipt, and the object keeps its own value."""
    record = decode(time=value)
    assert (NOW, {'time': stored_value(value)}) == (record.ts, record.logrec)


@pytest.mark.parametrize(
    ('fields', 'ts'),
    [
        ({'created': 1525970213}, SECOND),
        ({'ts': 1525970213}, SECOND),
        ({'timestamp': 1525970213}, SECOND),
        ({'created': 'x', 'ts': None, 'time': [], 'timestamp': 1525970213}, SECOND),
        ({'timestamp': 1, 'time': 2, 'ts': 3, 'created': 1525970213}, SECOND),
        ({'birthday': 1525970213}, NOW),
        ({'created': '2011-01-26', 'timestamp': 1525970213}, SECOND),
        ({'created': '2018-05-10T16:36:53Z'}, SECOND),
    ],
)
def test_field_of_the_time(fields, ts):
    """The time is that of the first field that can be read."""
    assert ts == decode(**fields).ts


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
    | st.datetimes().map(str) | st.text('0123456789.-+:TZW '),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec='utf-8')), inner),
    max_leaves=10,
)  # fmt: skip
KNOWN = ['name', 'message', 'msg', 'level', 'levelno', 'severity', 'created', 'ts', 'time']


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*KNOWN, 'timestamp', 'x']), ODD, max_size=5))
def test_any_object_is_accepted(fields):
    """Any object is accepted and can be stored unchanged."""
    record = decode_raw(json.dumps(fields).encode())
    assert repr(stored_value(fields)) == repr(record.logrec)
    assert orjson.dumps(record.as_dict())
    assert -(2**31) <= record.level < 2**31


@pytest.mark.parametrize('text', [b'', b'[]', b'1', b'{', b'null'])
def test_only_objects_are_accepted(text):
    """Values that are not objects, and malformed ones, are rejected."""
    with pytest.raises(InputError):
        decode_raw(text)


@pytest.mark.parametrize('fields', [{'k' * 16_384: 1}, {'\ud800': 1, '\\ud800': 2}])
def test_keys_that_cannot_be_stored_are_refused(fields):
    """An object with such a key is an error, because it could not be stored."""
    with pytest.raises(LimitError, match='key'):
        decode(**fields)


def test_deep_values_become_text():
    """Values that are nested too deeply become text within the object."""
    logrec = decode_raw(b'{"a":' + b'[' * 100 + b']' * 100 + b'}').logrec
    assert logrec is not None
    assert '[' * 77 + ']' * 77 == orjson.dumps(logrec).decode().split('"')[3]


@pytest.mark.parametrize('depth', [500, 900, 950, 1000, 1023, 1024, 1100])
@pytest.mark.parametrize(('left', 'right'), [(b'[', b']'), (b'{"a":', b'}')])
def test_any_depth_is_accepted_or_refused(depth, left, right):
    """Any nesting is accepted or rejected, also near Python's recursion limit."""
    text = b'{"a":' + left * depth + b'1' + right * depth + b'}'
    try:
        assert decode_raw(text).logrec
    except InputError as ex:
        assert 'nested too deeply' in str(ex)  # noqa: PT017
