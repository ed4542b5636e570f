"""``serve``: run the server."""

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from chronologer import __version__, daemon
from chronologer.errors import ConfigurationError
from chronologer.settings import Settings, describe

PUBLIC = ('0.0.0.0', '::')


def add(commands: 'argparse._SubParsersAction[Any]') -> None:
    """Declare the command."""
    serve = commands.add_parser(
        'serve',
        help='run the server',
        description='Run the server.',
        epilog=f'settings, by environment variable (default):\n{describe()}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.set_defaults(run=run)
    serve.add_argument(
        '-m', dest='migrate', action='store_true', help='create or upgrade the storage first'
    )
    serve.add_argument(
        '-d',
        dest='detach',
        action='store_true',
        help='run in the background once requests are answered; set CHRONOLOGER_LOG_FILE too',
    )
    serve.add_argument(
        '--workers',
        metavar='N',
        help='processes that serve requests; overrides the setting CHRONOLOGER_WORKERS',
    )
    serve.add_argument(
        '-p', dest='pid_file', metavar='PIDFILE', type=Path, help='file for the process id'
    )
    serve.add_argument(
        '-u', dest='user', metavar='USER', help='user to switch to when started as root'
    )
    serve.add_argument(
        '-g', dest='group', metavar='GROUP', help='group to switch to (default: that of USER)'
    )


def run(settings: Settings, options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from chronologer import server

    if options.workers is not None:
        settings = settings.having(workers=options.workers)
    if options.detach:
        daemon.detach()
    with ExitStack() as stack:
        if options.pid_file:
            pid_file = daemon.pid_file(options.pid_file, options.user, options.group)
            stack.enter_context(pid_file)
        daemon.drop_privileges(options.user, options.group)
        prepare_storage(settings, options.migrate)
        address = daemon.check_address(settings.host, settings.port)
        if settings.health_port:
            _check_health_port(settings)
        _check_log_file(settings.log_file)
        server.serve(
            settings, address, lambda: daemon.announce(_greeting(settings, options.environment))
        )


def prepare_storage(settings: Settings, migrate: bool) -> None:
    """
    Check the storage and the metastore, and migrate them first if *migrate*.

    An engine that only one process may open is opened in a child process, which ends before the
    workers start.
    """
    from chronologer.storage import create_storage

    if not create_storage(settings.storage_dsn).is_exclusive:
        check_storage(settings, migrate)
        return
    if settings.workers > 1:
        wanted = 'only one process can open a chDB directory; use 1 worker or a ClickHouse server'
        raise ConfigurationError(f'workers (CHRONOLOGER_WORKERS): {wanted}')
    daemon.run_in_child(partial(check_storage, settings, migrate))


def check_storage(settings: Settings, migrate: bool) -> None:
    """Check that storage and metastore answer and have this version's schemas."""
    from chronologer.metastore import open_metastore
    from chronologer.storage import create_storage

    with (
        create_storage(settings.storage_dsn) as storage,
        open_metastore(settings.metastore_dsn, settings.storage_dsn) as metastore,
    ):
        for store in (storage, metastore):
            if migrate:
                store.migrate()
            store.check()


def _check_health_port(settings: Settings) -> None:
    if settings.health_port == settings.port:
        name = 'health_port (CHRONOLOGER_HEALTH_PORT)'
        raise ConfigurationError(f'{name}: expected another port than {settings.port}')
    daemon.check_address(settings.host, settings.health_port)


def _check_log_file(path: str) -> None:
    """Check that the log can be written, because later the error would not be visible."""
    if path:
        try:
            open(path, 'a').close()
        except OSError as ex:
            raise ConfigurationError(f'log file {path}: {ex.strerror}') from ex


def _greeting(settings: Settings, environment: str) -> str:
    from chronologer.storage import shown_dsn

    if settings.host in PUBLIC and not settings.password:
        print(
            'chronologer: WARNING: anybody who can reach this machine can read and write the log'
            ' because CHRONOLOGER_PASSWORD is empty',
            file=sys.stderr,
        )
    storage = shown_dsn(settings.storage_dsn)
    where = f'environment {environment}, storage {storage}'
    return f'Chronologer {__version__} at {settings.url} ({where})'
