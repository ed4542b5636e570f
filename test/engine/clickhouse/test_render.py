"""Conditions that exclude granules before the records are read."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.model import Filter
from chronologer.query.parser import parse_query
from chronologer.query.tree import And, Comparison, Literal, Path
from chronologer.storage import create_storage
from test.engine.clickhouse.conftest import RECORD, YEAR_2027
from test.engine.query_oracle import matches

VALUES = [
    *(0, -0.0, 0.0, 1, 1.0, -1, 387, 387.0, -387.0, 1e5, 100_000, 10**14, 1e14, 10**15 - 1),
    *(
        float(10**15 - 1),
        10**15,
        1e15,
        1e16,
        10**16,
        2**53,
        2.0**53,
        2**63 - 1,
        -(2**63),
        0.1,
        1e-7,
    ),
    *(True, False, None, '', '387', '387.0', 'true', 'x', 'é', '\U0001f600', "it's", 'a"b', 'a\\b'),
    *(
        'line\nfeed',
        'tab\t',
        '/',
        '\u2028',
        '\x7f',
        '<&>',
        'null',
        '{"a":1}',
        '[1]',
        ' ',
        '0',
        '-0',
    ),
    *([1, 'x'], [387], {'x': 1, '': 2, 'a': 387}, [], {}),
]


KEYS = ['a', 'user', 'a.b', 'a b', '', 'q"x', 'é', 'a\\b', 'a\nb', '$', '0', 'a=']
LOGRECS = [
    *({'data': {key: value}} for key in KEYS[:4] for value in VALUES),
    *({'data': {KEYS[n % 12]: value, KEYS[n % 7]: 'z'}} for n, value in enumerate(VALUES * 3)),
    *({'meta': {'a': value}, 'error': {'a': value}} for value in VALUES),
    *({'data': value} for value in ('387', 387, [387, 'x'], None, True)),
    *({'data': {'rare': 77.0}}, {'data': {'rare': 77}}, {'data': {'rare': '77'}}),
]


ROWS = 30_000  # in four granules of the index, merged into one part


@pytest.fixture(scope='module')
def granules(chdb_directory):
    """A storage, and the number of records of each logrec; the last three have one granule each."""
    common = len(LOGRECS) - 3
    kinds = [number % common for number in range(ROWS)]
    kinds[100], kinds[15_000], kinds[29_000] = range(common, common + 3)
    records = [
        RECORD._replace(ts=YEAR_2027 + timedelta(seconds=number), logrec=LOGRECS[kind])
        for number, kind in enumerate(kinds)
    ]
    with create_storage(f'chdb://{chdb_directory}?database=engine_granules') as storage:
        storage.migrate()
        for start in range(0, ROWS, 10_000):
            storage.insert([records[start : start + 10_000]])
        with storage._write() as db:
            db.command('OPTIMIZE TABLE record FINAL')
        yield storage, Counter(kinds)


literals = st.sampled_from(
    [Literal(value) for value in [*VALUES, 77, 77.0, '77'] if isinstance(value, (int, float, str))]
)


sections = st.sampled_from(['data', 'data', 'meta', 'error'])
steps = st.sampled_from([*KEYS, 'rare', 'x', 0, 1])
equalities = st.builds(
    lambda section, steps, literal: Comparison('=', Path((section, *steps)), literal),
    sections,
    st.lists(steps, min_size=1, max_size=2),
    literals,
)


queries = st.one_of(equalities, st.builds(lambda *parts: And(parts), equalities, equalities))


def check_query(granules, query):
    storage, kinds = granules
    records = [RECORD._replace(logrec=logrec) for logrec in LOGRECS]
    expected = sum(n for kind, n in kinds.items() if matches(query, records[kind]))
    assert expected == storage.count(Filter(query=query))


@given(queries)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hints_exclude_no_match(granules, query):
    """Notations of a number, escapes of a text and forms of ``data`` do not matter."""
    check_query(granules, query)


@pytest.mark.parametrize('value', [77, 77.0, '77', 387, 0, 'é', 'a"b'], ids=repr)
def test_hints_find_records_of_one_granule(granules, value):
    """Records are found by the index of fields and by the text."""
    for key in ('rare', 'a'):
        check_query(granules, Comparison('=', Path(('data', key)), Literal(value)))


def test_an_index_into_data(granules):
    """A query of an index into data has no hint; it once failed with a TypeError."""
    check_query(granules, parse_query('data[0] = 387'))
    check_query(granules, parse_query("data[1] = 'x'"))
