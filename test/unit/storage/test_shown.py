"""Passwords of DSNs are in no message."""

import pytest

from chronologer.errors import ConfigurationError
from chronologer.metastore import open_metastore
from chronologer.storage import create_storage, shown_dsn

PASSWORDS = [
    's3cret', 's3/cret', 's3#cret', 's3?cret', 's3@cret', 's3:cret', 's3[cret', 's3%cret', '/s3',
    '#s3', 's3&x=y', 's3\ncret', "s3'cret",
]  # fmt: skip


@pytest.mark.parametrize('password', PASSWORDS)
@pytest.mark.parametrize('scheme', ['mysql', 'mysql+pymysql', 'clickhouse', 'sqlite', 'chdb', 'x'])
@pytest.mark.parametrize('rest', ['host/a/b', 'host:x/db', 'host', 'host/db?x=1', 'host/db#x'])
def test_a_malformed_dsn_is_shown_without_its_password(scheme, password, rest):
    """Also if the password is not percent-encoded, which may be the mistake."""
    dsn = f'{scheme}://user:{password}@{rest}'
    assert 's3' not in shown_dsn(dsn)
    for open_store in (create_storage, open_metastore):
        message = ''
        try:
            open_store(dsn)
        except ConfigurationError as ex:
            message = f'{ex.message} {ex.__cause__}'
        assert 's3' not in message


@pytest.mark.parametrize('password', ['s3/cret', 's3#cret', 's3?cret'])
def test_the_message_says_what_is_wrong(password):
    """A password with / or # is the usual mistake."""
    with pytest.raises(ConfigurationError, match='percent-encoded'):
        create_storage(f'mysql://user:{password}@host/db')


@pytest.mark.parametrize(
    ('dsn', 'shown'),
    [
        ('mysql://user:x@host:1/db', 'mysql://user:…@host:1/db'),
        ('mysql://user@host/db', 'mysql://user@host/db'),
        ('mysql://user:x@[host/db', 'mysql://user:…@[host/db'),
        ('mysql://:x@host/db', 'mysql://:…@host/db'),
        ('mysql://host/db?password=x&y=1', 'mysql://host/db?password=…&y=1'),
        ('sqlite:////a:b@c', 'sqlite:////a:b@c'),
        ('mysql://bo/b:x@host/db', 'mysql://bo/b:…@host/db'),
        ('mysql:/bob:x@host/db', 'mysql:/bob:…@host/db'),
        ('bob:x@host/db', 'bob:…@host/db'),
        ('mysql:///bob:x@host/db', 'mysql:///bob:…@host/db'),
        ('http://b@c:x@host', 'http://b@c:…@host'),
        ('mysql://bob@server:x@host/log', 'mysql://bob@server:…@host/log'),
        ('mysql://bob:x', 'mysql://bob:…'),
        ('mysql://bob:x/db', 'mysql://bob:…/db'),
        ('mysql://host:3306/db', 'mysql://host:3306/db'),
        ('mysql://[::1]:3306/db', 'mysql://[::1]:3306/db'),
        ('mysql://host/db?passwd=x', 'mysql://host/db?passwd=…'),
        ('http://logger:@host/logs/', 'http://logger:…@host/logs/'),
    ],
)
def test_the_rest_is_shown(dsn, shown):
    """Users, hosts and paths help to find a mistake."""
    assert shown == shown_dsn(dsn)
