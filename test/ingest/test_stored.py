"""The stored form: valid JSON, the same on every engine."""

import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.ingest.stored import MAX_DEPTH, MAX_KEY, stored_text, stored_value

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.complex_numbers()
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.tuples(inner)
    | st.dictionaries(st.text() | st.integers(), inner),
)  # fmt: skip


@given(ANYTHING)
def test_stored_form_is_json_to_everybody(value):
    """Strict encoders take it, and it is its own stored form."""
    stored = stored_value(value)
    assert stored == json.loads(json.dumps(stored, allow_nan=False))
    assert stored == orjson.loads(orjson.dumps(stored))
    assert stored == stored_value(stored)


@pytest.mark.parametrize(
    ('value', 'stored'),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, '9223372036854775808'),
        (-(2**63) - 1, '-9223372036854775809'),
        (math.inf, 'Infinity'),
        (-math.inf, '-Infinity'),
        (math.nan, 'NaN'),
        (1e308, 1e308),
        ('a\0b', 'a\\x00b'),
        ('\ud800', '\\ud800'),
        ('é\udcff', 'é\\udcff'),
        (b'\xff', "b'\\xff'"),
        ({3}, '{3}'),
        (1j, '1j'),
        ((1, (2, [3])), [1, [2, [3]]]),
        ({1: 'a', None: 'b'}, {'1': 'a', 'None': 'b'}),
        ({1: 'a', '1': 'b'}, "{1: 'a', '1': 'b'}"),
        ({2: 'a', (1, 2): 'b'}, {'2': 'a', '(1, 2)': 'b'}),
    ],
)
def test_what_json_cannot_hold_is_shown(value, stored):
    """As text that says what it was."""
    assert stored == stored_value(value)


def test_what_is_too_deep_is_shown():
    """Down to the limit there are arrays; what is below is the text that Python prints for it."""
    value: list = []
    for _ in range(100):
        value = [value]
    stored = stored_value(value)
    for _ in range(MAX_DEPTH):
        assert isinstance(stored, list)
        (stored,) = stored
    assert stored == '[' * 77 + ']' * 77


def test_a_key_that_no_engine_may_hold_is_shown():
    """With its dict; the longest that each one holds is a key."""
    longest = '\U0001f600' * MAX_KEY
    assert {longest: 1} == stored_value({longest: 1})
    assert 65_535 >= len(longest.encode())
    assert repr({'a': 1, longest + 'x': 2}) == stored_value({'a': 1, longest + 'x': 2})


@given(st.text())
def test_plain_text_is_its_own_stored_form(text):
    """But for NUL and surrogates nothing is changed."""
    if '\0' not in text:
        assert text == stored_text(text)
