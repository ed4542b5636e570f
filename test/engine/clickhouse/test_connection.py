"""Statements and answers, over HTTP and in this process."""

from datetime import timedelta

import pytest

from chronologer.errors import StorageBusyError
from chronologer.model import Filter, Record
from chronologer.query.parser import parse_query
from chronologer.query.tree import Comparison, Literal, Path
from chronologer.search import parse_search
from chronologer.storage.clickhouse.connection import CACHES, bind, translated
from test.engine.clickhouse.conftest import RECORD, YEAR_2027, spread


@pytest.mark.parametrize(
    'access',
    [
        lambda storage: storage.count(Filter()),
        lambda storage: list(storage.range(Filter(), 0, 99)),
        lambda storage: list(storage.page(Filter(), None, 99, whole=True)),
        lambda storage: storage.timeline(Filter(), timedelta(days=1)),
        lambda storage: storage.fields(),
    ],
)
def test_a_truncated_answer_is_an_error(clickhouse, remote, access):
    """The server fails after it has sent status 200 and some rows."""
    remote.insert([spread(50)])
    clickhouse.fault('late', 'SELECT', code=241)
    with pytest.raises(StorageBusyError):
        access(remote)
    assert 0 == clickhouse.faults_left()
    access(remote)


def test_literal_question_marks_are_refused():
    """Each question mark is a parameter; a literal one within a statement is an error."""
    assert ('a = {p0:Int64}', {'p0': 1}) == bind('a = ?', [1])
    with pytest.raises(ValueError, match='1 parameters'):
        bind("a = ? AND b = '?'", [1])


@pytest.mark.parametrize('text', ['?', "'", '\\', '%', '_', '{p0:String}', 'a"', '\U0001f600', '`'])
def test_texts_are_unchanged(embedded, remote, text):
    """Names, messages, keys, terms and literals are unchanged, in the process and over HTTP."""
    for storage in (embedded, remote):
        value = text * 3
        record = Record(YEAR_2027, value, 20, value, {'data': {value: value}})
        storage.insert([[record, RECORD]])
        key = Path(('data', value))
        for filter in (
            Filter(names=(text,)),
            Filter(search=parse_search(text)),
            Filter(query=Comparison('=', key, Literal(value))),
            Filter(query=parse_query(f"message LIKE '%{text.replace(chr(39), chr(39) * 2)}%'"))
            if text not in '%_\\'
            else Filter(names=(value,)),
        ):
            assert [value] == [found.message for found in storage.range(filter, 0, 9)]


def test_memory_bounds_the_engine(embedded):
    """The limit is for the engine as a whole with its caches, and for each query."""
    names = ['max_server_memory_usage', *(f'{cache}_size' for cache in CACHES)]
    with embedded._database.read() as db:
        settings = 'SELECT toUInt64(value) FROM system.server_settings WHERE name IN ?'
        limit, *caches = sorted([n for (n,) in db.execute(settings, (names,))], reverse=True)
        assert limit == 2**30
        assert len(CACHES) == len(caches)
        assert sum(caches) < limit / 2
        with pytest.raises(StorageBusyError, match='memory'), translated(embedded._target, 10):
            db.execute('SELECT length(groupArray(number)) FROM numbers(70000000)')
