"""``copy`` copies saved searches between the metastores of both storages."""

import pytest

from chronologer.cli import main
from chronologer.copy import open_target
from chronologer.metastore import open_metastore
from chronologer.metastore.saved import save, searches
from chronologer.metastore.secret import session_secret
from test.engine.copy.conftest import numbers
from test.engine.copy.records import make
from test.servers.chronologer import AUTHORIZATION, Server

JSON = {'Content-Type': 'application/json', **AUTHORIZATION}


def saved_in(*dsns):
    """Return the saved searches of a metastore."""
    with open_metastore(*dsns) as metastore:
        return metastore.read(searches)


@pytest.fixture
def source_dsn(new_dsn):
    """The DSN of a storage with a record, and with two saved searches in its metastore."""
    dsn = new_dsn()
    with open_target(dsn) as storage, open_metastore('', dsn) as metastore:
        storage.migrate()
        storage.insert([make(1)])
        metastore.migrate()
        metastore.write(lambda db: save(db, 'errors', 'q=level>=40'))
        metastore.write(lambda db: save(db, 'a/b ü', 'q=1'))
    return dsn


@pytest.fixture(params=['sqlite', 'mysql', 'chdb'])
def target_dsn(request, new_dsn):
    """The DSN of a storage that does not exist."""
    if request.param == 'chdb':
        return f'chdb://{request.getfixturevalue("chdb_directory")}?database=copy_{next(numbers)}'
    return new_dsn() if request.param == 'sqlite' else request.getfixturevalue('mysql').empty_dsn()


def test_saved_searches_are_copied_and_replaced(source_dsn, target_dsn, capsys):
    """Other searches of the target are kept, and so is its session secret."""
    assert 0 == main(['copy', source_dsn, target_dsn])
    with open_metastore('', target_dsn) as metastore:
        secret = session_secret(metastore)
        metastore.write(lambda db: save(db, 'errors', 'old'))
        metastore.write(lambda db: save(db, 'mine', 'x'))
        assert 0 == main(['copy', source_dsn, target_dsn])
        assert secret == session_secret(metastore)
    expected = {'errors': 'q=level>=40', 'a/b ü': 'q=1', 'mine': 'x'}
    assert expected == saved_in('', target_dsn)
    assert 'copied 0 records and 2 saved searches' in capsys.readouterr().out


def test_a_clickhouse_server_needs_the_option(source_dsn, new_dsn, clickhouse, capsys):
    """A ClickHouse server needs the option on either side; nothing is copied without it."""
    server, metastore = clickhouse.empty_dsn(), new_dsn()
    assert 2 == main(['copy', source_dsn, server])
    assert 'stores only records' in capsys.readouterr().err
    assert 0 == main(['copy', source_dsn, server, '--to-metastore', metastore])
    assert {'errors', 'a/b ü'} == set(saved_in(metastore))
    last = new_dsn()
    assert 2 == main(['copy', server, last])
    assert 0 == main(['copy', server, last, '--from-metastore', metastore])
    assert {'errors', 'a/b ü'} == set(saved_in('', last))


def test_saved_searches_of_a_running_server_are_copied(tmp_path, source_dsn, new_dsn):
    """They are read over the API, with names of any characters."""
    target = new_dsn()
    with Server(tmp_path, dsn=source_dsn) as server:
        assert 0 == main(['copy', f'http://logger:@{server.host}/', target])
    assert {'errors': 'q=level>=40', 'a/b ü': 'q=1'} == saved_in('', target)


def test_a_source_without_a_metastore_is_refused(new_dsn, capsys):
    """The error comes before anything is copied, because saved searches would be missing."""
    source, target = new_dsn(), new_dsn()
    with open_target(source) as storage:
        storage.migrate()
    assert 2 == main(['copy', source, target])
    assert 'the source: the metastore, SQLite file' in capsys.readouterr().err
