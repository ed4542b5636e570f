"""Servers and applications for the tests."""

import os
from base64 import b64encode
from contextlib import closing

import pytest
from hypothesis import settings
from webtest import TestApp

from chronologer.configuration import Configuration
from chronologer.ingest.writer import Writer
from chronologer.server import create_app
from chronologer.storage import create_storage
from chronologer.storage.clickhouse.connection import open_client
from chronologer.storage.clickhouse.dsn import Target
from test.servers.asgi import as_wsgi
from test.servers.chronologer import Server
from test.servers.clickhouse import ClickHouse
from test.servers.database import MariaDB, MySQL

settings.register_profile('chronologer', deadline=None)  # no test depends on the clock
settings.load_profile('chronologer')


@pytest.fixture
def configuration(tmp_path):
    """Settings of an application under test."""
    return Configuration(
        host='127.0.0.1',
        port=8080,
        workers=1,
        thread_pool_size=4,
        username='logger',
        password='pässword',
        storage_dsn=f'sqlite:///{tmp_path}/test.sqlite',
        query_timeout=10,
        max_request_bytes=2**20,
        max_decoded_bytes=2**21,
        max_ndjson_bytes=2**22,
        max_record_bytes=2**20,
        log_file='',
    )


@pytest.fixture
def anonymous(configuration):
    """The whole application, in this process, on an empty store; without credentials."""
    with create_storage(configuration.storage_dsn) as storage:
        storage.migrate()
        with Writer(storage) as writer, closing(create_app(configuration, storage, writer)) as app:
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
    """ClickHouse's HTTP interface, in front of chDB in a process of its own."""
    server = ClickHouse(tmp_path_factory.mktemp('clickhouse'))
    yield server
    server.stop()


@pytest.fixture(scope='session')
def chdb_directory(tmp_path_factory):
    """Of the one chDB engine that this process may have; each test makes a database in it."""
    directory = tmp_path_factory.mktemp('chdb')
    client = open_client(Target('default', directory=str(directory), memory=1024), None, {})
    yield directory  # the engine runs as long as anybody has a client
    client.close()


def run_database(kind, directory):
    """Start the server; without it, fail if everything is required, or skip."""
    try:
        server = kind(directory)
    except FileNotFoundError as ex:
        (pytest.fail if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all' else pytest.skip)(
            str(ex)
        )
    yield server
    server.stop()
