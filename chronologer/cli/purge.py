"""``purge``: delete old records."""

import argparse
from typing import Any

from chronologer.settings import Settings


def add(commands: 'argparse._SubParsersAction[Any]') -> None:
    """Declare the command."""
    purge = commands.add_parser(
        'purge',
        help='delete old records',
        description='Delete all records older than an instant. The server may be running, except '
        'on chDB, whose directory only one process can open. Deletion cannot be undone.',
    )
    purge.set_defaults(run=run)
    purge.add_argument(
        '--before',
        required=True,
        metavar='INSTANT',
        help='delete records older than this: 2026-11-01, 2026-11-01T12:00Z (UTC unless it has an '
        'offset), or an age in days such as 30d',
    )


def run(settings: Settings, options: argparse.Namespace) -> None:
    """Purge the configured storage."""
    from datetime import datetime, timezone

    from chronologer.model import Filter
    from chronologer.parse import parse_instant_or_age
    from chronologer.storage import create_storage

    before = parse_instant_or_age('--before', options.before, datetime.now(timezone.utc))
    with create_storage(settings.storage_dsn) as storage:
        storage.check()
        count = storage.purge(before, Filter())
    print(f'deleted {count:,} records from before {before:%Y-%m-%d %H:%M:%S} UTC')
