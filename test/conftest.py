"""Servers and applications for the tests."""

from base64 import b64encode
from collections import Counter

import pytest
from hypothesis import settings
from webtest import TestApp

from chronologer.settings import Settings
from chronologer.storage.clickhouse.connection import open_client
from chronologer.storage.clickhouse.dsn import Target
from test.servers.asgi import as_wsgi, open_application
from test.servers.chronologer import Server
from test.servers.clickhouse import ClickHouse
from test.servers.database import MariaDB, MySQL, run_database

settings.register_profile('chronologer', deadline=None)  # no test depends on its speed
settings.load_profile('chronologer')


# Fixtures and parameters -> the server or engine that they start in a worker of pytest-xdist.
ENGINES = {
    'chdb': 'chdb',
    'chdb_directory': 'chdb',
    'mariadb': 'mariadb',
    'mysql': 'mysql',
    'corpus_mysql': 'mysql',
    'clickhouse': 'clickhouse',
}
# The groups and modules with the longest tests start first, so that all workers end together. Only
# the unit ring runs before them: it tells of most mistakes within a minute, and its event loops
# cannot run in a process with Playwright's.
LONGEST = [
    *('chdb', 'mysql', 'mariadb', 'clickhouse'),
    *('system/test_faults', 'client/test_faults', 'ui/test_safety'),
]


@pytest.hookimpl(tryfirst=True)  # before that of pytest-xdist, which reads the groups
def pytest_collection_modifyitems(items):
    """Distribute tests among the workers: those that share a server run in one worker."""
    order = {name: number for number, name in enumerate(LONGEST)}
    positions = {}
    for item in items:
        group = group_of(item)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
        position = min(order.get(name, len(order)) for name in (group, module_of(item)))
        positions[item] = ring_of(item.nodeid) != 'unit', position
    items.sort(key=positions.get)


def group_of(item):
    """Return the engine or module whose tests run in one worker, or None."""
    parameters = item.callspec.params.values() if hasattr(item, 'callspec') else ()
    names = [value.partition('+')[0] for value in parameters if isinstance(value, str)]
    needed = {ENGINES[name] for name in (*item.fixturenames, *names) if name in ENGINES}
    for engine in LONGEST:
        if engine in needed:
            return engine
    shared = (
        definition.scope != 'function' and definition.func.__module__.startswith('test.')
        for definitions in item._fixtureinfo.name2fixturedefs.values()
        for definition in definitions
    )
    is_long = module_of(item) in LONGEST  # such tests would disturb each other
    return module_of(item) if is_long or any(shared) else None


def ring_of(nodeid):
    """Return the ring of a test."""
    return nodeid.split('/')[1]


def module_of(item):
    """Return the folder and name of a test's module."""
    return f'{item.path.parent.name}/{item.path.stem}'


def pytest_sessionfinish(session, exitstatus):
    """Fail a run that executed no test, even if all were skipped."""
    reporter = session.config.pluginmanager.get_plugin('terminalreporter')
    is_good = reporter and not exitstatus and not session.config.option.collectonly
    if is_good and not reporter.stats.get('passed'):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter):
    """Show how many tests of each ring ran, and their time, as if one ran after the other."""
    counts, seconds = Counter(), Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                ring = ring_of(report.nodeid)
                counts[ring] += report.when == 'call'
                seconds[ring] += report.duration
    for ring in sorted(counts):
        terminalreporter.line(f'{ring}: {counts[ring]:,} tests, {seconds[ring]:,.0f} s')


@pytest.fixture
def configuration(tmp_path):
    """Settings of an application under test."""
    return Settings(
        thread_pool_size=4,
        password='pässword',
        storage_dsn=f'sqlite:///{tmp_path}/test.sqlite',
        max_request_bytes=2**20,
        max_decoded_bytes=2**21,
        max_ndjson_bytes=2**22,
        max_record_bytes=2**20,
    )


@pytest.fixture
def anonymous(configuration):
    """The whole application in this process, on an empty storage, without credentials."""
    with open_application(configuration) as app:
        yield TestApp(as_wsgi(app))


@pytest.fixture
def app(anonymous):
    """The application, with credentials."""
    token = b64encode('logger:pässword'.encode()).decode()
    anonymous.extra_environ['HTTP_AUTHORIZATION'] = f'Basic {token}'
    return anonymous


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """A real server process on a free port."""
    with Server(tmp_path_factory.mktemp('server')) as server:
        yield server


@pytest.fixture(scope='session')
def mysql(tmp_path_factory):
    """A real MySQL server."""
    yield from run_database(MySQL, tmp_path_factory.mktemp('mysql'))


@pytest.fixture(scope='session')
def mariadb(tmp_path_factory):
    """A real MariaDB server."""
    yield from run_database(MariaDB, tmp_path_factory.mktemp('mariadb'))


@pytest.fixture(scope='session')
def clickhouse(tmp_path_factory):
    """ClickHouse's HTTP interface on chDB in another process."""
    server = ClickHouse(tmp_path_factory.mktemp('clickhouse'))
    yield server
    server.stop()


@pytest.fixture(scope='session')
def chdb_directory(tmp_path_factory):
    """The directory of the only chDB engine of this process; each test creates a database in it."""
    directory = tmp_path_factory.mktemp('chdb')
    client = open_client(Target('default', directory=str(directory), memory=1024), None, {})
    yield directory  # the engine runs as long as a client is open
    client.close()
