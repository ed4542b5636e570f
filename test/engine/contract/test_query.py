"""A query has the same result on every engine: that of `test.engine.query_oracle`."""

import contextlib
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.errors import InputError, QueryTimeoutError
from chronologer.model import EPOCH, Filter, Record
from chronologer.query.parser import parse_field, parse_query
from chronologer.storage import create_storage
from test.engine.contract.conftest import EVERY_DRIVER, ONCE
from test.engine.query_oracle import matches

LOGRECS = [
    {},
    {'data': {'foo': 387}, 'meta': {'lineno': 20, 'threadName': 'MainThread', 'funcName': 'main'}},
    {'data': {'foo': '387'}, 'meta': {'lineno': 7, 'threadName': 'Thread-1'}},
    {'data': {'foo': 387.0, 'flag': True}, 'error': {'exc_text': 'Traceback\nTimeoutError: 5%'}},
    {'data': {'foo': 387.5, 'flag': False, 'n': 3}},
    {'data': {'foo': None, 'flag': 'true', 'n': 0}},
    {'data': {'foo': True, 'flag': 1, 'n': '3'}},
    {'data': {'foo': [387, {'a': 'x'}], 'flag': None, 'n': -2.5}},
    {'data': {'foo': {'bar': 387, '0': 'zero'}, 'user': 'bob'}},
    {'data': {'user': 'Bob', 'foo': 2**62 + 1, 'n': 1e300}},
    {'data': {'user': 'bob ', 'foo': 2**62 + 2, 'n': 0.1}},
    {'data': {'user': '', 'a.b': 1, 'a b': 2, 'a"b': 3, "a'b": 4, 'a\\b': 5, 'ключ': 6, 'a-b': 7}},
    {'data': {'a"b.c': {'d"e': [1, {'f"': 'deep'}]}, 'x[0]': 8, '$': 9, '': 10, 'a\nb': 11}},
    {'data': {'user': 'a%b_c', 'select': 1, '0': 'key', 'é': 'É'}},
    {'data': {'user': 'a*b?c[d]|e\\', 'foo': '[387]', 'flag': 'false'}},
    {'data': {'user': '\U0001f600 ы', 'foo': -387, 'n': 9007199254740991}},
    {'meta': {'args': [20, 'x', {'a b': 1.5}], 'lineno': '20', 'msecs': 387.0, 'msg': None}},
    {'meta': {'args': {'a': [True]}, 'lineno': 20.0, 'stack_info': False, 'own': {'lineno': 20}}},
    {'meta': {'others': 'x', 'lineno': [20]}, 'text': {'a': 1}, 'message': 'x', 'id': 7},
    {'meta': {}},
    {'meta': [20], 'a) b': 'x'},
    {'error': {'exc_info': {'type': 'E', 'module': 'package'}, 'exc_text': 'Traceback: E'}},
    {'error': {'exc_info': "ValueError('package')"}, 'other': {'texts': ['a package']}},
    {
        'data': {
            '-': 1,
            '-x': {'--y': [2, {'-': 'z'}], 'text': '"-x":'},
            'quoted': '"-x": \\"-x\\":',
        }
    },
    {'data': {'nested': {'a': {'b': {'c': [[1, 2], [3]]}}}, 'foo': '', 'user': 'BOB'}},
]
RECORDS = [
    Record(
        datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=index),
        ['app', 'app.db', 'App', 'a%b'][index % 4],
        [10, 20, 40, -5][index % 4],
        ['hello', 'Größe 100%', "it's", 'a_b', ''][index % 5],
        logrec,
        index + 1,
    )
    for index, logrec in enumerate(LOGRECS)
]

EXPRESSIONS = [
    *(Path(__file__).parent / 'expressions.txt').read_text().splitlines(),
    'data."a\nb" = 11',
]


@pytest.fixture
def filled(storage):
    """A storage with the records above."""
    storage.insert([RECORDS])
    return storage


@pytest.fixture
def records(filled):
    """The stored records, with their ids."""
    ids = [record.id for record in filled.since(0, Filter(), 99)]
    return [record._replace(id=id) for id, record in zip(ids, RECORDS, strict=True)]


def with_ids(text, records):
    """Return an expression with the id of the third record in place of #3."""
    return re.sub(r'#(\d+)', lambda number: str(records[int(number[1]) - 1].id), text)


@EVERY_DRIVER
def test_documented_expressions(filled, records):
    """Count, listing, timeline and following find the documented records for each expression."""
    for text in EXPRESSIONS:
        query = parse_query(with_ids(text, records))
        expected = [record.id for record in records if matches(query, record)]
        filter = Filter(query=query)
        assert expected == [r.id for r in filled.since(0, filter, 99)], text
        assert expected[::-1] == [r.id for r in filled.range(filter, 0, 99)], text
        assert len(expected) == filled.count(filter), text
        days = filled.timeline(filter, timedelta(days=1))
        assert len(expected) == sum(n for *_, n in days), text


def test_most_expressions_select_some_records():
    """Otherwise the test above would prove little."""
    queries = [parse_query(with_ids(text, RECORDS)) for text in EXPRESSIONS]
    counts = [sum(matches(query, record) for record in RECORDS) for query in queries]
    assert sum(0 < count < len(RECORDS) for count in counts) > len(EXPRESSIONS) * 0.75


KEYS = st.sampled_from(
    ['a', 'b', 'a b', 'a.b', 'a"b', "a'b", 'a\\b', 'é', '0', '', 'A', '$', '[0]']
)
TEXTS = st.sampled_from(
    ['', 'a', 'A', 'ab', 'a ', '%', '_', '\\', "'", '"', '1', 'é', '\U0001f600']
)
INTEGERS = st.integers(-5, 5) | st.sampled_from([2**53 - 1, -(2**53) + 1])
FLOATS = st.floats(-10, 10, allow_subnormal=False) | st.sampled_from([0.1, 1.5, 1e15, 1e-5])
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
STEPS = st.lists(KEYS | st.integers(0, 2), max_size=2)


@st.composite
def paths(draw):
    steps = [draw(KEYS), *draw(STEPS)]
    parts = [
        f'[{step}]' if isinstance(step, int) else '."{}"'.format(step.replace('"', '""'))
        for step in steps
    ]
    return 'data' + ''.join(parts)


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


LITERALS = (
    st.booleans().map(str)
    | INTEGERS.map(str)
    | FLOATS.map(repr)
    | TEXTS.map(quote)
    | st.sampled_from(["'387'", '387'])
)
PATTERNS = st.lists(st.sampled_from(['%', '_', 'a', 'b', 'A', '*', '?', '[', '|', '\\', 'é']))
OPERATORS = st.sampled_from(['=', '!=', '<', '<=', '>', '>='])


def ordered(path: str, operator: str, literal: str) -> str:
    """Return an ordering comparison; booleans have no order."""
    return f'{path} {"=" if literal in ("True", "False") else operator} {literal}'


PREDICATES = (
    st.builds(ordered, paths(), OPERATORS, LITERALS)
    | st.builds('{} {} {}'.format, paths(), OPERATORS, paths())
    | st.builds('{} IS NULL'.format, paths())
    | st.builds('{} LIKE {}'.format, paths(), PATTERNS.map(''.join).map(quote))
    | st.builds('{} IN ({}, {})'.format, paths(), LITERALS, LITERALS)
    | st.builds('{} {} {}'.format, st.just('level'), OPERATORS, INTEGERS | paths())
    | st.builds('{} {} {}'.format, st.sampled_from(['name', 'message']), OPERATORS, paths())
    | st.builds('{} {} {}'.format, st.just('message'), OPERATORS, TEXTS.map(quote))
    | st.builds('length({}) = {}'.format, paths(), st.integers(0, 3))
    | st.builds('{} + 1 > {}'.format, paths(), st.integers(-5, 5))
)
QUERIES = st.recursive(
    PREDICATES,
    lambda inner: (
        st.builds('NOT ({})'.format, inner)
        | st.builds('({}) AND ({})'.format, inner, inner)
        | st.builds('({}) OR ({})'.format, inner, inner)
    ),
    max_leaves=5,
)
DATA = st.dictionaries(KEYS, VALUES, max_size=4)


@ONCE
@settings(max_examples=75, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(DATA, TEXTS), min_size=1, max_size=6), st.lists(QUERIES, max_size=8))
def test_generated_expressions(shared_storage, contents, queries):
    """Generated expressions find the same records as plain Python."""
    storage = shared_storage()
    records = [
        Record(EPOCH, 'a', index, message, {'data': data})
        for index, (data, message) in enumerate(contents)
    ]
    (ids,) = storage.insert([records])
    for text in queries:
        query = parse_query(text)
        expected = [id for id, record in zip(ids, records, strict=True) if matches(query, record)]
        assert expected == [r.id for r in storage.since(0, Filter(query=query), 99)], text


def test_a_query_with_other_filters(filled, records):
    """Time, level and name narrow a query; a purge deletes only matching records."""
    query = parse_query('data.foo IS NOT NULL')
    filter = Filter(after=RECORDS[3].ts, level=20, names=('app.', 'A'), query=query)
    expected = [
        record.id
        for record in records[3:]
        if matches(query, record) and record.level >= 20
        and record.name.startswith(('app.', 'A'))
    ]  # fmt: skip
    assert expected
    assert expected == [record.id for record in filled.since(0, filter, 99)]
    assert len(expected) == filled.purge(datetime(2030, 1, 1, tzinfo=timezone.utc), filter)
    assert len(RECORDS) - len(expected) == filled.count(Filter())


@pytest.mark.parametrize(
    'text',
    [
        'NOT ' * 20 + 'level = 1',
        '(' * 20 + 'level = 1' + ')' * 20,
        '(level = 2 OR (level = 3 AND ' * 10 + 'level = 1' + '))' * 10,
        '1' + ' + 1' * 14 + ' + level = 1',
        'data.a' + ' * data.a' * 15 + ' > 1',
        'length(' + 'substr(' * 19 + 'data.a' + ', 1, 9)' * 19 + ') = 1',
        'level IN (' + ', '.join(map(str, range(190))) + ')',
        ' OR '.join(f'data.a = data.x{n}' for n in range(99)),
        'data' + '."a""b"' * 6 + ' = 1',
        "data.a LIKE '" + '%ab' * 20 + "'",
    ],
    ids=range(10),
)
def test_the_largest_expressions_are_answered(filled, text):
    """Every engine answers queries of the documented maximum size."""
    query = parse_query(text)
    assert sum(matches(query, record) for record in RECORDS) == filled.count(Filter(query=query))


@EVERY_DRIVER
@pytest.mark.parametrize(
    'text',
    [
        'data' + '."a""b"' * 60 + ' = 1',
        'level * 1e308 > 1',
        'data.n / 1e-300 > 1',
        'level + (' * 19 + '1' + ')' * 19 + ' = 1',
    ],
    ids=range(4),
)
def test_an_engine_never_fails_at_an_expression(filled, text):
    """Overflows, and limits of an engine's own parser, are InputErrors."""
    with contextlib.suppress(InputError):
        assert filled.count(Filter(query=parse_query(text))) >= 0
    assert len(RECORDS) == filled.count(Filter())


@EVERY_DRIVER
def test_a_slow_query_times_out(empty_dsn):
    """A slow query is a QueryTimeoutError, and the storage answers the next one."""
    slow = ' OR '.join(f"message LIKE '%h{n}x%'" for n in range(100))
    dsn = empty_dsn()
    with create_storage(dsn) as storage, create_storage(dsn, query_timeout=0.005) as hasty:
        storage.migrate()
        record = Record(EPOCH, 'a', 20, 'abcdefgh' * 2000, {})
        storage.insert([[record] * 2000])
        with pytest.raises(QueryTimeoutError):
            hasty.count(Filter(query=parse_query(slow)))
        assert 2000 == storage.count(Filter())


def test_facets_of_fields(filled):
    """Facets have typed values of the newest matching records."""

    def facet(text, sample=100, **filter):
        counts = filled.facet(Filter(**filter), parse_field(text), sample)
        return sorted(((type(value).__name__, value, n) for value, n in counts), key=repr)

    users = [('str', user, 1) for user in ('', 'BOB', 'Bob', 'a%b_c', 'a*b?c[d]|e\\', 'bob ')]
    users += [('str', 'bob', 1), ('str', '\U0001f600 ы', 1)]
    assert sorted(users, key=repr) == facet('data.user')
    assert [('str', 'BOB', 1)] == facet('data.user', sample=1)
    assert [('int', 387, 1)] == facet('data.foo[0]')
    assert [('int', 20, 1)] == facet('meta.lineno', query=parse_query('data.foo = 387'))
    flags = [('bool', False), ('bool', True), ('int', 1), ('str', 'false'), ('str', 'true')]
    assert [(*flag, 1) for flag in flags] == facet('data.flag')
    assert [] == facet('data.missing')
