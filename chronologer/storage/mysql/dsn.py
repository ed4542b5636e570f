"""
DSNs of MySQL and MariaDB.

``mysql://user:password@host:port/database`` uses mysqlclient, ``mysql+pymysql://…`` PyMySQL. User
and password are percent-encoded, the default port is 3306. Options stand in the query:

``unix_socket``
    Path of the server's socket, instead of host and port.
``ssl_ca``, ``ssl_cert``, ``ssl_key``
    Files in PEM format. With ``ssl_ca`` the connection is encrypted, and the server's certificate
    has to be signed by that authority and made out to the host.
``connect_timeout``, ``read_timeout``
    Seconds, 10 and 60.
"""

from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from chronologer.errors import ConfigurationError
from chronologer.storage.shown import ENCODE, shown_dsn

DRIVERS = {'mysql': 'MySQLdb', 'mysql+pymysql': 'pymysql'}
PACKAGES = {'MySQLdb': 'mysqlclient', 'pymysql': 'pymysql'}
FILES = ('ssl_ca', 'ssl_cert', 'ssl_key')
TIMEOUTS = {'connect_timeout': 10, 'read_timeout': 60}  # seconds


def parse_dsn(dsn: str) -> tuple[Any, dict[str, Any]]:
    """
    Return the driver's module, and the arguments of its ``connect``.

    Raises:
        ConfigurationError: The DSN is malformed, or the driver is not installed.
    """
    try:
        parts = urlsplit(dsn)
        port = parts.port or 3306
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as ex:  # its text may have a part of the password
        raise _malformed(dsn, ENCODE if '@' in dsn else str(ex)) from None
    options = dict(pairs)
    database = unquote(parts.path[1:])
    if '@' in parts.path or parts.fragment:
        raise _malformed(dsn, ENCODE)
    unknown = set(options) - {'unix_socket', *FILES, *TIMEOUTS}
    if unknown or len(options) != len(pairs):
        raise _malformed(dsn, f'cannot use the option {", ".join(sorted(unknown)) or "twice"}')
    if not database or '/' in database:
        raise _malformed(dsn, 'a database has to be named: mysql://user:password@host/database')
    module = DRIVERS[parts.scheme]
    arguments: dict[str, Any] = {
        'host': parts.hostname or 'localhost',
        'port': port,
        'user': unquote(parts.username or ''),
        'password': unquote(parts.password or ''),
        'database': database,
        'charset': 'utf8mb4',
        **{name: _seconds(dsn, options.get(name, value)) for name, value in TIMEOUTS.items()},
    }
    if 'unix_socket' in options:
        arguments |= {'host': 'localhost', 'unix_socket': options['unix_socket']}
    if module == 'MySQLdb':
        arguments |= {'binary_prefix': True, 'multi_statements': False}
    arguments |= _tls(module, {name: options[name] for name in FILES if name in options})
    return _driver(module), arguments


def _tls(module: str, files: dict[str, str]) -> dict[str, Any]:
    if not files:
        return {}
    if module == 'pymysql':
        verify = {'ssl_verify_cert': True, 'ssl_verify_identity': True}
        return {**files, **(verify if 'ssl_ca' in files else {})}
    mode = 'VERIFY_IDENTITY' if 'ssl_ca' in files else 'REQUIRED'
    return {
        'ssl_mode': mode,
        'ssl': {name.removeprefix('ssl_'): file for name, file in files.items()},
    }


def _seconds(dsn: str, value: str | int) -> int:
    if str(value).isdecimal() and 0 < int(value) < 10**6:
        return int(value)
    raise _malformed(dsn, f'expected a number of seconds, got {value!r}')


def _driver(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as ex:
        wanted = "pip install 'chronologer[mysql]'"
        raise ConfigurationError(f'{PACKAGES[module]} is not installed: {wanted} ({ex})') from ex


def _malformed(dsn: str, why: str) -> ConfigurationError:
    return ConfigurationError(f'MySQL DSN {shown_dsn(dsn)!r}: {why}')
