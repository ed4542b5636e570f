"""Columns of blocks are decoded to the values that they were encoded from, with their types."""

import uuid

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronologer.storage.block import column, encoding
from chronologer.storage.block.block import table_values
from chronologer.storage.block.encoding import ABSENT, decode, encode

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=['Cs']))
SCALARS = st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, TEXTS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))
COLUMNS = st.one_of(
    *[
        st.lists(st.just(ABSENT) | some, min_size=1)
        for some in (
            INTEGERS,
            st.integers(0, 300),
            FLOATS,
            st.decimals(-1000, 1000, places=3).map(float),
            TEXTS,
            st.sampled_from(['a', 'b', '', 'ä']),
            st.sampled_from([True, 1, 1.0, '1', None, False, 0, -0.0]),
            st.binary(min_size=8, max_size=8).map(bytes.hex),
            st.uuids().map(str),
            VALUES,
        )
    ]
)


def round_trip(values: list) -> list:
    kind, data = encode(values)
    return table_values(decode(kind, data, len(values)), len(values))


@given(COLUMNS.filter(lambda values: any(value is not ABSENT for value in values)))
@example([0.0, -0.0])
@example([387, 387.0])
@example([True] * 9 + [1])
@example([2**63 - 1, -(2**63)])
@example([2**64 - 1, 1])
@example(['ab', 'a\0b'])
@example(['AB' * 8, 'ab' * 8])
@example([str(uuid.UUID(int=1)), str(uuid.UUID(int=2)).upper()])
@example([1.5, 1e300, 5e-324])
def test_values_and_types_are_restored(values):
    """387 and 387.0, 0.0 and -0.0, null and a missing field stay different."""
    assert list(map(repr, values)) == list(map(repr, round_trip(values)))


@pytest.mark.parametrize(
    ('values', 'kind', 'size'),
    [
        ([7] * 1000, 'same', 0),
        (list(range(1000)), 'int', 2000),
        ([number / 8 for number in range(1000)], 'decimal', 3000),
        ([bytes([number % 256] * 16).hex() for number in range(1000)], 'hex', 16_000),
        ([str(uuid.UUID(int=number)) for number in range(1000)], 'uuid', 16_000),
        ([f'text {number % 3}' for number in range(1000)], 'choice', 1028),
        ([f'text {number}' for number in range(1000)], 'text', 8889),
        ([[number] for number in range(1000)], 'json', 5891),
    ],
)
def test_usual_columns_are_small(values, kind, size):
    """Each kind is chosen for what it is made for."""
    encoded, data = encode(values)
    assert (kind, size) == (encoded[0], len(data))
    assert values == round_trip(values)


def test_some_positions():
    """Any positions of a column with gaps are read with the number of the position."""
    values = [ABSENT if number % 3 else f'value {number}' for number in range(100)]
    one = decode(*encode(values), len(values))
    positions = np.array([0, 1, 3, 50, 51, 99])
    assert [(0, 'value 0'), (2, 'value 3'), (4, 'value 51'), (5, 'value 99')] == list(
        one.some(positions)
    )


@given(
    st.lists(st.text('01a', min_size=16, max_size=16), min_size=2, max_size=9, unique=True),
    st.text('01a', min_size=1, max_size=18),
)
@example(['0' * 15 + '1', '1' + '0' * 15], '11')
def test_digits_that_contain_a_term(texts, term):
    """Digits are kept as bytes, and a term may begin at the second digit of one."""
    dashed = [
        f'{text[:4]}{text[:4]}-{text[4:8]}-{text[8:12]}-{text[12:]}-{text[:12]}' for text in texts
    ]
    for values in (texts, dashed):
        one = decode(*encoding.encode_texts(values), len(values))
        assert isinstance(one, column.Digits)
        for piece in (term, f'{term[:3]}-{term[3:5]}'):
            assert [piece in text for text in values] == one.containing(piece.encode()).tolist()
        assert values == list(one.values())


@given(
    st.lists(TEXTS.filter(lambda text: '\0' not in text), min_size=1), st.text('ab ', min_size=1)
)
def test_texts_that_contain_a_term(texts, term):
    """Texts are searched in one piece, in any order of them."""
    order = np.argsort(np.array(texts, object), kind='stable')
    ordered = [texts[number] for number in order]
    for values, permutation in ((texts, None), (ordered, lambda: order)):
        data = encoding.join_texts(values)
        assert data is not None
        one = column.Texts(len(texts), data, permutation)
        assert [term in text for text in texts] == one.containing(term.encode()).tolist()
        assert texts == list(one.values())
