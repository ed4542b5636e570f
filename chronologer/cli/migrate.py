"""``migrate``: create or upgrade storage and metastore."""

import argparse
from typing import Any

from chronologer import __version__
from chronologer.settings import Settings


def add(commands: 'argparse._SubParsersAction[Any]') -> None:
    """Declare the command."""
    migrate = commands.add_parser(
        'migrate',
        help='create or upgrade the storage and the metastore',
        description='Create the schemas of storage and metastore, or upgrade them to those of this '
        'version.',
    )
    migrate.set_defaults(run=run)


def run(settings: Settings, options: argparse.Namespace) -> None:
    """Migrate the configured storage and metastore."""
    from chronologer.metastore import open_metastore
    from chronologer.storage import create_storage, shown_dsn

    with (
        create_storage(settings.storage_dsn) as storage,
        open_metastore(settings.metastore_dsn, settings.storage_dsn) as metastore,
    ):
        storage.migrate()
        metastore.migrate()
    print(f'Chronologer {__version__}: {shown_dsn(settings.storage_dsn)} is up to date')
