"""The parser rejects malformed or harmful expressions, with the position of the fault."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError
from chronologer.query.parser import parse_query
from chronologer.query.tree import MAX_DEPTH, MAX_NODES
from chronologer.storage.mysql.render import MySQLRenderer

# Each would do harm in an engine, reveal more than a record, or is meaningless.
REFUSED = (Path(__file__).parent / 'refused.txt').read_text().splitlines()
RENDERERS = (MySQLRenderer(),)


@pytest.mark.parametrize('text', REFUSED)
def test_refused(text):
    """The message has the column and the token."""
    with pytest.raises(InputError, match=r'^query: at (column \d+, |the end)'):
        parse_query(text)


def test_they_are_many_and_different():
    """There are at least 200 different expressions."""
    assert len(set(REFUSED)) == len(REFUSED)
    assert len(REFUSED) > 200


@pytest.mark.parametrize(
    'text',
    [
        '(' * 8000,
        '(' * 10_000 + 'id = 1' + ')' * 10_000,
        'NOT ' * 1000 + 'id = 1',
        '(' * (MAX_DEPTH + 1) + 'id = 1' + ')' * (MAX_DEPTH + 1),
        'id = 1 OR ' * 100_000 + 'id = 1',
        'id = ' + '1' * 1_000_000,
        'id = ' + '1' * 5000,
        "name = '" + 'x' * 2**20 + "'",
        ' ' * 1_000_000,
        'id IN (' + ','.join(['1'] * (MAX_NODES + 1)) + ')',
        'id = ' + '1 + ' * MAX_NODES + '1',
        'length(' * 199 + 'name' + ')' * 199 + ' = 1',
        'substr(name,' + '1' * 5000 + ",1) = 'a'",
        "name LIKE '" + 'a' * 201 + "'",
        "name LIKE '" + '%a' * 21 + "'",
        'id = 1e999',
        'id = -1e999',
        "name = 'a\0b'",
        'data."\0" = 1',
        'logrec->\'$.data."\\ud800"\' = 1',
        'logrec->\'$.data."\\u0000"\' = 1',
    ],
    ids=range(21),
)
def test_limits(text):
    """Expressions that are too deep, long, many or large are rejected before an engine is used."""
    with pytest.raises(InputError, match=r'^query: '):
        parse_query(text)


@pytest.mark.parametrize(
    ('text', 'place'),
    [
        ('level >= 40 AN name = 1', "column 13, 'AN'"),
        ('level >= ', 'the end'),
        ('data.a-b = 1', "column 8, 'b'"),
        ("name = 'x' AND colour = 1", "column 16, 'colour'"),
        ("  level = 'x'", "column 9, '='"),
        ('name = é', "column 8, 'é'"),
        ('level = 1 ; x', "column 11, ';'"),
    ],
)
def test_the_position_is_reported(text, place):
    """The column is counted from 1."""
    with pytest.raises(InputError) as error:
        parse_query(text)
    assert f'at {place}' in error.value.message


def test_a_dash_in_a_key_is_explained():
    """A dash in a key is a common mistake, so the message has the correct spelling."""
    with pytest.raises(InputError, match=r'data\."a-b"'):
        parse_query('data.user-agent = 1')


WORDS = st.sampled_from(
    [
        '(',
        ')',
        '[',
        ']',
        '.',
        ',',
        "'",
        '"',
        "''",
        '->',
        '->>',
        '=',
        '!=',
        '<',
        '>=',
        '+',
        '-',
        '*',
        '/',
        '%',
        '--',
        '/*',
        ';',
        '?',
        ':',
        '$',
        '@',
        '\\',
        'id',
        'ts',
        'name',
        'level',
        'message',
        'data',
        'logrec',
        'data.a',
        "'$.data.a'",
        "'x'",
        '1',
        '1.5',
        'AND',
        'OR',
        'NOT',
        'IN',
        'LIKE',
        'ESCAPE',
        'BETWEEN',
        'IS',
        'NULL',
        'TRUE',
        'length(',
        'substr(',
        'json_extract(',
        'SELECT',
        'FROM',
        'UNION',
    ]
)


@given(st.lists(WORDS | st.text(max_size=2), max_size=30).map(' '.join) | st.text())
def test_anything_is_parsed_or_refused(text):
    """Any text is parsed or rejected with an InputError; every engine can render what is parsed."""
    try:
        condition = parse_query(text)
    except InputError:
        return
    for renderer in RENDERERS:
        sql = renderer.render(condition)
        assert sql.text.count('?') == len(sql.parameters)


TEXT = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=50)


@pytest.mark.parametrize('renderer', RENDERERS)
@given(TEXT, TEXT.filter(lambda key: '"' not in key))
def test_no_text_or_key_reaches_the_statement(renderer, text, key):
    """Texts and keys are parameters of the statement; a key that begins with a dash has more."""

    def statement(text: str, key: str) -> str:
        text = text.replace("'", "''")
        query = parse_query(f"data.\"{key}\" = '{text}' OR name LIKE '{text}'")
        return renderer.render(query).text

    assert statement('x', '-y' if key.startswith('-') else 'y') == statement(text, key)
