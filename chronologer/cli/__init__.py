"""
The command line: ``python -m chronologer [-c ENVCONF] [-e ENVIRONMENT] COMMAND``.

Each command is a module with ``add(commands)``, which declares its options, and ``run(settings,
options)``. The server's packages are imported only when a command runs, because they are
an extra.
"""

import argparse
import os
import sys
from pathlib import Path

from chronologer import __version__
from chronologer.cli import copy, export, migrate, purge, serve
from chronologer.errors import ChronologerError
from chronologer.settings import load_settings, unknown_variables

COMMANDS = (serve, migrate, purge, copy, export)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0, or 2 after a line with the error."""
    options = create_parser().parse_args(arguments)
    try:
        settings = load_settings(options.envconf, options.environment)
        for warning in unknown_variables(os.environ, options.envconf):
            print(f'chronologer: WARNING: {warning}', file=sys.stderr)
        options.run(settings, options)
    except ChronologerError as ex:
        return _fail(ex.message)
    except KeyboardInterrupt:
        return 130
    except OSError as ex:
        return _fail(str(ex))
    except ModuleNotFoundError as ex:
        if (ex.name or '').partition('.')[0] == 'chronologer':
            raise
        wanted = "pip install 'chronologer[server]'"
        return _fail(f'{ex.name} is not installed; the server needs {wanted}')
    return 0


def _fail(why: str) -> int:
    print(f'chronologer: {why}', file=sys.stderr)
    return 2


def create_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='chronologer',
        description='Log server for Python programs, the peer of logging.handlers.HTTPHandler.',
        epilog='Settings are environment variables: "serve --help" lists them.',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    parser.add_argument(
        '-c',
        dest='envconf',
        metavar='ENVCONF',
        type=Path,
        help='Python module with settings, which override environment variables',
    )
    parser.add_argument(
        '-e',
        dest='environment',
        metavar='ENVIRONMENT',
        default='development',
        help='part of the configuration to use: production, development (default), test_suite',
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
