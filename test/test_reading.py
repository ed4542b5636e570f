"""Whether an input is a query or a text to search for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.model import Filter
from chronologer.reading import Mistake, Nothing, Query, Text, read


@pytest.mark.parametrize('text', ['', ' ', '\t\n', '\u3000'])
def test_nothing(text):
    """Blanks of any kind."""
    assert Nothing() == read(text)


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('level=40', 'compares level'),
        ('LEVEL >= 40 and name = \'a\' or LEVEL = 10', 'compares level and name'),
        ("data.user = 'bob'", 'compares data.user'),
        ('data."a-b" is null', 'compares data."a-b"'),
        ("logrec->'$.data.foo' = 387", 'compares data.foo'),
        ('length(message) > 10', 'compares message'),
        ("data.a=1 and data.b=2 and data.c=3", 'compares data.a, data.b and data.c'),
        ("data.a=1 and data.b=2 and data.c=3 and data.d=4",
         'compares data.a, data.b and 2 others'),
        ('  level in (10, 20)  ', 'compares level'),
    ],
)  # fmt: skip
def test_queries(text, why):
    """Whatever parses as one."""
    assert Query(why) == read(text)


@pytest.mark.parametrize(
    ('text', 'terms', 'without'),
    [
        ('timeout', ['timeout'], []),
        ('Connection "Reset by" -health -"GET /"', ['Connection', 'Reset by'], ['health', 'GET /']),
        ('"say \\"hi\\""', ['say "hi"'], []),
        ('Foo foo FOO', ['Foo'], []),
        ('user=bob', ['user=bob'], []),
        ('https://x/?a=b', ['https://x/?a=b'], []),
        ('http://host/path?name=foo&level=3', ['http://host/path?name=foo&level=3'], []),
        ('in <module>', ['in', '<module>'], []),
        ('<level>40</level> x', ['<level>40</level>', 'x'], []),
        ('3 <name> 4', ['3', '<name>', '4'], []),
        ('f(name=None)', ['f(name=None)'], []),
        ('a == b', ['a', '==', 'b'], []),
        ('ts=2024 level=info user=bob', ['ts=2024', 'level=info', 'user=bob'], []),
        ('data.user', ['data.user'], []),
        ('level', ['level'], []),
        ('"data.user = bob"', ['data.user = bob'], []),
        ("'level >' x", ["'level", ">'", 'x'], []),
        ('looks like rain', ['looks', 'like', 'rain'], []),
        ('level up in the air', ['level', 'up', 'in', 'the', 'air'], []),
        ("KeyError: 'level'", ['KeyError:', "'level'"], []),
        ('x => level', ['x', '=>', 'level'], []),
    ],
)
def test_texts(text, terms, without):
    """Terms as they were typed, for showing where they are."""
    reading = read(text)
    assert isinstance(reading, Text), reading
    assert (terms, without) == (reading.terms, reading.without)


@pytest.mark.parametrize(
    ('text', 'column'),
    [
        ('data.user = bob', 13),
        ('data.user=bob', 11),
        ('level >', 8),
        ('level=', 7),
        ('level=info', 7),
        ('level = 40 and user = bob', 16),
        ('user = 1 AND level = 40', 1),
        ('name = "bob"', 8),
        ('name like foo%', 11),
        ('name NOT LIKE foo%', 15),
        ('level in (1, x)', 14),
        ('level between 1', 16),
        ('data.x is not null and', 23),
        ('40 < level x', 12),
        ('length(message) > x', 19),
        ('data."a b"[0].c = x', 19),
        ("logrec->'$.a' = x", 17),
        ('(level = 3', 11),
        ('not(level = x)', 13),
        ("level = 'ERROR'", 7),
    ],
)
def test_mistakes(text, column):
    """What compares a column or a field; the message says how to search for it all the same."""
    reading = read(text)
    assert isinstance(reading, Mistake), reading
    assert column == reading.column
    assert reading.message.startswith('query: at ')
    assert reading.message.endswith('in quotation marks it is a text to search for')


@pytest.mark.parametrize(
    ('text', 'column'),
    [('"a', 1), ('a -"b', 4), ('a ""', 3), (' '.join(map(str, range(100, 130))), 81),
     ('x' * 1001, 1001)],
)  # fmt: skip
def test_searches_that_cannot_be_read(text, column):
    """With the place."""
    reading = read(text)
    assert isinstance(reading, Mistake), reading
    assert column == reading.column
    assert reading.message.startswith('search: ')


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('user=bob', 'user is no column; a field of a record is data.user'),
        ('https://x/?a=b', 'compares no column or field'),
        ('timeout', 'compares no column or field'),
        (
            'level=info user=bob',
            'pairs of names and values, of which not all are columns or fields',
        ),
    ],
)
def test_why_it_is_a_text(text, why):
    """Tells who meant a query what was missing."""
    assert why == read(text).why


def test_long_inputs_take_no_time():
    """Nothing is looked through again for each word."""
    for text in (
        'x) like ' * 8000,
        'a=' * 30_000,
        '(' * 60_000,
        'level = ' * 8000,
        '5<a.a.' * 9000,
    ):
        assert isinstance(read(text), Mistake)


PIECES = st.sampled_from(
    ['level', 'name', 'data.user', 'error.', 'logrec', '->', "'$.a'", 'user', '=', '<', '>', '<>',
     '>=', 'like', 'LIKE', 'in', '(', ')', 'is', 'not', 'null', 'between', 'and', 'or', '1', "'a'",
     '"', "'", '"a b"', '-', ' ', ' ', '\n', ',', '.', '?', '[', ']', 'length', 'é', '%', '/']
)  # fmt: skip


@settings(max_examples=2000)
@given(st.lists(PIECES, max_size=12).map(''.join) | st.text(max_size=40))
def test_whatever_is_read_can_be_asked(text):
    """One of four, and parsers take what is said to be a query or a text."""
    reading = read(text)
    if isinstance(reading, Query):
        assert Filter.take({'query': text}).query is not None
    elif isinstance(reading, Text):
        search = Filter.take({'search': text}).search
        assert len(search.wanted) == len(reading.terms)
        assert len(search.unwanted) == len(reading.without)
    elif isinstance(reading, Mistake):
        assert reading.column is None or 1 <= reading.column <= len(text) + 1
    else:
        assert isinstance(reading, Nothing)
