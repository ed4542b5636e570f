"""
DSNs of ClickHouse.

``chdb:///path/to/directory`` is the engine in this process; only one process can open a directory.
``clickhouse://user:password@host:port/database`` is a server's HTTP interface; user and password
are percent-encoded; the default port is 8123, or 8443 with ``secure``. Options stand in the query:

``database``
    For a directory; the default is ``chronologer``.
``retention``
    Days after which ClickHouse drops records, by their time; set by a migration.
``memory``
    For a directory: memory of the engine in MiB; the default is 1,024, the least 256.
``secure``, ``ca_cert``
    1 for HTTPS; a file in PEM format with the authority that signs the server's certificate.
``cluster``
    Name of the cluster whose nodes have the tables; see doc/clickhouse.rst.
``connect_timeout``, ``read_timeout``
    For a server: seconds; the defaults are 10 and 60.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from chronologer.errors import ConfigurationError
from chronologer.storage.shown import ENCODE, shown_dsn

EMBEDDED = 'chdb'
DATABASE = 'chronologer'
CLUSTER = re.compile(r'[A-Za-z0-9_.-]*|\{[a-z_]+\}')  # a name, or a macro of the servers
# Option -> its default, and the largest value of a number.
OF_DIRECTORY = {'database': DATABASE, 'retention': '0', 'memory': '1024'}
OF_SERVER = {
    'retention': '0',
    'secure': '0',
    'ca_cert': '',
    'cluster': '',
    'connect_timeout': '10',
    'read_timeout': '60',
}
LARGEST = {
    'retention': 18_000,
    'memory': 2**20,
    'secure': 1,
    'connect_timeout': 3600,
    'read_timeout': 3600,
}
LEAST = {'retention': 0, 'secure': 0, 'memory': 256}


@dataclass(frozen=True, slots=True)
class Target:
    """The database that a DSN names."""

    database: str
    retention: int = 0  # days; 0 keeps all records
    directory: str = ''  # of the engine in this process, else empty
    memory: int = 0  # MiB, of that
    cluster: str = ''
    server: dict[str, Any] = field(default_factory=dict)  # arguments of `get_client`

    @property
    def is_embedded(self) -> bool:
        """Whether the engine is in this process."""
        return bool(self.directory)

    @property
    def key(self) -> tuple[str, ...]:
        """Identifies the database: storages with the same key write to the same one."""
        server = self.server
        return self.directory, str(server.get('host')), str(server.get('port')), self.database


def parse_dsn(dsn: str) -> Target:
    """
    Read a DSN.

    Raises:
        ConfigurationError: It is malformed; the message has the mistake.
    """
    try:
        parts = urlsplit(dsn)
        port = parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as ex:  # its text may have a part of the password
        raise _malformed(dsn, ENCODE if '@' in dsn else str(ex)) from None
    is_embedded = parts.scheme == EMBEDDED
    defaults = OF_DIRECTORY if is_embedded else OF_SERVER
    unknown = sorted({name for name, _ in pairs} - set(defaults))
    if unknown or len(dict(pairs)) != len(pairs) or parts.fragment:
        what = ', '.join(unknown) or ('#, percent-encode it' if parts.fragment else 'twice')
        raise _malformed(dsn, f'cannot use the option {what}')
    options = {**defaults, **dict(pairs)}
    numbers = {
        name: _number(dsn, name, options[name]) for name in set(LARGEST).intersection(options)
    }
    path = unquote(parts.path)
    if is_embedded:
        if parts.netloc or not path.strip('/') or '\0' in path:
            raise _malformed(dsn, 'expected chdb:///path/to/directory')
        return Target(
            database=_name(dsn, options['database']),
            retention=numbers['retention'],
            directory='/' + path.strip('/'),
            memory=numbers['memory'],
        )
    if not CLUSTER.fullmatch(options['cluster']):
        raise _malformed(dsn, 'cluster: expected letters, digits, _, - and dots, or {cluster}')
    return Target(
        database=_name(dsn, path[1:]),
        retention=numbers['retention'],
        cluster=options['cluster'],
        server=_server(parts, port, options['ca_cert'], numbers),
    )


def _server(
    parts: SplitResult, port: int | None, ca_cert: str, numbers: dict[str, int]
) -> dict[str, Any]:
    """Return the arguments of `get_client`."""
    is_secure = bool(numbers['secure'])
    return {
        'host': parts.hostname or 'localhost',
        'port': port or (8443 if is_secure else 8123),
        'username': unquote(parts.username or 'default'),
        'password': unquote(parts.password or ''),
        'secure': is_secure,
        'ca_cert': ca_cert or None,
        'connect_timeout': numbers['connect_timeout'],
        'send_receive_timeout': numbers['read_timeout'],
    }


def _number(dsn: str, name: str, text: str) -> int:
    least = LEAST.get(name, 1)
    if text.isascii() and text.isdecimal() and len(text) < 10:
        number = int(text)
        if least <= number <= LARGEST[name]:
            return number
    raise _malformed(dsn, f'{name}: expected an integer from {least} to {LARGEST[name]:,}')


def _name(dsn: str, name: str) -> str:
    """Return a name that needs no quotation marks in any statement or path."""
    if name.isascii() and name.isidentifier():
        return name
    raise _malformed(dsn, 'a database has to be named, by letters, digits and _')


def _malformed(dsn: str, why: str) -> ConfigurationError:
    return ConfigurationError(f'storage DSN {shown_dsn(dsn)!r}: {why}')
