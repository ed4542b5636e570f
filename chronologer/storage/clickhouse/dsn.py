"""
DSNs of ClickHouse.

``chdb:///path/to/directory`` is the engine in this process, of which a directory bears one.
``clickhouse://user:password@host:port/database`` is a server's HTTP interface; user and password
are percent-encoded, the port is 8123, or 8443 with ``secure``. Options stand in the query:

``database``
    Of a directory; ``chronologer`` unless given.
``retention``
    Days after which records are dropped, by their time; a migration makes it so.
``memory``
    Of a directory: what the engine may take, in MiB; 1,024 unless given, 256 at least.
``secure``, ``ca_cert``
    1 for HTTPS; a file in PEM format with the authority that signs the server's certificate.
``cluster``
    Name of the cluster whose nodes have the tables; see doc/clickhouse.rst.
``connect_timeout``, ``read_timeout``
    Seconds, 10 and 60, of a server.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from chronologer.errors import ConfigurationError
from chronologer.storage.shown import shown_dsn

EMBEDDED = 'chdb'
DATABASE = 'chronologer'
CLUSTER = re.compile(r'[A-Za-z0-9_.-]*|\{[a-z_]+\}')  # a name, or a macro of the servers
# Option -> what it is unless given, and the largest value of a number.
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
    """What a DSN names."""

    database: str
    retention: int = 0  # days, 0 for ever
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
        """Which database it is: storages of one process with the same key write the same."""
        server = self.server
        return self.directory, str(server.get('host')), str(server.get('port')), self.database


def parse_dsn(dsn: str) -> Target:
    """
    Read a DSN.

    Raises:
        ConfigurationError: It is malformed; says how.
    """
    try:
        parts = urlsplit(dsn)
        port = parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as ex:
        raise _malformed(dsn, str(ex)) from ex
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
    is_secure = bool(numbers['secure'])
    server = {
        'host': parts.hostname or 'localhost',
        'port': port or (8443 if is_secure else 8123),
        'username': unquote(parts.username or 'default'),
        'password': unquote(parts.password or ''),
        'secure': is_secure,
        'ca_cert': options['ca_cert'] or None,
        'connect_timeout': numbers['connect_timeout'],
        'send_receive_timeout': numbers['read_timeout'],
    }
    if not CLUSTER.fullmatch(options['cluster']):
        raise _malformed(dsn, 'cluster: expected letters, digits, _, - and dots, or {cluster}')
    return Target(
        database=_name(dsn, path[1:]),
        retention=numbers['retention'],
        cluster=options['cluster'],
        server=server,
    )


def _number(dsn: str, name: str, text: str) -> int:
    least = LEAST.get(name, 1)
    if text.isascii() and text.isdecimal() and len(text) < 10:
        number = int(text)
        if least <= number <= LARGEST[name]:
            return number
    raise _malformed(dsn, f'{name}: expected an integer from {least} to {LARGEST[name]:,}')


def _name(dsn: str, name: str) -> str:
    """A name that needs no quotation marks in any statement or path."""
    if name.isascii() and name.isidentifier():
        return name
    raise _malformed(dsn, 'a database has to be named, by letters, digits and _')


def _malformed(dsn: str, why: str) -> ConfigurationError:
    return ConfigurationError(f'storage DSN {shown_dsn(dsn)!r}: {why}')
