"""Exceptions as text and as structure."""

import builtins
import sys
import traceback

import pytest

from chronologer.client.failure import MAX_CHAIN, MAX_FRAMES, describe


def described(function) -> tuple:
    """Return the description of the exception that *function* raises."""
    try:
        function()
    except BaseException:
        text, structure = describe(sys.exc_info())
        assert ''.join(traceback.format_exc()) == text + '\n'
        return text, structure


def fail():
    raise ValueError('bad', 5)


def test_one_exception():
    """The description has type, message and frames, outermost first."""
    _, got = described(fail)
    assert ('ValueError', "('bad', 5)") == (got['type'], got['message'])
    assert ['described', 'fail'] == [frame['function'] for frame in got['frames']]
    line = fail.__code__.co_firstlineno + 1
    assert {
        'file': __file__, 'line': line, 'function': 'fail', 'source': "raise ValueError('bad', 5)",
    } == got['frames'][-1]  # fmt: skip
    assert {'type', 'message', 'frames'} == set(got)


class OwnError(Exception):
    """An exception class of a module."""


def test_cause_and_context():
    """The cause and the context are listed, nearest first."""

    def raise_all():
        try:
            try:
                fail()
            except ValueError:
                raise KeyError('second')  # noqa: B904
        except KeyError as ex:
            raise OwnError('third') from ex

    _, got = described(raise_all)
    assert f'{__name__}.OwnError' == got['type']
    chain = [(error['relation'], error['type']) for error in got['chain']]
    assert [('cause', 'KeyError'), ('context', 'ValueError')] == chain
    assert 'fail' == got['chain'][1]['frames'][-1]['function']


def test_suppressed_context():
    """A context that Python does not print is not sent."""

    def raise_from_none():
        try:
            fail()
        except ValueError:
            raise OwnError from None

    text, got = described(raise_from_none)
    assert 'chain' not in got
    assert 'ValueError' not in text


def test_cyclic_chain():
    """The description of a cyclic chain ends."""

    def raise_cycle():
        one, two = ValueError(1), ValueError(2)
        one.__cause__, two.__cause__ = two, one
        raise one

    _, got = described(raise_cycle)
    assert ['2'] == [error['message'] for error in got['chain']]


def test_long_chain():
    """A long chain is cut after the nearest exceptions."""

    def raise_many():
        error = ValueError(0)
        for number in range(1, 50):
            following = ValueError(number)
            following.__cause__ = error
            error = following
        raise error

    _, got = described(raise_many)
    assert MAX_CHAIN == len(got['chain'])
    assert '48' == got['chain'][0]['message']


@pytest.mark.skipif(sys.version_info < (3, 11), reason='introduced in Python 3.11')
def test_notes_and_groups():
    """Notes, members of groups and the chain of each member are described."""

    def raise_group():
        members = []
        for number in range(2):
            try:
                try:
                    fail()
                except ValueError as ex:
                    raise KeyError(number) from ex
            except KeyError as ex:
                ex.add_note(f'note {number}')
                members.append(ex)
        raise builtins.ExceptionGroup(
            'several', [*members, builtins.ExceptionGroup('inner', [OSError(2, 'gone')])]
        )

    text, got = described(raise_group)
    assert ('ExceptionGroup', 'several (3 sub-exceptions)') == (got['type'], got['message'])
    first, second, inner = got['exceptions']
    assert (['note 0'], ['note 1']) == (first['notes'], second['notes'])
    assert 'ValueError' == first['chain'][0]['type']
    assert 'FileNotFoundError' == inner['exceptions'][0]['type']
    assert 'note 1' in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason='introduced in Python 3.11')
def test_a_large_group_is_cut_with_a_mark():
    """The structure is cut with a mark; Python cuts the text."""

    def raise_group():
        raise builtins.ExceptionGroup('many', [ValueError(n) for n in range(50)])

    _, got = described(raise_group)
    assert (21, '… [30 left out]') == (len(got['exceptions']), got['exceptions'][-1])


def test_many_frames_are_cut_with_a_mark():
    """The outermost and the innermost frames are kept."""

    def recurse(n):
        return recurse(n - 1) if n else fail()

    _, got = described(lambda: recurse(300))
    assert MAX_FRAMES + 1 == len(got['frames'])
    assert f'… [{303 + 1 - MAX_FRAMES:,} left out]' == got['frames'][MAX_FRAMES // 2]
    assert 'fail' == got['frames'][-1]['function']


class BrokenError(Exception):
    """An exception whose str raises."""

    def __str__(self):
        raise RuntimeError('no')


def test_an_exception_that_cannot_be_printed():
    """The description says so, like a traceback of Python."""

    def raise_broken():
        raise BrokenError

    _, got = described(raise_broken)
    assert '<exception str() failed>' == got['message']
