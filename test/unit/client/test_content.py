"""The content that the client sends for a log record."""

import enum
import json
import logging
import sys
from collections import OrderedDict, namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.client import content
from chronologer.client.content import encode


def sent(prefix: str = '', /, **fields) -> dict:
    """Return the decoded content of a record with *fields*."""
    record = logging.makeLogRecord({'name': 'app', 'msg': 'hello', **fields})
    line = encode(record, prefix)
    assert b'\n' not in line
    return json.loads(line)


def test_everything_a_record_carries():
    """Each attribute is sent unchanged; the template and arguments are sent beside the message."""
    record = logging.LogRecord('app', 20, '/a/b.py', 7, '%s is %d', ('x', 5), None, 'main', 'Stack')
    record.user = 'bob'
    got = json.loads(encode(record))
    assert {**vars(record), 'args': ['x', 5], 'message': 'x is 5'} == got
    assert {'created', 'thread', 'processName', 'stack_info', 'funcName'} <= set(got)
    assert (sys.version_info >= (3, 12)) == ('taskName' in got)


class Broken:
    """An object whose repr raises."""

    def __repr__(self):
        raise RuntimeError('no')


class Hostile(dict):
    """A dict that cannot be iterated."""

    def items(self):
        raise KeyError('no')


Pair = namedtuple('Pair', 'a b')


class Colour(enum.IntEnum):
    """An integer with a name."""

    RED = 1


class Size(enum.Enum):
    """Names without numbers."""

    LARGE = 'l'


class Silent(UUID):
    """A type with a usual form, which cannot be printed."""

    def __str__(self):
        raise RuntimeError('no')


class Ambiguous:
    """An object without a truth value, as arrays are."""

    def __bool__(self):
        raise ValueError('ambiguous')

    def __eq__(self, other):
        return self

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        return 'ambiguous'


@pytest.mark.parametrize(
    ('value', 'wanted'),
    [
        ('text', 'text'),
        (387, 387),
        (1.5, 1.5),
        (True, True),
        (None, None),
        ([1, (2, 'x')], [1, [2, 'x']]),
        (Pair(1, 2), [1, 2]),
        (Colour.RED, 1),
        (OrderedDict(a=1), {'a': 1}),
        ({1: 'x', None: 'y', (1,): 'z'}, {'1': 'x', 'None': 'y', '(1,)': 'z'}),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.datetime64('2024-01-15'), '2024-01-15'),
        (UUID(int=5), '00000000-0000-0000-0000-000000000005'),
        (datetime(2024, 1, 15, 10, 30, 45, 7, timezone.utc), '2024-01-15T10:30:45.000007+00:00'),
        (date(2024, 1, 15), '2024-01-15'),
        (time(10, 30), '10:30:00'),
        (timedelta(hours=1), '1:00:00'),
        (timezone.utc, 'UTC'),
        (Decimal('12.50'), '12.50'),
        (Fraction(1, 3), '1/3'),
        (PurePosixPath('/x/y'), '/x/y'),
        (ip_address('10.0.0.1'), '10.0.0.1'),
        (ip_network('fe80::/10'), 'fe80::/10'),
        (Size.LARGE, 'Size.LARGE'),
        ({UUID(int=5): 1, np.int64(3): 2}, {'00000000-0000-0000-0000-000000000005': 1, '3': 2}),
        (Silent(int=5), '<Silent, whose repr raises RuntimeError>'),
        ({1}, '{1}'),
        (b'\xff', "b'\\xff'"),
        (SimpleNamespace(a=1), 'namespace(a=1)'),
        (ValueError('x'), "ValueError('x')"),
        (Broken(), '<Broken, whose repr raises RuntimeError>'),
        ([Broken()], ['<Broken, whose repr raises RuntimeError>']),
        (Hostile(a=1), '<Hostile, whose repr raises KeyError>'),
        (10**30, 10**30),
        (1 << 20_000, '… [an integer of 20,001 bits]'),
        ('é\ud800', 'é\ud800'),
        ('line\nbreak\0', 'line\nbreak\0'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value, wanted):
    """Types of JSON are sent unchanged, others as their usual text or repr; nothing raises."""
    assert wanted == sent(field=value)['field']
    assert [wanted] == sent(args=(value,), msg='x')['args']


@pytest.mark.parametrize('place', ['msg', 'args', 'extra', 'origname', 'suffix', 'exc_info'])
def test_a_value_without_a_truth_value(place):
    """An array is sent, wherever it is in a record."""
    got = sent(**{'msg': '%s', place: Ambiguous()})
    assert 'ambiguous' in json.dumps(got)


def test_numbers_that_are_not_finite():
    """Infinity and NaN are written as by the json module, which the server reads."""
    assert str([float('nan'), float('inf')]) == str(sent(x=[float('nan'), float('inf')])['x'])


def test_cycles_end():
    """A cycle ends with a mark; a value that occurs twice is no cycle."""
    loop: list = [1]
    loop.append(loop)
    shared = ['s']
    assert [1, '… [cyclic]'] == sent(x=loop)['x']
    assert {'a': ['s'], 'b': ['s']} == sent(x={'a': shared, 'b': shared})['x']


def test_depth_ends():
    """Deep nesting ends with a mark, before the server's limit of 24 levels."""
    deep: list = []
    for _ in range(50):
        deep = [deep]
    text = json.dumps(sent(x=deep)['x'])
    assert content.MAX_DEPTH == text.count('[') - 1
    assert 'deeper than 20 levels' in text


def test_long_texts_are_cut_with_a_mark():
    """The mark has the number of omitted characters."""
    text = 'x' * (content.MAX_TEXT + 5)
    got = sent(msg=text)
    assert text[:-5] + '… [5 of 1,048,581 characters left out]' == got['message'] == got['msg']
    assert 'x' * content.MAX_TEXT == sent(msg='x' * content.MAX_TEXT)['message']


def test_many_long_texts_are_cut_together():
    """A record stays below the server's 16 MiB, whatever is logged."""
    line = encode(logging.makeLogRecord({f'f{n}': 'é' * 2**20 for n in range(50)}))
    assert len(line) < 12 * 2**20
    assert b'[1,048,576 of 1,048,576 characters left out]' in line


def test_long_structures_are_cut_with_a_mark():
    """Lists, dicts and long reprs are cut; the mark has the number of omitted items."""
    assert [*range(1000), '… [500 of 1,500 items left out]'] == sent(x=list(range(1500)))['x']
    got = sent(x=dict.fromkeys(map(str, range(1500)), 1))['x']
    assert (1001, '[500 of 1,500 items left out]') == (len(got), got['…'])
    assert sent(x=set(range(1500)))['x'].endswith('}… [500 of 1,500 items left out]')
    got = sent(x=b'x' * (2**20 + 3))['x']
    assert got.startswith("b'xxx")
    assert 'left out' in got


def test_large_arguments_leave_room_for_the_rest():
    """The message and the fields of every record are sent, however large the arguments are."""
    many = [[[0] * 30] * 90] * 90
    got = sent(args=(many,), msg='hello %.3s', x=many, user='bob')
    assert ('hello [[[', 'app', 'bob') == (got['message'], got['name'], got['user'])
    assert 'items left out' in json.dumps(got['args'], ensure_ascii=False)
    assert len(json.dumps(got)) < 200_000


def test_message_that_does_not_fit_its_arguments():
    """The record is sent with the template as its message."""
    got = sent(msg='%s and %s', args=('one',))
    assert ('%s and %s', ['one']) == (got['message'], got['args'])
    assert '<Broken, whose repr raises RuntimeError>' == sent(msg=Broken())['message']


def test_message_that_is_no_text():
    """A message that is not a string is sent as its text, also with arguments."""
    for msg, text in ((('a', 1), "('a', 1)"), (ValueError('no'), 'no')):
        got = sent(msg=msg)
        assert (text, text) == (got['message'], got['msg'])
    assert str(Colour.RED) == sent(msg=Colour.RED, args=('x',))['msg']


@pytest.mark.parametrize(
    ('args', 'wanted'),
    [
        ((1, Broken()), '1 and <Broken, in a nested record>'),
        (({'a': 1, 'b': Broken()},), '%s and %s'),
        ((), '%s and %s'),
    ],
)
def test_a_record_without_objects(args, wanted):
    """Numbers and texts stay; of objects there is the type."""
    args = args[0] if args and type(args[0]) is dict else args
    record = logging.makeLogRecord({'msg': '%s and %s', 'args': args, 'x': [1], 'y': 1})
    got = json.loads(encode(content.without_objects(record)))
    assert (wanted, 1, '<list, in a nested record>') == (got['message'], got['y'], got['x'])


def test_arguments_by_name():
    """A dict of arguments stays a dict."""
    got = sent(msg='%(a)s', args=({'a': 1},)[0])
    assert ('1', {'a': 1}) == (got['message'], got['args'])


def test_content_is_a_snapshot():
    """Later changes of a logged object do not change the content."""
    values = [1]
    line = encode(logging.makeLogRecord({'msg': '%s', 'args': (values,), 'extra': values}))
    values.append(2)
    assert ([[1]], [1]) == (json.loads(line)['args'], json.loads(line)['extra'])


@pytest.mark.parametrize(
    ('prefix', 'fields', 'name', 'origname'),
    [
        ('', {}, 'app', None),
        ('shop', {}, 'shop.app', 'app'),
        ('', {'suffix': 'transfer.in'}, 'app.transfer.in', 'app'),
        ('shop', {'suffix': 'transfer'}, 'shop.app.transfer', 'app'),
        ('shop', {'suffix': ''}, 'shop.app', 'app'),
        ('shop', {'suffix': 7}, 'shop.app', 'app'),
        ('shop', {'suffix': Ambiguous()}, 'shop.app', 'app'),
        ('', {'suffix': [1, 2]}, 'app', None),
        ('', {'suffix': np.array([1, 2])}, 'app', None),
        ('shop', {'origname': 'x'}, 'app', 'x'),
    ],
)
def test_names(prefix, fields, name, origname):
    """Names get the prefix and the suffix once; the original name is kept."""
    got = sent(prefix, **fields)
    assert (name, origname) == (got['name'], got.get('origname'))


def test_exceptions_are_there_as_text_and_structure():
    """An exception is sent as text and as structure."""
    try:
        raise ValueError('bad')
    except ValueError:
        got = sent(exc_info=sys.exc_info())
    assert got['exc_text'].endswith('ValueError: bad')
    assert 'ValueError' == got['exc_info']['type']


@pytest.mark.parametrize('exc_info', [True, (None, None, None), None, (), 'x', (1, 2, 3)])
def test_no_exception(exc_info):
    """`log.exception` outside an except clause, or a record made manually, has no exception."""
    got = sent(exc_info=exc_info)
    assert got['exc_text'] is None
    assert 'hello' == got['message']


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.builds(Broken) | st.characters(categories=['Cs']),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(
        st.text() | st.integers() | st.none() | st.tuples(st.integers()), inner
    ),
)  # fmt: skip


@given(ANYTHING, st.lists(ANYTHING).map(tuple), st.text())
def test_any_record_becomes_one_line(extra, args, msg):
    """Any record becomes one line of valid JSON in UTF-8 with the columns that the server needs."""
    line = encode(logging.makeLogRecord({'msg': msg, 'args': args, 'x': extra, 'name': 'app'}))
    assert b'\n' not in line
    got = json.loads(line.decode())
    assert {'name', 'levelno', 'created', 'message', 'args', 'x'} <= set(got)
    assert type(got['message']) is str
