"""One request to the server and its response, over a persistent connection."""

from __future__ import annotations

import encodings.idna  # noqa: F401  # not in a thread, while another one may fork
import os
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import timeout
from typing import Any, NamedTuple, Optional, Tuple
from urllib.parse import unquote

from chronologer.client.proxy import Proxy
from chronologer.client.time_limit import MAX_ANSWER, LimitedResponse, TimeLimit

DEFAULT_PATH = '/api/v1/record'
PATH = re.compile('/[!-~]*')
PORT = '[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]'
HOST = re.compile(rf'(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]]+)(:({PORT}))?')
MIN_TIMEOUT = 0.1  # seconds; 0 would mean non-blocking
PIECE = 2**14  # bytes of a body that are sent at once
AGENT = f'chronologer-client Python/{sys.version_info[0]}.{sys.version_info[1]}'

Credentials = Optional[Tuple[str, str]]


class Answer(NamedTuple):
    """The response of a server."""

    status: int
    reason: str
    retry_after: str
    body: bytes


class Address(NamedTuple):
    """The address that records are sent to."""

    host: str  # with the port, if there is one
    path: str
    secure: bool
    credentials: tuple[str, str] | None

    def __str__(self) -> str:
        return f'http{"s" if self.secure else ""}://{self.host}{self.path}'


def parse_address(host: str, path: str, secure: bool, credentials: Credentials) -> Address:
    """
    Read the arguments of a handler; if *host* is a URL, its parts have precedence.

    Raises:
        ValueError: It is no address; the message has the mistake.
    """
    scheme, is_url, rest = host.rpartition('://')
    if is_url:
        if scheme not in ('http', 'https'):
            raise ValueError(f'host: expected http:// or https://, got {scheme}://')
        secure = scheme == 'https'
        netloc, slash, url_path = rest.partition('/')
        userinfo, has_user, host = netloc.rpartition('@')
        if has_user:
            user, _, password = userinfo.partition(':')
            credentials = unquote(user), unquote(password)
        path = slash + url_path if url_path else path
    if not HOST.fullmatch(host):
        shown = host.rpartition('@')[2]  # no passwords
        raise ValueError(f'host: expected a name and maybe a port, or a URL, got {shown!r}')
    if not PATH.fullmatch(path):
        raise ValueError(f'url: expected a path such as {DEFAULT_PATH}, got {path!r}')
    return Address(host, path, secure, _checked(credentials))


def _checked(credentials: Any) -> tuple[str, str] | None:
    if credentials is None:
        return None
    is_pair = isinstance(credentials, (tuple, list)) and len(credentials) == 2
    if not is_pair or not all(isinstance(part, str) for part in credentials):
        raise ValueError('credentials: expected a user name and a password')
    if ':' in credentials[0]:  # RFC 7617, section 2
        raise ValueError('credentials: a user name with a colon cannot be sent')
    return credentials[0], credentials[1]


class Connection:
    """A connection to one server; for one thread at a time."""

    def __init__(
        self,
        address: Address,
        context: Any = None,
        timeout: float = 30,
        proxy: Proxy | None = None,
    ):
        self._address, self._context, self._proxy = address, context, proxy
        self._timeout = timeout  # seconds without progress
        self._connection: HTTPConnection | None = None
        self._headers = {
            'Content-Type': 'application/x-ndjson',
            'Content-Encoding': 'gzip',
            'User-Agent': AGENT,
        }
        if address.credentials is not None:
            token = b64encode(':'.join(address.credentials).encode()).decode()
            self._headers['Authorization'] = f'Basic {token}'
        self._target = address.path
        if proxy is not None and not address.secure:
            self._target = str(address)  # RFC 9112, section 3.2.2
            self._headers.update(proxy.headers)

    @property
    def way(self) -> str:
        """How the server is reached, for messages; empty if directly."""
        return '' if self._proxy is None else f' (by the proxy {self._proxy.host})'

    def post(self, body: bytes, key: str) -> Answer:
        """
        Post records, compressed by gzip, and return the response, whatever its status is.

        A connection that the server has closed meanwhile is replaced: because of its key the
        request can be sent again.

        Raises:
            OSError: There is no response.
            HTTPException: The response is not HTTP.
        """
        headers = {**self._headers, 'Idempotency-Key': key, 'Content-Length': str(len(body))}
        limit = TimeLimit(self._timeout, len(body))
        if self._connection is not None:
            try:
                return self._post(self._connection, body, headers, limit)
            except timeout:
                self.close()
                raise
            except (OSError, HTTPException):  # OSError: also those of TLS
                self.close()
        self._connection = self._connect()
        try:
            return self._post(self._connection, body, headers, limit)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def hurry(self, timeout: float) -> None:
        """Wait no longer than *timeout* seconds from now on."""
        self._timeout = min(self._timeout, max(timeout, MIN_TIMEOUT))
        connection = self._connection
        if connection is not None and connection.sock is not None:
            connection.sock.settimeout(self._timeout)

    def abandon(self) -> None:
        """
        Close the copy of the socket in a forked process; nothing is sent to the server.

        Not `close`, which waits for the lock of the file object if a thread of the parent reads.
        """
        connection = self._connection
        if connection is not None and connection.sock is not None:
            os.close(connection.sock.detach())

    def _connect(self) -> HTTPConnection:
        host, timeout = self._address.host, self._timeout
        first = host if self._proxy is None else self._proxy.host
        if not self._address.secure:
            return HTTPConnection(first, timeout=timeout)
        connection = HTTPSConnection(first, timeout=timeout, context=self._context)
        if self._proxy is not None:
            connection.set_tunnel(host, headers=self._proxy.headers)
        return connection

    def _post(
        self, connection: HTTPConnection, body: bytes, headers: Any, limit: TimeLimit
    ) -> Answer:
        connection.response_class = partial(LimitedResponse, limit)  # type: ignore[assignment]
        if connection.sock is not None:
            connection.sock.settimeout(limit.left())
        try:
            pieces = _pieces(connection, body, limit)
            connection.request('POST', self._target, pieces, headers)
        except ConnectionError:
            # The server may have responded before it had read everything: 401, 413.
            if connection.sock is None:
                raise  # the server has closed it
            try:
                return self._read(connection.getresponse())
            except (HTTPException, OSError):
                pass
            raise
        return self._read(connection.getresponse())

    def _read(self, response: HTTPResponse) -> Answer:
        body = response.read(MAX_ANSWER)
        retry_after = response.getheader('Retry-After') or ''
        if response.will_close or not response.isclosed():
            self.close()
        return Answer(response.status, response.reason, retry_after, body)


def _pieces(connection: HTTPConnection, body: bytes, limit: TimeLimit) -> Iterator[bytes]:
    """Yield the body in pieces, each of which has to be sent within the limit."""
    for start in range(0, len(body), PIECE):
        if connection.sock is not None:
            connection.sock.settimeout(limit.left())
        yield body[start : start + PIECE]
