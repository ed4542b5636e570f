"""An empty, migrated metastore on each dialect with each of its drivers."""

import itertools
import threading

import pytest

from chronologer.metastore import open_metastore

SERVERS = ['mysql', 'mysql+pymysql', 'mariadb', 'mariadb+pymysql']
# For slow tests with several processes: each server once, with any driver.
ONCE = pytest.mark.parametrize('server', ['sqlite', 'mysql', 'mariadb+pymysql'], indirect=True)

numbers = itertools.count()


@pytest.fixture(params=['sqlite', *SERVERS])
def server(request):
    """The server of the database, or None, and the scheme of its DSNs."""
    engine, _, driver = request.param.partition('+')
    if engine == 'sqlite':
        return None, 'sqlite'
    return request.getfixturevalue(engine), '+'.join(filter(None, ('mysql', driver)))


@pytest.fixture
def empty_dsn(server, tmp_path):
    """A function that returns the DSN of a new, empty database."""
    database, scheme = server
    if database is None:
        return lambda: f'sqlite:///{tmp_path}/{next(numbers)}%23.sqlite'
    return lambda: database.empty_dsn(scheme)


@pytest.fixture
def dsn(empty_dsn):
    """The DSN of a migrated metastore."""
    dsn = empty_dsn()
    with open_metastore(dsn) as metastore:
        metastore.migrate()
    return dsn


@pytest.fixture
def metastore(dsn):
    """A migrated metastore."""
    with open_metastore(dsn) as metastore:
        yield metastore


def in_parallel(tasks):
    """Call all functions at the same time and return their results in any order."""
    results, barrier = [], threading.Barrier(len(tasks))

    def run(task):
        barrier.wait()
        results.append(task())

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
