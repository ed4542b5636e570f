"""The default DSN of the metastore: near the records."""

from urllib.parse import quote

from chronologer.errors import ConfigurationError

SUFFIX = '-metastore'


def default_dsn(storage_dsn: str) -> str:
    """
    Return the DSN of the metastore of a storage if no setting has another.

    It is a SQLite file beside the file of the records, or in the directory of chDB, which ignores
    it. On MySQL it is the database of the records.

    Raises:
        ConfigurationError: A ClickHouse server cannot hold a metastore, so a setting is required.
    """
    scheme = storage_dsn.partition(':')[0]
    if scheme == 'sqlite':
        return f'{storage_dsn}{SUFFIX}'
    if scheme == 'chdb':
        from chronologer.storage.clickhouse.dsn import parse_dsn  # loads the engine's package

        target = parse_dsn(storage_dsn)
        return f'sqlite:///{quote(f"{target.directory}/{target.database}{SUFFIX}")}'
    if scheme == 'clickhouse':
        raise ConfigurationError(
            'a ClickHouse server stores only records: name a SQLite file or a MySQL database for '
            'saved searches and sessions, such as sqlite:////var/lib/chronologer/metastore.sqlite, '
            'by CHRONOLOGER_METASTORE_DSN or an option of "copy"'
        )
    return storage_dsn
