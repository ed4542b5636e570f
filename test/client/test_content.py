"""What is sent of a record."""

import enum
import json
import logging
import sys
from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.client import content
from chronologer.client.content import encode


def sent(prefix: str = '', /, **fields) -> dict:
    """What arrives of a record with *fields*."""
    record = logging.makeLogRecord({'name': 'app', 'msg': 'hello', **fields})
    line = encode(record, prefix)
    assert b'\n' not in line
    return json.loads(line)


def test_everything_a_record_carries():
    """Each attribute, as it is; the message beside what it was made of."""
    record = logging.LogRecord('app', 20, '/a/b.py', 7, '%s is %d', ('x', 5), None, 'main', 'Stack')
    record.user = 'bob'
    got = json.loads(encode(record))
    assert {**vars(record), 'args': ['x', 5], 'message': 'x is 5'} == got
    assert {'created', 'thread', 'processName', 'stack_info', 'funcName'} <= set(got)
    assert (sys.version_info >= (3, 12)) == ('taskName' in got)


class Broken:
    """Cannot be printed."""

    def __repr__(self):
        raise RuntimeError('no')


class Hostile(dict):
    """Cannot be gone through."""

    def items(self):
        raise KeyError('no')


Pair = namedtuple('Pair', 'a b')


class Colour(enum.IntEnum):
    """A number with a name."""

    RED = 1


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
    """JSON's own types stay, anything else is its repr; nothing raises."""
    assert wanted == sent(field=value)['field']
    assert [wanted] == sent(args=(value,), msg='x')['args']


def test_numbers_that_are_not_finite():
    """As the json module writes them, which the server reads."""
    assert str([float('nan'), float('inf')]) == str(sent(x=[float('nan'), float('inf')])['x'])


def test_cycles_end():
    """With a mark; the same value twice is no cycle."""
    loop: list = [1]
    loop.append(loop)
    shared = ['s']
    assert [1, '… [cyclic]'] == sent(x=loop)['x']
    assert {'a': ['s'], 'b': ['s']} == sent(x={'a': shared, 'b': shared})['x']


def test_depth_ends():
    """With a mark, before the server's own limit of 24 levels."""
    deep: list = []
    for _ in range(50):
        deep = [deep]
    text = json.dumps(sent(x=deep)['x'])
    assert content.MAX_DEPTH == text.count('[') - 1
    assert 'deeper than 20 levels' in text


def test_long_texts_are_cut_with_a_mark():
    """What is sent of it, and how much is not."""
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
    """Lists, dicts and what has its items in its repr."""
    assert [*range(1000), '… [500 of 1,500 items left out]'] == sent(x=list(range(1500)))['x']
    got = sent(x=dict.fromkeys(map(str, range(1500)), 1))['x']
    assert (1001, '[500 of 1,500 items left out]') == (len(got), got['…'])
    assert sent(x=set(range(1500)))['x'].endswith('}… [500 of 1,500 items left out]')
    got = sent(x=b'x' * (2**20 + 3))['x']
    assert got.startswith("b'xxx")
    assert 'left out' in got


def test_large_arguments_leave_room_for_the_rest():
    """The fields that every record has, and the message, are there whatever is logged."""
    many = [[[0] * 30] * 90] * 90
    got = sent(args=(many,), msg='hello %.3s', x=many, user='bob')
    assert ('hello [[[', 'app', 'bob') == (got['message'], got['name'], got['user'])
    assert 'items left out' in json.dumps(got['args'], ensure_ascii=False)
    assert len(json.dumps(got)) < 200_000


def test_message_that_does_not_fit_its_arguments():
    """The record is the one that must not get lost: it is sent with the text as it stands."""
    got = sent(msg='%s and %s', args=('one',))
    assert ('%s and %s', ['one']) == (got['message'], got['args'])
    assert '<Broken, whose repr raises RuntimeError>' == sent(msg=Broken())['message']


def test_message_that_is_no_text():
    """Its text; with arguments too."""
    for msg, text in ((('a', 1), "('a', 1)"), (ValueError('no'), 'no')):
        got = sent(msg=msg)
        assert (text, text) == (got['message'], got['msg'])
    assert str(Colour.RED) == sent(msg=Colour.RED, args=('x',))['msg']


def test_arguments_by_name():
    """A dict stays one."""
    got = sent(msg='%(a)s', args=({'a': 1},)[0])
    assert ('1', {'a': 1}) == (got['message'], got['args'])


def test_what_was_logged_is_written_down_at_once():
    """What the program does with it afterwards changes nothing."""
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
        ('shop', {'origname': 'x'}, 'app', 'x'),
    ],
)
def test_names(prefix, fields, name, origname):
    """A prefix, a suffix that is text, once; the name it had is kept."""
    got = sent(prefix, **fields)
    assert (name, origname) == (got['name'], got.get('origname'))


def test_exceptions_are_there_as_text_and_structure():
    """See test_failure.py for their content."""
    try:
        raise ValueError('bad')
    except ValueError:
        got = sent(exc_info=sys.exc_info())
    assert got['exc_text'].endswith('ValueError: bad')
    assert 'ValueError' == got['exc_info']['type']


@pytest.mark.parametrize('exc_info', [True, (None, None, None), None, (), 'x', (1, 2, 3)])
def test_no_exception(exc_info):
    """``log.exception`` outside of an except clause, or a record made by hand."""
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
def test_whatever_is_logged_becomes_one_line(extra, args, msg):
    """Valid JSON in UTF-8 with the columns that the server needs."""
    line = encode(logging.makeLogRecord({'msg': msg, 'args': args, 'x': extra, 'name': 'app'}))
    assert b'\n' not in line
    got = json.loads(line.decode())
    assert {'name', 'levelno', 'created', 'message', 'args', 'x'} <= set(got)
    assert type(got['message']) is str
