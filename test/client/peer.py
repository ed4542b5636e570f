"""A server that answers as it is told, over real sockets, and remembers what it was sent."""

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
    """What came."""

    headers: dict[str, str]
    lines: list[bytes]
    key: str
    connection: int  # the how many-th
    records: list[dict[str, Any]] = field(default_factory=list)


Answer = bytes | Callable[[socket.socket, Request | None], None]


def answer(status: int, body: Any = None, **headers: str) -> bytes:
    """An answer as it goes over the wire."""
    text = json.dumps(body).encode()
    lines = [f'HTTP/1.1 {status} Said', f'Content-Length: {len(text)}']
    lines += [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
    return '\r\n'.join([*lines, '', '']).encode() + text


def hang_up(connection: socket.socket, request: Request | None) -> None:
    """Close instead of answering."""
    connection.shutdown(socket.SHUT_RDWR)


class Peer:
    """
    Listens on a free port of loopback.

    Each request takes the next of *answers*; the last one stays. ``None`` is what Chronologer says
    when all is well. An answer that is a function does what it likes with the connection.
    """

    def __init__(self, *answers: Answer | None):
        self.answers = list(answers) or [None]
        self.requests: list[Request] = []
        self.changed = threading.Condition()
        self.connections = 0
        self.is_reading_bodies = True
        self.context: ssl.SSLContext | None = None  # to speak TLS
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
        """Go away, as a server that ends."""
        for connection in [self._listener, *self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def messages(self) -> list[str]:
        """Of the records of all requests that were answered as if they were stored."""
        return [record['message'] for request in self.stored for record in request.records]

    @property
    def stored(self) -> list[Request]:
        """Requests that were taken, each key once."""
        return list({request.key: request for request in self.requests if request.records}.values())

    def wait_for(self, is_so: Callable[[], object]) -> None:
        """Return when it is so; it is looked at after each request."""
        with self.changed:
            assert self.changed.wait_for(is_so, TIMEOUT), self.requests

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
                while stream.readline():
                    self._take(connection, stream, number)
                    if not self.is_reading_bodies:
                        break  # to close with unread bytes gives the client a reset
        except (OSError, ValueError):
            pass  # closed by the client, or by the test

    def _take(self, connection: socket.socket, stream: Any, number: int) -> None:
        headers = dict(parse_headers(stream).items())
        with self.changed:
            reply = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        request = None
        if self.is_reading_bodies:
            body = stream.read(int(headers['Content-Length']))
            lines = gzip.decompress(body).split(b'\n')
            request = Request(headers, lines, headers['Idempotency-Key'], number)
            if reply is None:
                request.records = [json.loads(line) for line in lines]
                reply = answer(201, list(range(len(lines))))
        with self.changed:
            self.requests.append(request or Request(headers, [], '', number))
            self.changed.notify_all()
        if callable(reply):
            reply(connection, request)
        else:
            connection.sendall(reply)


def refused_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
