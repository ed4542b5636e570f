"""Raw records, whose fields are anywhere in ``logrec``, are found on each engine."""

from datetime import datetime, timezone

import pytest

from chronologer.model import Filter, Record
from chronologer.query.parser import parse_query
from chronologer.query.tree import in_logrec
from chronologer.search import parse_search

NOW = datetime(2024, 6, 1, tzinfo=timezone.utc)
DATA = [5, 'payload', True, [7, 'x'], {'x': 5}]


@pytest.fixture
def filled(storage):
    """A storage with a raw record for each value of `DATA`, in blocks and beside them."""
    for number in range(3):
        records = [Record(NOW, 'raw', 20, f'm{n}', {'data': d, 'n': n}) for n, d in enumerate(DATA)]
        storage.insert([records[:number], records[number:]])
    return storage


def counted(storage, query):
    return storage.count(Filter(query=parse_query(query)))


@pytest.mark.parametrize(
    ('query', 'count'),
    [
        ("logrec->'$.data' = 'payload'", 3), ('logrec.data = 5', 3), ('logrec.data = TRUE', 3),
        ('data[0] = 7', 3), ("data[1] = 'x'", 3), ('data.x = 5', 3), ('logrec.n >= 3', 6),
        ("logrec.data = 'payload' AND logrec.n = 1", 3), ("logrec.data = 'x'", 0),
    ],
)  # fmt: skip
def test_values_are_found_by_equality(filled, query, count):
    """The search index has fields of ``data`` only if it is an object."""
    assert count == counted(filled, query)


def test_fields_have_names_that_a_query_knows(storage):
    """Those outside of ``data``, ``meta`` and ``error`` begin with ``logrec``."""
    user = {'id': 5, 'first name': 'zoe', 'a.b/c': 'x'}
    logrec = {'user': user, 'app-1': {'x': 1}, 'level': {'x': 1}, 'message': 'm'}
    storage.insert([[Record(NOW, 'raw', 20, 'm', logrec)] * 4])
    names = set(map(in_logrec, storage.fields()))
    assert {'logrec.user.id', 'logrec.user."first name"', 'logrec.level.x'} <= names
    for name in names:
        assert 4 == counted(storage, f'{name} IS NOT NULL'), name


@pytest.mark.parametrize('meta', [{'request': 'needle-4711'}, 'needle-4711', ['needle-4711']])
def test_meta_of_a_raw_record_is_searched(storage, meta):
    """``meta`` is not searched only where it has the attributes of a LogRecord."""
    raw = Record(NOW, 'raw', 20, 'm', {'meta': meta, 'message': 'm'})
    record = Record(NOW, 'app', 20, 'm', {'meta': {'module': 'needle-4711'}, 'data': {}})
    storage.insert([[raw, record] * 4])
    assert 4 == storage.count(Filter(search=parse_search('needle-4711')))
    assert 4 == storage.count(Filter(search=parse_search('-needle-4711')))


@pytest.mark.parametrize('typed', ['istanbul', 'Istanbul', 'İSTANBUL', 'i̇stanbul', 'bağlantı'])
def test_a_dotted_capital_i_is_an_i(storage, typed):
    """Its fold in Unicode has a dot of its own, which nobody types."""
    storage.insert([[Record(NOW, 'app', 20, 'İstanbul bağlantısı koptu', {})] * 4])
    assert 4 == storage.count(Filter(search=parse_search(typed)))
    assert 4 == counted(storage, "message LIKE '%İstanbul%'")


@pytest.mark.parametrize(
    ('query', 'count'),
    [
        ("level = 'ERROR'", 1), ("level >= 'warning'", 2), ('level >= ERROR', 1),
        ("level IN ('info', 'ERROR')", 2), ("level BETWEEN 'INFO' AND 'WARN'", 2),
        ("'WARNING' <= level", 2), ('level != Warning', 2), ('level < critical', 3),
    ],
)  # fmt: skip
def test_levels_have_names(storage, query, count):
    """In quotes or not, in either case."""
    storage.insert([[Record(NOW, 'app', level, 'm', {}) for level in (20, 30, 40)]])
    assert count == counted(storage, query)
