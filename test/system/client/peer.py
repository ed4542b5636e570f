"""A server that gives scripted answers over real sockets, and records its requests."""

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import parse_headers
from typing import Any

TIMEOUT = 20  # seconds that a test waits for anything


@dataclass
class Request:
    """A request that the server has received."""

    headers: dict[str, str]
    lines: list[bytes]
    key: str
    connection: int  # number of the connection, from 1
    target: str = ''  # of the first line: a path, or a URL for a proxy
    records: list[dict[str, Any]] = field(default_factory=list)


Answer = bytes | Callable[[socket.socket, Request | None], None]


def answer(status: int, body: Any = None, **headers: str) -> bytes:
    """Return the bytes of an HTTP answer."""
    text = json.dumps(body).encode()
    lines = [f'HTTP/1.1 {status} Said', f'Content-Length: {len(text)}']
    lines += [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
    return '\r\n'.join([*lines, '', '']).encode() + text


def refusal(status: int, kind: str = 'InputError') -> bytes:
    """Return the answer of Chronologer that it refuses the request."""
    return answer(status, {'error': {'type': kind, 'message': 'no'}})


def hang_up(connection: socket.socket, request: Request | None) -> None:
    """Close the connection instead of answering."""
    connection.shutdown(socket.SHUT_RDWR)


class Peer:
    """
    A server on a free port of loopback.

    Each request gets the next of *answers*; the last one is repeated. ``None`` is the answer of
    Chronologer that the records are stored. An answer may be a function of the connection and the
    request.
    """

    def __init__(self, *answers: Answer | None):
        self.answers = list(answers) or [None]
        self.requests: list[Request] = []
        self.changed = threading.Condition()
        self.connections = 0
        self.is_reading_bodies = True
        self.context: ssl.SSLContext | None = None  # for TLS
        self._open: list[socket.socket] = []

    def __enter__(self) -> 'Peer':
        self._listener = socket.create_server(('127.0.0.1', getattr(self, 'port', 0)))
        self.port = self._listener.getsockname()[1]
        self.host = f'127.0.0.1:{self.port}'
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, as a server that ends."""
        for connection in [self._listener, *self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def messages(self) -> list[str]:
        """The messages of the records of all requests that were answered as stored."""
        return [record['message'] for request in self.stored for record in request.records]

    @property
    def stored(self) -> list[Request]:
        """The accepted requests, each key once."""
        return list({request.key: request for request in self.requests if request.records}.values())

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until the condition is true; it is checked after each request."""
        with self.changed:
            assert self.changed.wait_for(condition, TIMEOUT), self.requests

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(
                target=self._serve, args=[connection, self.connections], daemon=True
            ).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile('rb') as stream:
                while line := stream.readline():
                    self._handle(connection, stream, number, line.decode().split()[1])
                    if not self.is_reading_bodies:
                        break  # closing with unread bytes sends a reset to the client
        except (OSError, ValueError):
            pass  # closed by the client or by the test

    def _handle(self, connection: socket.socket, stream: Any, number: int, target: str) -> None:
        headers = dict(parse_headers(stream).items())
        with self.changed:
            reply = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        request = None
        if self.is_reading_bodies:
            body = stream.read(int(headers['Content-Length']))
            lines = gzip.decompress(body).split(b'\n')
            request = Request(headers, lines, headers['Idempotency-Key'], number, target)
            if reply is None:
                request.records = [json.loads(line) for line in lines]
                reply = answer(201, list(range(len(lines))))
        with self.changed:
            self.requests.append(request or Request(headers, [], '', number, target))
            self.changed.notify_all()
        if callable(reply):
            reply(connection, request)
        else:
            connection.sendall(reply)


class Tunnel:
    """A proxy for TLS: it connects each client to *port* of loopback, whatever it asks for."""

    def __init__(self, port: int, refusal: bytes = b''):
        self.heads: list[list[str]] = []  # lines of requests
        self._port, self._refusal = port, refusal

    def __enter__(self) -> 'Tunnel':
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[near], daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            with near.makefile('rb', buffering=0) as stream:
                self.heads.append([line.decode() for line in iter(stream.readline, b'\r\n')])
            near.sendall(self._refusal or b'HTTP/1.1 200 Connected\r\nX: y\r\n\r\n')
            if self._refusal:
                return
            with socket.create_connection(('127.0.0.1', self._port)) as far:
                back = threading.Thread(target=_forward, args=[far, near], daemon=True)
                back.start()
                _forward(near, far)
                back.join()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def refused_port() -> int:
    """Return a port on which no server listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
