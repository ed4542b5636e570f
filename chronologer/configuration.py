"""The settings as checked values, from a module of the form of `chronologer.envconf`."""

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from chronologer.errors import ConfigurationError, shown

DEFAULT_MODULE = Path(__file__).parent / 'envconf.py'


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `chronologer.envconf` documents, setting by setting."""

    host: str
    port: int
    workers: int
    thread_pool_size: int
    username: str
    password: str
    storage_dsn: str
    query_timeout: int
    max_request_bytes: int
    max_decoded_bytes: int
    max_ndjson_bytes: int
    max_record_bytes: int
    log_file: str

    def having(self, **settings: Any) -> 'Configuration':
        """
        The same with other values of some settings.

        Raises:
            ConfigurationError: A value is malformed.
        """
        checked: dict[str, Any] = {name: _check(name, value) for name, value in settings.items()}
        return replace(self, **checked)

    @property
    def url(self) -> str:
        """Where to point a browser or a handler."""
        host = {'0.0.0.0': 'localhost', '::': 'localhost'}.get(self.host, self.host)
        return f'http://{f"[{host}]" if ":" in host else host}:{self.port}/'


# Smallest and largest value.
INTEGERS = {
    'port': (1, 65_535),
    'workers': (1, 64),
    'thread_pool_size': (1, 10_000),
    'query_timeout': (1, 3600),
    'max_request_bytes': (1024, 2**40),
    'max_decoded_bytes': (1024, 2**40),
    'max_ndjson_bytes': (1024, 2**40),
    'max_record_bytes': (1024, 2**30),
}
NOT_EMPTY = ('host', 'username', 'storage_dsn')


def load_configuration(module: Path | None, environment: str) -> Configuration:
    """
    Run a configuration module and check the settings of one of its environments.

    Raises:
        ConfigurationError: The module cannot be run, lacks the environment, or a setting is
            missing, unknown or malformed; names it.
    """
    environments = _run(module or DEFAULT_MODULE)
    if environment not in environments:
        known = ', '.join(environments) or 'none'
        raise ConfigurationError(f'environment {shown(environment)} is not among: {known}')
    settings = environments[environment]
    names = [field.name for field in fields(Configuration)]
    _compare(environment, set(names), settings)
    checked: dict[str, Any] = {name: _check(name, settings[name]) for name in names}
    return Configuration(**checked)


def _run(module: Path) -> dict[str, Mapping[str, Any]]:
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


def _compare(environment: str, names: set[str], settings: Mapping[str, Any]) -> None:
    for verb, difference in (
        ('lacks', names - set(settings)),
        ('has no use for', set(settings) - names),
    ):
        if difference:
            listed = ', '.join(sorted(map(str, difference)))
            raise ConfigurationError(f'environment {environment} {verb} {listed}')


def _check(name: str, value: Any) -> str | int:
    where = f'{name} (CHRONOLOGER_{name.upper()})'
    if name in INTEGERS:
        low, high = INTEGERS[name]
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = low - 1
        if not low <= number <= high or isinstance(value, (bool, float)):
            wanted = f'expected an integer from {low} to {high}'
            raise ConfigurationError(f'{where}: {wanted}, got {shown(value)}')
        return number
    if not isinstance(value, str) or '\0' in value:
        raise ConfigurationError(f'{where}: expected text, got {shown(value)}')
    if name in NOT_EMPTY and not value:
        raise ConfigurationError(f'{where}: must not be empty')
    if name == 'username' and ':' in value:
        raise ConfigurationError(f'{where}: a colon ends the name in HTTP Basic authentication')
    return value
