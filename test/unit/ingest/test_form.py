"""Decoding of forms of any bytes."""

from urllib.parse import unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.form import MAX_FIELDS, parse_form

TEXT = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'))


@given(st.dictionaries(TEXT, TEXT))
def test_form_is_decoded_to_the_fields_of_urlencode(fields):
    """A form encoded by the standard library is decoded to the same fields."""
    assert fields == parse_form(urlencode(fields).encode())


@given(st.binary())
def test_any_bytes_are_a_form_or_refused(body):
    """Any bytes are decoded or rejected, and a decoded form can be stored."""
    try:
        fields = parse_form(body)
    except InputError:
        return
    for text in (*fields, *fields.values()):
        assert '\0' not in text.encode().decode()


@pytest.mark.parametrize(
    ('body', 'value'),
    [
        (b'a=1+2', '1 2'),
        (b'a=1%2B2', '1+2'),
        (b'a=x=y', 'x=y'),
        (b'a=%3D0A', '=0A'),
        (b'a=100%', '100%'),
        (b'a=%zz%4', '%zz%4'),
        (b'a=%\n', '%\n'),
        (b'a=\r\n \t\n', '\r\n \t\n'),
        (b'a=%E4%BD%A0', '你'),
        ('a=你'.encode(), '你'),
        (b'a=%FF%fe', '\\xff\\xfe'),
        (b'a=%ED%A0%80', '\\xed\\xa0\\x80'),
        (b'a=x%00y', 'x\\x00y'),
        (b'a', ''),
        (b'a=', ''),
        (b'&&a=1&', '1'),
    ],
)
def test_odd_values_are_escaped(body, value):
    """Nothing is dropped: bytes that are not UTF-8 are escaped."""
    assert {'a': value} == parse_form(body)


@pytest.mark.parametrize('repeated', [b'%', b'%a', b'%41', b'%4', b'%%41', b'a%C3%A4'])
def test_slices_do_not_cut_escapes(repeated):
    """Escapes are decoded wherever the borders of the slices are."""
    for shift in range(7):
        body = b'x' * shift + repeated * 50_000
        expected = unquote_to_bytes(body).decode()
        assert {'a': expected} == parse_form(b'a=' + body)


def test_a_field_given_twice_is_refused():
    """A repeated field is an error, because one of its values would be lost."""
    with pytest.raises(InputError, match="'a'"):
        parse_form(b'a=1&b=2&a=3')


def test_number_of_fields_is_limited():
    """The limit bounds memory: a field needs far more of it than its three bytes in the body."""
    with pytest.raises(LimitError):
        parse_form(b'a=&' * MAX_FIELDS)
