"""The search expression, and the searched parts of a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError
from chronologer.search import Search, fold, parse_search, searchable


@pytest.mark.parametrize(
    ('text', 'wanted', 'unwanted'),
    [
        ('timeout', ['timeout'], []),
        ('  Connection   RESET ', ['connection', 'reset'], []),
        ('"connection reset" by peer', ['connection reset', 'by', 'peer'], []),
        ('timeout -health -"GET /ping"', ['timeout'], ['health', 'get /ping']),
        ('-only', [], ['only']),
        ('--flag', [], ['-flag']),
        ('- a-b', ['-', 'a-b'], []),
        ('a"b"', ['a"b"'], []),
        ('"a""b"c', ['a', 'b', 'c'], []),
        (r'"say \"hi\""', ['say "hi"'], []),
        (r'"C:\temp" \n', [r'c:\temp', r'\n'], []),
        ('" "', [' '], []),
        ('Straße ÉTÉ', ['strasse', 'été'], []),
        ('twice twice', ['twice'], []),
        ("o'neil 100% [x] (y|z) *", ["o'neil", '100%', '[x]', '(y|z)', '*'], []),
    ],
)
def test_terms(text, wanted, unwanted):
    """A search has words, phrases and exclusions."""
    assert Search(tuple(wanted), tuple(unwanted)) == parse_search(text)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'search: expected 1 to 20 words or phrases, got'),
        (' \t', 'search: expected 1 to 20 words or phrases, got'),
        ('a "b c', 'search: the quotation mark at column 3 is not closed'),
        ('a -"b c', 'search: the quotation mark at column 4 is not closed'),
        (r'"C:\"', 'search: the quotation mark at column 1 is not closed'),
        ('a ""', 'search: an empty phrase at column 3'),
        ('-""', 'search: an empty phrase at column 1'),
        (' '.join(map(str, range(21))), 'search: expected 1 to 20 words or phrases'),
        ('x' * 1001, 'search: at most 1,000 characters, got 1,001'),
    ],
)
def test_invalid_searches_are_refused(text, message):
    """The message has the position."""
    with pytest.raises(InputError) as info:
        parse_search(text)
    assert str(info.value).startswith(message)


@given(st.text(max_size=50))
def test_any_text_is_a_search_or_refused(text):
    """Any text is a search without empty terms, or an InputError."""
    try:
        search = parse_search(text)
    except InputError:
        return
    assert all((*search.wanted, *search.unwanted))


@given(st.text(), st.text())
def test_folding_is_of_each_character_by_itself(one, other):
    """Folding keeps containment: a text contains a term also after both are folded."""
    assert fold(one + other) == fold(one) + fold(other)


def test_searched_parts():
    """Message and texts of error and data are searched at any depth; other parts are not."""
    logrec = {
        'data': {'user': 'Bob', 'tags': ['x', {'deep': 'Y'}], 'n': 387, 'none': None, 'no': True},
        'meta': {'funcName': 'main'},
        'error': {'exc_text': 'Traceback', 'exc_info': "(<class 'KeyError'>)"},
    }
    text = "hello\0bob\0x\0y\0traceback\0(<class 'keyerror'>)"
    assert text == searchable('Hello', logrec)
    logrec['error']['exc_info'] = {'type': 'KeyError', 'frames': [{'file': 'a.py'}]}
    assert text.rpartition('\0')[0] == searchable('Hello', logrec)  # the text has the same name
    del logrec['error']['exc_text']
    assert searchable('Hello', logrec).endswith('\0keyerror\0a.py')
    assert '' == searchable('', {})


def test_matching():
    """A record must contain all terms and no excluded one; no term spans two texts."""
    search = parse_search('ode "b c" -zzz')
    assert search.matches('unicode\0a b c')
    assert not search.matches('unicode\0a b c\0zzz')
    assert not search.matches('unicode\0b\0c')
