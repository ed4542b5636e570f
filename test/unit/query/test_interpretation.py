"""Interpretation of an input as a query or as a text to search for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronologer.query.interpretation import Mistake, Nothing, Query, Text, interpret
from chronologer.query.parser import parse_query
from chronologer.search import parse_search


@pytest.mark.parametrize('text', ['', ' ', '\t\n', '\u3000'])
def test_nothing(text):
    """An input of blanks is nothing."""
    assert Nothing() == interpret(text)


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
    """An input that parses as a query is a query."""
    assert Query(why) == interpret(text)


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
    """A text has the terms as they were typed, so that the page can highlight them."""
    reading = interpret(text)
    assert isinstance(reading, Text), reading
    assert (terms, without) == (reading.terms, reading.without)


@pytest.mark.parametrize(
    ('text', 'column'),
    [
        ('data.user = bob', 13),
        ('data.user=bob', 11),
        ('level >', 8),
        ('level=', 7),
        ('level=loud', 7),
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
        ("level = 'LOUD'", 7),
    ],
)
def test_mistakes(text, column):
    """A malformed comparison of a column or field is a mistake; the message suggests quoting."""
    reading = interpret(text)
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
    """The message has the position."""
    reading = interpret(text)
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
def test_reason_for_a_text(text, why):
    """The reason names what a query would have needed."""
    assert why == interpret(text).why


def test_long_inputs_are_fast():
    """The cost is linear in the length of the input."""
    for text in (
        'x) like ' * 8000,
        'a=' * 30_000,
        '(' * 60_000,
        'level = ' * 8000,
        '5<a.a.' * 9000,
    ):
        assert isinstance(interpret(text), Mistake)


PIECES = st.sampled_from(
    ['level', 'name', 'data.user', 'error.', 'logrec', '->', "'$.a'", 'user', '=', '<', '>', '<>',
     '>=', 'like', 'LIKE', 'in', '(', ')', 'is', 'not', 'null', 'between', 'and', 'or', '1', "'a'",
     '"', "'", '"a b"', '-', ' ', ' ', '\n', ',', '.', '?', '[', ']', 'length', 'é', '%', '/']
)  # fmt: skip


@settings(max_examples=2000)
@given(st.lists(PIECES, max_size=12).map(''.join) | st.text(max_size=40))
def test_any_interpretation_can_be_parsed(text):
    """Any input is nothing, query, text or mistake, and its parser accepts a query or a text."""
    reading = interpret(text)
    if isinstance(reading, Query):
        assert parse_query(text) is not None
    elif isinstance(reading, Text):
        search = parse_search(text)
        assert len(search.wanted) == len(reading.terms)
        assert len(search.unwanted) == len(reading.without)
    elif isinstance(reading, Mistake):
        assert reading.column is None or 1 <= reading.column <= len(text) + 1
    else:
        assert isinstance(reading, Nothing)
