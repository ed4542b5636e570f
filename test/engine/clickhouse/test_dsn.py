"""Parts and options of a DSN."""

import pytest

from chronologer.errors import ConfigurationError
from chronologer.storage import create_storage
from chronologer.storage.clickhouse.dsn import parse_dsn


@pytest.mark.parametrize(
    ('dsn', 'expected'),
    [
        ('chdb:///var/log/db', ('/var/log/db', 'chronologer', 0, 1024)),
        ('chdb:///var/db/?database=a&retention=7&memory=512', ('/var/db', 'a', 7, 512)),
        ('chdb:///a%20b%3Fc', ('/a b?c', 'chronologer', 0, 1024)),
    ],
)
def test_dsn_of_a_directory(dsn, expected):
    """A DSN of a directory has a percent-encoded path, and options."""
    target = parse_dsn(dsn)
    assert target.is_embedded
    assert expected == (target.directory, target.database, target.retention, target.memory)


@pytest.mark.parametrize(
    ('dsn', 'expected'),
    [
        ('clickhouse://host/db', ('host', 8123, 'default', '', False)),
        ('clickhouse://u:p%40s@host:9/db', ('host', 9, 'u', 'p@s', False)),
        ('clickhouse://u@[::1]/db?secure=1', ('::1', 8443, 'u', '', True)),
        ('clickhouse:///db', ('localhost', 8123, 'default', '', False)),
    ],
)
def test_dsn_of_a_server(dsn, expected):
    """A DSN of a server has host, port, user and password."""
    target = parse_dsn(dsn)
    assert not target.is_embedded
    names = ('host', 'port', 'username', 'password', 'secure')
    assert expected == tuple(target.server[name] for name in names)


@pytest.mark.parametrize(
    ('dsn', 'why'),
    [
        ('chdb:', 'expected chdb:///'), ('chdb://', 'expected chdb:///'),
        ('chdb:///', 'expected chdb:///'), ('chdb://host/a', 'expected chdb:///'),
        ('chdb:///a%00b', 'expected chdb:///'), ('chdb:///a?b=c', 'option b'),
        ('chdb:///a?cluster=c', 'option cluster'), ('chdb:///a#b', 'option #'),
        ('chdb:///a?memory=64', 'memory: expected an integer from 256 to'),
        ('chdb:///a?retention=x', 'retention: expected an integer from 0 to 18,000'),
        ('chdb:///a?retention=18001', 'retention: expected'),
        ('chdb:///a?retention=1&retention=2', 'option twice'),
        ('chdb:///a?database=', 'has to be named'), ('chdb:///a?database=a.b', 'has to be named'),
        ('clickhouse://host', 'has to be named'), ('clickhouse://host/', 'has to be named'),
        ('clickhouse://host/a/b', 'has to be named'), ("clickhouse://host/a'b", 'has to be named'),
        ('clickhouse://host:x/a', 'Port'), ('clickhouse://host:99999/a', 'Port'),
        ('clickhouse://host/a?memory=1', 'option memory'),
        ('clickhouse://host/a?secure=2', 'secure: expected an integer from 0 to 1'),
        ('clickhouse://host/a?read_timeout=0', 'read_timeout: expected an integer from 1 to 3,600'),
    ],
)  # fmt: skip
def test_invalid_dsn_is_refused(dsn, why):
    """The message has the reason, but no password."""
    with pytest.raises(ConfigurationError, match=r'storage DSN .*: .*') as caught:
        create_storage(dsn)
    assert why in caught.value.message
    with pytest.raises(ConfigurationError) as caught:
        create_storage('clickhouse://user:s3cret@host/')
    assert 's3cret' not in caught.value.message
