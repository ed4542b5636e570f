"""``copy``: copy all records to another storage."""

import argparse
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chronologer.errors import ConfigurationError, StorageError
from chronologer.settings import Settings

if TYPE_CHECKING:
    from chronologer.copy import Report


def add(commands: 'argparse._SubParsersAction[Any]') -> None:
    """Declare the command."""
    copy = commands.add_parser(
        'copy',
        help='copy all records to another storage',
        description='Copy all records, with their ids, and the saved searches of a storage to '
        'another one, on any engine, and compare both. The source may be in use. Run again, the '
        'command continues where it stopped, or copies what has been written since.',
        epilog='DSNs are those of CHRONOLOGER_STORAGE_DSN: see README.rst.',
    )
    copy.set_defaults(run=run)
    copy.add_argument(
        'source',
        metavar='FROM',
        help='DSN of a storage, or http://user:password@host:port/ of a running server; only read',
    )
    copy.add_argument(
        'target',
        metavar='TO',
        help='DSN of a storage without other records; its schema is created or upgraded',
    )
    for option, of in (('--from-metastore', 'FROM'), ('--to-metastore', 'TO')):
        copy.add_argument(
            option,
            metavar='DSN',
            help=f'metastore with the saved searches of {of}, if it is not the default one; '
            'required for a ClickHouse server',
        )


def run(_: Settings, options: argparse.Namespace) -> None:
    """Copy, compare and print the result."""
    from chronologer.copy import copy, open_source, open_target
    from chronologer.copy.progress import show_progress
    from chronologer.copy.remote import RemoteSource
    from chronologer.copy.saved import read_saved, write_saved
    from chronologer.metastore import open_metastore

    with (
        open_source(options.source) as source,
        open_target(options.target) as target,
        ExitStack() as stack,
    ):
        if _place(options.source) == _place(options.target):
            raise ConfigurationError('FROM and TO are the same storage')
        metastore = stack.enter_context(open_metastore(options.to_metastore, options.target))
        if isinstance(source, RemoteSource):
            saved = read_saved(source)
        else:
            other = stack.enter_context(open_metastore(options.from_metastore, options.source))
            saved = read_saved(other)
        target.migrate()  # also creates the directory of chDB, where the metastore is
        metastore.migrate()
        report = copy(source, target, show_progress)
        write_saved(metastore, saved)
    _print(report, len(saved))


def _place(dsn: str) -> tuple[str, str]:
    """Return what identifies a storage, by whichever path a file or a directory is named."""
    scheme, _, rest = dsn.partition(':///')
    is_local = scheme in ('sqlite', 'chdb')
    return scheme, os.path.realpath(unquote(rest.partition('?')[0])) if is_local else dsn


def _print(report: 'Report', saved: int) -> None:
    print(f'copied {report.copied:,} records and {saved:,} saved searches')
    if report.gone:
        print(f'{report.gone:,} records are no longer in the source; they were copied before')
    if report.differences:
        print(f'{"day":10} {"source":>12} {"target":>12} {"missing":>12} {"changed":>12}')
        for day, difference in report.differences.items():
            numbers = (difference.source, difference.target, difference.missing, difference.changed)
            print(f'{day} {" ".join(f"{number:12,}" for number in numbers)}')
        raise StorageError(
            f'the records of {len(report.differences):,} days, listed above, differ between source '
            'and target'
        )
    same = report.records - report.gone
    print(f'{same:,} records of {report.days:,} days are the same in both')
