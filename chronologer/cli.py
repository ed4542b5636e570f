"""The command line: ``python -m chronologer [-c ENVCONF] [-e ENV] serve | migrate | copy``."""

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chronologer import __version__, process
from chronologer.configuration import Configuration, load_configuration
from chronologer.errors import ChronologerError, ConfigurationError, StorageError

if TYPE_CHECKING:
    from chronologer.copy import Report
    from chronologer.storage import Storage

PUBLIC = ('0.0.0.0', '::')


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status: 0, or 2 after one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        conf = load_configuration(options.envconf, options.environment)
        options.command(conf, options)
    except ChronologerError as ex:
        print(f'chronologer: {ex.message}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as ex:
        print(f'chronologer: {ex}', file=sys.stderr)
        return 2
    except ModuleNotFoundError as ex:
        if (ex.name or '').partition('.')[0] == 'chronologer':
            raise
        wanted = "pip install 'chronologer[server]'"
        print(
            f'chronologer: {ex.name} is not installed; the server needs {wanted}', file=sys.stderr
        )
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='chronologer',
        description='The log server at the other end of logging.handlers.HTTPHandler.',
        epilog='Settings are environment variables, CHRONOLOGER_PORT and others: see README.rst.',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    parser.add_argument(
        '-c',
        dest='envconf',
        metavar='ENVCONF',
        type=Path,
        help='Python module with the configuration, in place of the default one',
    )
    parser.add_argument(
        '-e',
        dest='environment',
        metavar='ENVIRONMENT',
        default='development',
        help='part of the configuration to use: production, development (default), test_suite',
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_serve(commands)
    _add_migrate(commands)
    _add_copy(commands)
    return parser


def _add_serve(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    serve = commands.add_parser('serve', help='run the server', description='Run the server.')
    serve.set_defaults(command=_serve)
    serve.add_argument('-m', dest='migrate', action='store_true', help='migrate the storage first')
    serve.add_argument(
        '-d',
        dest='detach',
        action='store_true',
        help='go to the background once requests are answered; set CHRONOLOGER_LOG_FILE with it',
    )
    serve.add_argument(
        '--workers',
        metavar='N',
        help='processes that serve requests, in place of the setting CHRONOLOGER_WORKERS',
    )
    serve.add_argument(
        '-p', dest='pid_file', metavar='PIDFILE', type=Path, help='file for the id of the process'
    )
    serve.add_argument(
        '-u', dest='user', metavar='USER', help='user to become, when started as root'
    )
    serve.add_argument(
        '-g', dest='group', metavar='GROUP', help="group to become; default: USER's own"
    )


def _add_migrate(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    migrate = commands.add_parser(
        'migrate',
        help='create or upgrade the storage',
        description="Create the storage's schema, or bring it up to this version's.",
    )
    migrate.set_defaults(command=_migrate)


def _add_copy(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    copy = commands.add_parser(
        'copy',
        help='copy all records to another storage',
        description='Copy all records, with their ids, and the saved searches of a storage to '
        'another one, on any engine, and compare both. The source may be in use. Run again, it '
        'goes on where it was: after an interruption, or for what has been written since.',
        epilog='DSNs are those of CHRONOLOGER_STORAGE_DSN: see README.rst.',
    )
    copy.set_defaults(command=_copy)
    copy.add_argument(
        'source',
        metavar='FROM',
        help='DSN of a storage, or http://user:password@host:port/ of a running server; only read',
    )
    copy.add_argument(
        'target',
        metavar='TO',
        help='DSN of a storage without other records; its schema is created, or brought up to date',
    )


def _serve(conf: Configuration, options: argparse.Namespace) -> None:
    from chronologer import server  # its imports are the extra `server`

    if options.workers is not None:
        conf = conf.having(workers=options.workers)
    if options.detach:
        process.detach()
    with ExitStack() as stack:
        if options.pid_file:
            pid_file = process.pid_file(options.pid_file, options.user, options.group)
            stack.enter_context(pid_file)
        process.drop_privileges(options.user, options.group)
        _prepare_storage(conf, options.migrate)
        address = process.check_address(conf.host, conf.port)
        _check_log_file(conf.log_file)
        server.serve(conf, address, lambda: process.announce(_greeting(conf, options.environment)))


def _prepare_storage(conf: Configuration, migrate: bool) -> None:
    """Have a storage checked that a worker will open, in a process of its own if it has to."""
    prepare = partial(_check_storage, conf, migrate)
    if not _open_storage(conf).is_exclusive:
        prepare()
        return
    if conf.workers > 1:
        wanted = 'chDB lets one process alone open a directory; have 1, or a server of ClickHouse'
        raise ConfigurationError(f'workers (CHRONOLOGER_WORKERS): {wanted}')
    process.run_in_child(prepare)


def _check_storage(conf: Configuration, migrate: bool) -> None:
    with _open_storage(conf) as storage:
        if migrate:
            storage.migrate()
        storage.check()


def _migrate(conf: Configuration, options: argparse.Namespace) -> None:
    from chronologer.storage import shown_dsn

    with _open_storage(conf) as storage:
        storage.migrate()
    print(f'Chronologer {__version__}: {shown_dsn(conf.storage_dsn)} is up to date')


def _copy(_: Configuration, options: argparse.Namespace) -> None:
    from chronologer.copy import copy, open_source, open_target
    from chronologer.copy.progress import show_progress

    with open_source(options.source) as source, open_target(options.target) as target:
        if options.source == options.target:
            raise ConfigurationError('FROM and TO are the same storage')
        report = copy(source, target, show_progress)
    _print_copied(report)


def _print_copied(report: 'Report') -> None:
    print(f'copied {report.copied:,} records and {report.saved:,} saved searches')
    if report.gone:
        print(f'{report.gone:,} records are no longer in the source; they were copied before')
    if report.differences:
        print(f'{"day":10} {"source":>12} {"target":>12} {"missing":>12} {"changed":>12}')
        for day, difference in report.differences.items():
            numbers = (difference.source, difference.target, difference.missing, difference.changed)
            print(f'{day} {" ".join(f"{number:12,}" for number in numbers)}')
        raise StorageError(
            f'the records of {len(report.differences):,} days, listed above, are not in the target '
            f'as they are in the source'
        )
    same = report.records - report.gone
    print(f'{same:,} records of {report.days:,} days are the same in both')


def _open_storage(conf: Configuration) -> 'Storage':
    from chronologer.storage import create_storage

    return create_storage(conf.storage_dsn)


def _check_log_file(path: str) -> None:
    """A log that cannot be written would be missed when it is needed."""
    if path:
        try:
            open(path, 'a').close()
        except OSError as ex:
            raise ConfigurationError(f'log file {path}: {ex.strerror}') from ex


def _greeting(conf: Configuration, environment: str) -> str:
    from chronologer.storage import shown_dsn

    if conf.host in PUBLIC and not conf.password:
        print(
            'chronologer: WARNING: anybody who reaches this machine can read and write the log,'
            ' because CHRONOLOGER_PASSWORD is empty',
            file=sys.stderr,
        )
    storage = shown_dsn(conf.storage_dsn)
    return f'Chronologer {__version__} at {conf.url} (environment {environment}, storage {storage})'
