"""The stored form of values: valid JSON, the same on every engine."""

import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.ingest.normalisation import MAX_DEPTH, MAX_KEY, stored_text, stored_value

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.complex_numbers()
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.tuples(inner)
    | st.dictionaries(st.text() | st.integers(), inner),
)  # fmt: skip


@given(ANYTHING)
def test_stored_form_is_strict_json(value):
    """A stored form is accepted by strict encoders, and is its own stored form."""
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
def test_values_beyond_json_become_text(value, stored):
    """A value beyond JSON becomes a text that describes it."""
    assert stored == stored_value(value)


def test_deep_values_become_text():
    """Lists stay lists up to the limit; deeper ones become the text that Python prints for them."""
    value: list = []
    for _ in range(100):
        value = [value]
    stored = stored_value(value)
    for _ in range(MAX_DEPTH):
        assert isinstance(stored, list)
        (stored,) = stored
    assert stored == '[' * 77 + ']' * 77


def test_a_dict_with_a_long_key_becomes_text():
    """A dict with a longer key than every engine can store becomes text."""
    longest = '\U0001f600' * MAX_KEY
    assert {longest: 1} == stored_value({longest: 1})
    assert 65_535 >= len(longest.encode())
    assert repr({'a': 1, longest + 'x': 2}) == stored_value({'a': 1, longest + 'x': 2})


@given(st.text())
def test_plain_text_is_its_own_stored_form(text):
    """Text without NUL and surrogates is stored unchanged."""
    if '\0' not in text:
        assert text == stored_text(text)
