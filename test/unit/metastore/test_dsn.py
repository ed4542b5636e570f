"""The default DSN of the metastore."""

import pytest

from chronologer.errors import ConfigurationError
from chronologer.metastore.dsn import default_dsn


@pytest.mark.parametrize(
    ('storage', 'expected'),
    [
        ('sqlite:///a.sqlite', 'sqlite:///a.sqlite-metastore'),
        ('sqlite:////var/a%20b', 'sqlite:////var/a%20b-metastore'),
        ('chdb:///var/log%20s', 'sqlite:////var/log%20s/chronologer-metastore'),
        ('chdb:///var/logs?database=a&memory=512', 'sqlite:////var/logs/a-metastore'),
        ('mysql://u:p%40@h/d?ssl_ca=a', 'mysql://u:p%40@h/d?ssl_ca=a'),
        ('mysql+pymysql://u@h/d', 'mysql+pymysql://u@h/d'),
    ],
)
def test_the_metastore_is_near_the_records(storage, expected):
    """The metastore is beside the SQLite file, in the directory, or in the same database."""
    assert expected == default_dsn(storage)


def test_a_clickhouse_server_has_no_default():
    """The error names the setting and has an example without the password."""
    with pytest.raises(ConfigurationError, match=r'sqlite:///.*CHRONOLOGER_METASTORE_DSN') as error:
        default_dsn('clickhouse://user:s3cret@host/logs')
    assert 's3cret' not in error.value.message
