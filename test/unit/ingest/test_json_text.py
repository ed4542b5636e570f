"""JSON as programs write it, including texts that strict parsers reject."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.json_text import MAX_VALUES, is_plain, parse_json

TEXT = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)  # fmt: skip


def read(text):
    """Return the decoded object."""
    return parse_json(text)[0]


@settings(max_examples=50)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_output_of_the_json_module_is_read(value):
    """Infinity, lone surrogates and the types of numbers are kept."""
    assert repr(value) == repr(read(json.dumps(value).encode()))


@given(st.binary() | st.text('{}[]",:\\u0dE1-. ').map(str.encode))
def test_any_bytes_are_an_object_or_refused(text):
    """Any bytes are decoded or rejected."""
    try:
        assert isinstance(read(text), dict)
    except InputError as ex:
        assert 'JSON' in str(ex)  # noqa: PT017


@pytest.mark.parametrize(
    ('number', 'value'),
    [
        ('9223372036854775807', 2**63 - 1),
        ('-9223372036854775808', -(2**63)),
        ('-1000000000000000000', -(10**18)),
        ('36893488147419103232', '36893488147419103232'),
        ('-36893488147419103232', '-36893488147419103232'),
        ('9' * 5000, '9' * 5000),
        ('0.1234567890123456789', 0.1234567890123456789),
        ('1e400', math.inf),
        ('-Infinity', -math.inf),
    ],
)
def test_numbers_keep_their_value(number, value):
    """An integer of more than 64 bits becomes the text of its digits; nothing is rounded."""
    assert repr({'a': value}) == repr(read(b'{"a":%b}' % number.encode()))


def test_nan_is_read():
    """NaN is accepted, because Python's json module writes it."""
    assert math.isnan(read(b'{"a":NaN}')['a'])


@pytest.mark.parametrize(
    ('text', 'value'),
    [(b'\xff', '\\xff'), (b'\xed\xa0\x80', '\\xed\\xa0\\x80'), (b'\xc3', '\\xc3')],
)
def test_bytes_that_are_no_utf_8_are_escaped(text, value):
    """Bytes that are not UTF-8 are escaped, as in a form."""
    assert {'a': f'x{value}y'} == read(b'{"a":"x%by"}' % text)


@pytest.mark.parametrize(
    ('text', 'where'),
    [
        (b'', '1:'),
        (b'{', '2:'),
        (b'{"a": ,}', '7:'),
        (b'{"a": 1,}', '9:'),
        (b'{"a": 1} x', '10:'),
        (b"{'a': 1}", '2:'),
        (b'{"a": "x\ny"}', '9:'),
        (b'{"a": 01}', '8:'),
        ('{"é": nope}'.encode(), '7:'),
        (b'\xef\xbb\xbf\xef\xbb\xbf{}', '1'),
    ],
)
def test_malformed_text_is_refused(text, where):
    """The message has the position of the fault, a character counted from 1."""
    with pytest.raises(InputError, match=f'^malformed JSON at character {where}'):
        read(text)


@pytest.mark.parametrize('text', [b'1', b'null', b'"a"', b'[]', b'[{}]', b'NaN', b'true'])
def test_other_values_are_no_object(text):
    """The message has the value."""
    with pytest.raises(InputError, match=r'^expected a JSON object, got .'):
        read(text)


@pytest.mark.parametrize('text', [b'{"a":' + b'[' * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize('is_closed', [False, True])
def test_endless_nesting_is_refused(text, is_closed):
    """Endless nesting is rejected immediately and without a crash."""
    if is_closed:
        text += b']' * 100_000 + b'}' if b'[' in text else b'1' + b'}' * 100_000
    with pytest.raises(InputError, match='nested too deeply'):
        read(text)


@pytest.mark.parametrize('value', ['1', '{}', '[]', '"a"'])
def test_number_of_values_is_limited(value):
    """The limit bounds memory: a value needs far more of it than its characters in the text."""
    text = '{"a":[%s]}'
    most = MAX_VALUES // (2 if value in ('{}', '[]') else 1) - 2
    assert most == len(read((text % ','.join([value] * most)).encode())['a'])
    with pytest.raises(LimitError, match='200,000 values'):
        read((text % ','.join([value] * (MAX_VALUES + 1))).encode())


@pytest.mark.parametrize('text', [',' * 500_000, '[' * 500_000, '\\"{[,' * 100_000])
def test_text_within_a_string_is_no_value(text):
    """Commas and brackets within a string do not count as values."""
    assert {'a': text} == read(json.dumps({'a': text}).encode())


def test_number_of_strings_is_limited():
    """More strings than values and their keys can be are refused before they are read."""
    text = b'{"a":"%b"%b}' % (b',' * (MAX_VALUES + 1), b'""' * (2 * MAX_VALUES))
    with pytest.raises(LimitError, match='200,000 values'):
        read(text)


@pytest.mark.parametrize(
    'rest', [b'"' + b'\\"' * 30_000, b'"' * 800_001, b'\\' * 800_000, b'"' + b'\\\\' * 400_000]
)
def test_counting_is_fast(rest):
    """Counting is fast also where a string has no end, or it would delay all other requests."""
    start = time.monotonic()
    with pytest.raises((InputError, LimitError)):
        read(b'{"a":' + b',' * (MAX_VALUES + 1) + rest)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (b'{"a": 1}', True),
        (b'{"a": 123456789012345678}', True),
        (b'{"a": 1525970213.377493, "b": 1234567890123}', True),
        (b'{"a": 0.00045612300163041800123, "b": -1.5}', True),
        (b'{"a": 1234567890123456789}', False),
        (b'{"a": 0.00045612300163041800123, "b": 1234567890123456789}', False),
        (b'1234567890123456789', False),
        (b'{"a": "\\u0000"}', False),
        (b'{"a": "\\\\u0000"}', False),  # not plain, to be safe
    ],
)
def test_plain_text(text, expected):
    """Most records are plain; a text that may need another stored form is not."""
    assert expected == is_plain(text)
