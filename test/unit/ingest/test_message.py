"""``msg % args``, where no formatter of the program has run."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.ingest.literal import Shown
from chronologer.ingest.message import MAX_LENGTH, interpolate

SPEC = st.from_regex(r'\A%[#0\- +]{0,2}[0-9]{0,2}(\.[0-9]{1,2})?[diouxXeEfFgGcrsa]\Z')
ARGUMENT = st.integers(-1000, 1000) | st.floats() | st.text(max_size=5) | st.none()


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters='%')), SPEC, ARGUMENT)))
def test_message_equals_that_of_the_logging_module(parts):
    """The message equals that of logging wherever the program could have formatted it."""
    msg = ''.join(text + spec for text, spec, _ in parts)
    args = tuple(argument for *_, argument in parts)
    record = logging.LogRecord('a', 20, 'a.py', 1, msg, args, None)
    try:
        expected = record.getMessage()
    except (TypeError, ValueError, OverflowError):
        return
    assert expected == interpolate(msg, args)


@pytest.mark.parametrize(
    ('msg', 'args', 'message'),
    [
        ('100%', (), '100%'),
        ('100%', None, '100%'),
        ('%s and %s', ('a', 1), 'a and 1'),
        ('%d%%', (50,), '50%'),
        ('%(user)s has %(n)03d', {'user': 'bob', 'n': 7}, 'bob has 007'),
        ('%s', {'a': 1}, "{'a': 1}"),
        ('%*d|%-*s|%.*f', (5, 42, 4, 'x', 2, 3.14159), '   42|x   |3.14'),
        ('%s', ((1, 2),), '(1, 2)'),
        ('failed: %s', (Shown("ValueError('bad')"),), "failed: ValueError('bad')"),
        ('%5d|%.2f', (Shown("Decimal('1.5')"), 1.0), "Decimal('1.5')|1.00"),
    ],
)
def test_message_is_formatted(msg, args, message):
    """Arguments may be positional, named or set the width; objects are shown by their repr."""
    assert message == interpolate(msg, args)


@pytest.mark.parametrize(
    ('msg', 'args'),
    [
        ('%s %s', ('one',)),
        ('%s', ('one', 'two')),
        ('no place', ('one',)),
        ('%(missing)s', {'user': 'bob'}),
        ('%(user)s', ('bob',)),
        ('%y', (1,)),
        ('50%', (1,)),
        ('%1000000000d', (1,)),
        ('%.1000000000f', (1.0,)),
        ('%*d', (10**9, 1)),
        ('%*d', ('5', 1)),
        ('%s' * 200, ('x' * 2**17,) * 200),
        ('%(a)s' * 2**20, {'a': 'x' * 2**10}),
        ('%(a).0s' * 1000, {'a': [1] * 20_000}),
        ('%(a).0r' * 1000, {'a': 'x' * 2**20}),
        ('%s' * 3000, ('x',) * 3000),
    ],
)
def test_message_stays_as_it_was_written(msg, args):
    """A template that cannot be formatted, or only with too much memory, is kept as the message."""
    assert msg == interpolate(msg, args)
    assert len(interpolate(msg, args)) <= MAX_LENGTH
