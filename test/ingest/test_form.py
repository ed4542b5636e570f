"""The bytes of a form, whatever a sender puts into them."""

from urllib.parse import unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError
from chronologer.ingest.form import MAX_FIELDS, parse_form

TEXT = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'))


@given(st.dictionaries(TEXT, TEXT))
def test_form_is_what_urlencode_made_it_from(fields):
    """Whatever the standard library can send comes back as it was."""
    assert fields == parse_form(urlencode(fields).encode())


@given(st.binary())
def test_any_bytes_are_a_form_or_refused(body):
    """There is no third way; and what is taken can be encoded."""
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
def test_odd_values_are_kept_and_shown(body, value):
    """Nothing is dropped: what is no text is shown by its escapes."""
    assert {'a': value} == parse_form(body)


@pytest.mark.parametrize('repeated', [b'%', b'%a', b'%41', b'%4', b'%%41', b'a%C3%A4'])
def test_slices_do_not_cut_escapes(repeated):
    """Wherever the borders of the slices are."""
    for shift in range(7):
        body = b'x' * shift + repeated * 50_000
        expected = unquote_to_bytes(body).decode()
        assert {'a': expected} == parse_form(b'a=' + body)


def test_a_field_given_twice_is_refused():
    """One of them would be lost."""
    with pytest.raises(InputError, match="'a'"):
        parse_form(b'a=1&b=2&a=3')


def test_number_of_fields_is_limited():
    """Each takes memory far beyond the three bytes that it needs on the wire."""
    with pytest.raises(LimitError):
        parse_form(b'a=&' * MAX_FIELDS)
