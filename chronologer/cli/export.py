"""``export``: write matching records as a file, without a server."""

import argparse
import os
import sys
from typing import Any
from urllib.parse import urlencode

from chronologer.errors import ConfigurationError, InputError, shown
from chronologer.settings import Settings


def add(commands: 'argparse._SubParsersAction[Any]') -> None:
    """Declare the command."""
    export = commands.add_parser(
        'export',
        help='write records as NDJSON, CSV or text',
        description='Write all matching records to the standard output, oldest first. The server '
        'may be running, except on chDB, whose directory only one process can open.',
        epilog='Example: export format=text level=ERROR after=2026-11-01 > errors.log',
    )
    export.set_defaults(run=run)
    export.add_argument(
        'parameters',
        nargs='*',
        metavar='NAME=VALUE',
        help='a parameter of GET /api/v1/export: format (ndjson, csv, text), level, name, after, '
        'before, search, query, fields, order, limit, after_id',
    )


def run(settings: Settings, options: argparse.Namespace) -> None:
    """Export from the configured storage."""
    from chronologer.api.export import PARAMETERS, export
    from chronologer.storage import create_storage

    params = PARAMETERS.parse(urlencode(_pairs(options.parameters)))
    if sys.stdout is None:
        raise ConfigurationError('there is no standard output')
    with create_storage(settings.storage_dsn) as storage:
        storage.check()
        try:
            for line in export(storage, params):
                sys.stdout.buffer.write(line)
            sys.stdout.flush()
        except BrokenPipeError:  # of a reader such as head, which has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _pairs(parameters: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for parameter in parameters:
        name, separator, value = parameter.partition('=')
        if not separator:
            raise InputError(f'{shown(parameter)}: expected NAME=VALUE')
        if any('\ud800' <= character <= '\udfff' for character in parameter):
            raise InputError(f'{shown(parameter)}: it is not UTF-8')
        pairs.append((name, value))
    return pairs
