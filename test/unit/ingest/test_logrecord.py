"""A LogRecord's dict as the standard library's HTTPHandler encodes it in a form."""

import logging
import logging.handlers
import sys
from datetime import datetime, timezone
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.logrecord import decode_form
from chronologer.model import Record

CREATED = 1525970213.377493


def form(record: logging.LogRecord) -> bytes:
    """Return the body that HTTPHandler sends."""
    handler = logging.handlers.HTTPHandler('localhost', '/', 'POST')
    return urlencode(handler.mapLogRecord(record)).encode()


def post(msg: object = 'hello', *args: object, exc_info=None, extra=None, **attributes) -> Record:
    """Decode the body that a bare HTTPHandler sends for a call of a logger."""
    logger = logging.Logger('app.db')
    record = logger.makeRecord(
        'app.db', 20, '/src/app/db.py', 387, msg, args, exc_info, 'main', extra, None
    )
    record.created = CREATED
    record.__dict__.update(attributes)
    return decode_form(form(record))


def test_columns_and_meta():
    """The attributes of a fresh LogRecord are meta, with their types; empty parts are omitted."""
    record = post('band %s', 'Maroon')
    assert 'app.db' == record.name
    assert 20 == record.level
    assert 'band Maroon' == record.message
    assert datetime(2018, 5, 10, 16, 36, 53, 377493, timezone.utc) == record.ts
    assert record.logrec is not None
    assert ['meta'] == list(record.logrec)
    meta = record.logrec['meta']
    assert {'name', 'levelno', 'created', 'message', 'exc_info'}.isdisjoint(meta)
    assert 'band %s' == meta['msg']
    assert ['Maroon'] == meta['args']
    assert 387 == meta['lineno']
    assert 'db' == meta['module']
    assert meta['stack_info'] is None
    assert isinstance(meta['process'], int)
    assert isinstance(meta['relativeCreated'], float)


def test_fresh_record_has_no_data():
    """Every attribute of this Python's LogRecord is meta, also those that formatting adds."""
    record = logging.makeLogRecord({'name': 'a', 'levelno': 20})
    logging.Formatter('%(asctime)s %(message)s').format(record)
    logrec = decode_form(form(record)).logrec
    assert logrec is not None
    assert 'data' not in logrec


def test_task_name_is_meta_on_any_python():
    """Python 3.12 added taskName; a program on 3.12 may log to a server on 3.11."""
    logrec = post(taskName='Task-1').logrec
    assert logrec is not None
    assert 'Task-1' == logrec['meta']['taskName']
    assert 'data' not in logrec


@pytest.mark.parametrize('text', ['123', 'None', '1e5', '[1, 2]', 'True', "'a'", '', '%', '%s %d'])
def test_text_by_definition_stays_text(text):
    """A message stays text, also if it looks like a number."""
    record = post(text, name=text, module=text, threadName=text + 'x', exc_text=text + 'x')
    assert record.logrec is not None
    assert (text, text) == (record.name, record.message)
    assert (text, text) == (record.logrec['meta']['msg'], record.logrec['meta']['module'])
    assert text + 'x' == record.logrec['meta']['threadName'] == record.logrec['error']['exc_text']
    assert text == post('other', message=text).message


TEXT = st.text(st.characters(codec='utf-8', exclude_characters='\0'))
NAMES = st.sampled_from(['user', 'raw', 'self', 'left', 'id', 'logrec', 'ключ', 'a b', 'body'])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(st.integers(-5, 5) | TEXT)
    | st.dictionaries(TEXT, TEXT)
)


@given(st.dictionaries(NAMES, VALUES))
def test_extra_is_data(extra):
    """Extra attributes are data, under any name and with their types."""
    logrec = post(extra=extra).logrec
    assert logrec is not None
    assert extra == logrec.get('data', {})


@pytest.mark.parametrize(
    ('value', 'stored'),
    [
        ('123', 123),
        ('0123', '0123'),
        ('1.50', '1.50'),
        (float('inf'), 'inf'),
        (2**70, str(2**70)),
        ((1, (2, 'x')), [1, [2, 'x']]),
        ({3}, '{3}'),
        (datetime(2020, 1, 1), '2020-01-01 00:00:00'),
        (b'\xff\x00', '\\xff\\x00'),
        ("'quoted'", "'quoted'"),
        (['\ud800'], ['\\ud800']),
        ('a\0b', 'a\\x00b'),
    ],
)
def test_extra_that_looks_like_a_value(value, stored):
    """Text that is exactly what Python prints for a value becomes that value."""
    logrec = post(extra={'value': value}).logrec
    assert logrec is not None
    assert stored == logrec['data']['value']


def test_exception_of_a_bare_handler():
    """Without a formatter the record has the exception's repr and no traceback."""
    try:
        raise ValueError('bad')
    except ValueError:
        record = post('failed', exc_info=sys.exc_info())
    assert record.logrec is not None
    assert ['exc_info'] == list(record.logrec['error'])
    assert "ValueError('bad')" in record.logrec['error']['exc_info']


def test_exception_of_a_formatted_record():
    """With a formatter the record has the traceback that the program formatted."""
    try:
        raise ValueError('bad')
    except ValueError:
        exc_info = sys.exc_info()
    exc_text = logging.Formatter().formatException(exc_info)
    record = post('failed', exc_info=exc_info, exc_text=exc_text, message='failed')
    assert record.logrec is not None
    assert exc_text == record.logrec['error']['exc_text']
    assert exc_text.startswith('Traceback')


@pytest.mark.parametrize('exc_info', [None, (None, None, None)])
def test_no_exception_is_no_error(exc_info):
    """A record without an exception has no error; nor has one of log.exception() without one."""
    assert 'error' not in (post(exc_info=exc_info).logrec or {})


def test_exception_as_argument_is_shown_by_its_repr():
    """An exception as an argument is shown by its repr, which is all that HTTPHandler sends."""
    assert "failed: ValueError('a, b')" == post('failed: %s', ValueError('a, b')).message


def test_mapping_as_argument():
    """LogRecord unpacks a single mapping."""
    assert 'bob has 3' == post('%(user)s has %(n)d', {'user': 'bob', 'n': 3}).message


def test_object_as_message():
    """The logging module accepts any object as a message."""
    assert "{'a': 1}" == post({'a': 1}).message


@pytest.mark.parametrize('level', [-(2**31), -1, 0, 5, 25, 2**31 - 1])
def test_odd_levels_are_kept(level):
    """A level is any 32-bit integer."""
    assert level == post(levelno=level).level


@pytest.mark.parametrize(
    ('created', 'text'),
    [
        (0, '1970-01-01 00:00:00+00:00'),
        (-62135596800, '0001-01-01 00:00:00+00:00'),
        (253402300799, '9999-12-31 23:59:59+00:00'),
        (1525970213.3774929, '2018-05-10 16:36:53.377493+00:00'),
        (0.9999999, '1970-01-01 00:00:01+00:00'),
    ],
)
def test_instant_is_kept_to_the_microsecond(created, text):
    """Times keep their microseconds at either end of the calendar."""
    assert text == str(post(created=created).ts)


@pytest.mark.parametrize(
    ('fields', 'named'),
    [
        ({}, 'name, levelno, created'),
        ({'name': 'a', 'levelno': 20}, 'created'),
        ({'name': 'a', 'created': 1}, 'levelno'),
        ({'levelno': 20, 'created': 1}, 'name'),
        ({'name': 'a', 'levelno': 'INFO', 'created': 1}, 'levelno'),
        ({'name': 'a', 'levelno': '', 'created': 1}, 'levelno'),
        ({'name': 'a', 'levelno': '20.0', 'created': 1}, 'levelno'),
        ({'name': 'a', 'levelno': 2**31, 'created': 1}, 'levelno'),
        ({'name': 'a', 'levelno': 20, 'created': ''}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': 'now'}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': '١_0'}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': ' 1'}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': 'nan'}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': 'inf'}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': 1e300}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': 253402300800}, 'created'),
        ({'name': 'a', 'levelno': 20, 'created': -62135596801}, 'created'),
    ],
)
def test_invalid_log_records_are_refused(fields, named):
    """The message names the field."""
    with pytest.raises(InputError, match=named):
        decode_form(urlencode(fields).encode())


def test_huge_name_and_message_are_kept():
    """Long names and messages are stored as a whole."""
    record = post('m' * 5_000_000, name='n' * 100_000)
    assert (100_000, 5_000_000) == (len(record.name), len(record.message))


def test_a_name_that_no_engine_may_hold_is_refused():
    """A long field name is an error; a long key within a value turns the value into text."""
    fields = {'name': 'app', 'levelno': '20', 'created': '0', 'k' * 16_384: 'v'}
    with pytest.raises(LimitError, match=r'^a field name has 16,384 characters, the limit is'):
        decode_form(urlencode(fields).encode())
