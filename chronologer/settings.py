"""
The settings: one table with the default, the check and the help of each.

The environment variables, the start-up check, ``serve --help`` and the table of README.rst follow
from it. `chronologer.envconf` reads the environment; a module given by ``-c`` replaces it.
"""

import difflib
import os
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from chronologer.errors import ConfigurationError, shown

DEFAULT_MODULE = Path(__file__).parent / 'envconf.py'
PREFIX = 'CHRONOLOGER_'
TEST_PREFIX = 'CHRONOLOGER_TEST_'  # variables of the test suite

# A path without a trailing slash, of characters that mean nothing in HTML, URLs or headers.
BASE_PATH = re.compile(r'(?=.{1,200}\Z)(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)+')

Check = Callable[[Any], Any]  # returns the value to use; raises ValueError with what was expected

# Settings of Chronologer 0.4.7. Ignoring them would leave a log open that its owner believes
# closed.
REFUSED = {
    'authfile': 'a file of users is not supported; set CHRONOLOGER_USERNAME and …_PASSWORD',
    'roles': 'the one configured user has every role; set CHRONOLOGER_USERNAME and …_PASSWORD',
    'secret': 'the secret of sessions is created and kept by the server',
}


def integer(low: int, high: int) -> Check:
    """An integer from *low* to *high*, or its digits."""

    def check(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = low - 1
        if not low <= number <= high or isinstance(value, (bool, float)):
            raise ValueError(f'expected an integer from {low} to {high}')
        return number

    return check


def text(value: Any) -> str:
    """A text, possibly empty, that UTF-8 can encode."""
    if not isinstance(value, str) or '\0' in value:
        raise ValueError('expected text')
    try:
        value.encode()
    except UnicodeEncodeError as ex:  # bytes of a variable that are no UTF-8 become surrogates
        raise ValueError('expected text in UTF-8') from ex
    return value


def required_text(value: Any) -> str:
    """A text with at least one character."""
    if not text(value):
        raise ValueError('expected text that is not empty')
    return str(value)


def user_name(value: Any) -> str:
    """A user name as RFC 7617 allows it."""
    if ':' in required_text(value):
        raise ValueError('expected no colon, which ends the name in HTTP Basic authentication')
    return str(value)


def base_path(value: Any) -> str:
    """Empty, or a path such as ``/logs``."""
    if text(value) and not BASE_PATH.fullmatch(value):
        raise ValueError('expected nothing, or a path such as /logs')
    return str(value)


def setting(default: str | int, check: Check, help: str, unit: str = '') -> Any:
    """Return a row of the table; *help* is a sentence, *unit* is the unit of a number."""
    return field(default=default, metadata={'check': check, 'help': help, 'unit': unit})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked values of all settings."""

    host: str = setting('127.0.0.1', required_text, 'Address to listen on; 0.0.0.0 in production.')
    port: int = setting(8080, integer(1, 65_535), 'TCP port to listen on.')
    workers: int = setting(
        1, integer(1, 64), 'Processes that serve requests; also ``serve --workers N``.'
    )
    thread_pool_size: int = setting(
        64, integer(1, 10_000), 'Queries that a worker answers at the same time.'
    )
    username: str = setting('logger', user_name, 'User name, for HTTP Basic and the sign-in form.')
    password: str = setting('', text, 'Password of that user.')
    storage_dsn: str = setting(
        'sqlite:///chronologer.sqlite',
        required_text,
        'Where records are kept: ``sqlite:///relative/path``, ``sqlite:////absolute/path``, '
        '``mysql://user:password@host:port/database`` (``doc/operations.rst``), '
        '``chdb:///path/to/directory`` or ``clickhouse://user:password@host:port/database`` '
        '(``doc/clickhouse.rst``).',
    )
    metastore_dsn: str = setting(
        '',
        text,
        'Where saved searches and the secret of sessions are kept: ``sqlite:///…`` or '
        '``mysql://…``. By default a SQLite file beside the records, or their MySQL database; a '
        'ClickHouse server requires this setting.',
    )
    retention_days: int = setting(
        0,
        integer(0, 36_500),
        'Records older than this many days are deleted, a whole day (UTC) at a time; 0 keeps all.',
        'days',
    )
    query_timeout: int = setting(
        10, integer(1, 3600), 'Longest time that a query may take.', 'seconds'
    )
    max_request_bytes: int = setting(
        16 * 2**20,
        integer(1024, 2**40),
        'Largest body of a request; a larger one is refused with 413.',
        'bytes',
    )
    max_decoded_bytes: int = setting(
        128 * 2**20, integer(1024, 2**40), 'Largest body after decompression.', 'bytes'
    )
    max_ndjson_bytes: int = setting(
        2**30,
        integer(1024, 2**40),
        'Largest body of many records (NDJSON), as sent and after decompression.',
        'bytes',
    )
    max_record_bytes: int = setting(16 * 2**20, integer(1024, 2**30), 'Largest record.', 'bytes')
    base_path: str = setting(
        '',
        base_path,
        'Path below which a proxy serves the page, such as ``/logs``; if it is empty, '
        '``X-Forwarded-Prefix`` names it.',
    )
    health_port: int = setting(
        0,
        integer(0, 65_535),
        'TCP port that answers only ``/health`` and ``/ready``, which then get through when all '
        'connections of the other port are in use; 0: none.',
    )
    log_file: str = setting('', text, "File for the server's own log; empty for standard error.")

    def having(self, **settings: Any) -> 'Settings':
        """
        Return a copy with other values of some settings.

        Raises:
            ConfigurationError: A value is malformed.
        """
        return replace(self, **_check_all(settings))

    @property
    def url(self) -> str:
        """The address for browsers and handlers on this machine."""
        host = {'0.0.0.0': 'localhost', '::': 'localhost'}.get(self.host, self.host)
        return f'http://{f"[{host}]" if ":" in host else host}:{self.port}/'


TABLE: dict[str, 'Field[Any]'] = {row.name: row for row in fields(Settings)}


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def read_environment(environ: Mapping[str, str], **defaults: str | int) -> dict[str, Any]:
    """Read all settings from the environment; *defaults* replace those of the table."""
    return {
        name: environ.get(variable(name), defaults.get(name, row.default))
        for name, row in TABLE.items()
    }


def load_settings(module: Path | None, environment: str) -> Settings:
    """
    Run a configuration module and check the settings of one of its environments.

    A setting that the module does not have is read from the environment variable.

    Raises:
        ConfigurationError: The module cannot be run, lacks the environment, or a setting is
            unknown or malformed; names it.
    """
    _refuse_old(os.environ)
    environments = _run(module or DEFAULT_MODULE)
    if environment not in environments:
        known = ', '.join(environments) or 'none'
        raise ConfigurationError(f'environment {shown(environment)} is not among: {known}')
    settings = environments[environment]
    if unknown := set(settings) - set(TABLE):
        listed = ', '.join(sorted(map(str, unknown)))
        raise ConfigurationError(f'environment {environment} has no use for {listed}')
    return Settings(**_check_all({**read_environment(os.environ), **settings}))


def unknown_variables(environ: Mapping[str, str], module: Path | None) -> Iterator[str]:
    """Yield a warning for each variable that looks like a setting and is none."""
    source = (module or DEFAULT_MODULE).read_text(errors='replace')  # may read some of its own
    for name in sorted(environ):
        setting = name.removeprefix(PREFIX).lower()
        is_ours = name.startswith(PREFIX) and not name.startswith(TEST_PREFIX)
        if is_ours and name not in map(variable, TABLE) and name not in source:
            similar = difflib.get_close_matches(setting, TABLE, 1)
            hint = f'; did you mean {variable(similar[0])}?' if similar else ''
            yield f'{name} is not a setting and has no effect{hint}'


def describe() -> str:
    """The table as text for a terminal: variable, default and help of each setting."""
    lines: list[str] = []
    for name, row in TABLE.items():
        default = shown_default(row)
        lines.append(f'  {variable(name)}{f" ({default})" if default else ""}')
        lines.append(f'      {row.metadata["help"].replace("``", "")}')
    return '\n'.join(lines)


def shown_default(row: 'Field[Any]') -> str:
    """The default with its unit; empty where that is the default."""
    unit = row.metadata['unit']
    number = f'{row.default:,}' if unit else f'{row.default}'
    return f'{number} {unit}'.strip()


def _refuse_old(environ: Mapping[str, str]) -> None:
    for name, why in REFUSED.items():
        if variable(name) in environ:
            raise ConfigurationError(f'{variable(name)} is a setting of Chronologer 0.4: {why}')


def _run(module: Path) -> dict[str, Mapping[str, Any]]:
    """The environments of a module: its dictionaries, by name."""
    try:
        names = runpy.run_path(str(module))
    except OSError as ex:
        raise ConfigurationError(f'{module}: {ex.strerror or ex}') from ex
    except (Exception, SystemExit) as ex:
        why = ' '.join(str(ex).split())
        raise ConfigurationError(f'{module}: {type(ex).__name__}: {why}') from ex
    return {
        name: value
        for name, value in names.items()
        if isinstance(value, dict) and not name.startswith('_')
    }


def _check_all(settings: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        try:
            checked[name] = TABLE[name].metadata['check'](value)
        except ValueError as ex:
            got = '' if name == 'password' else f', got {shown(value)}'
            raise ConfigurationError(f'{name} ({variable(name)}): {ex}{got}') from ex
    return checked
