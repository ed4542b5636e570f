"""
A cheap load generator: prepared requests over raw sockets, one thread for all connections.

On a machine with few cores, most CPU time is left to the server that is measured.
"""

import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

TIMEOUT = 30  # seconds without any answer


@dataclass
class Load:
    """The outcome of the requests."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds, of those answered by 2xx
    refused: list[bytes] = field(default_factory=list)  # the other answers
    closed: int = 0  # kept connections that the server closed instead of answering

    @property
    def rate(self) -> float:
        """Requests per second that were answered by 2xx."""
        return len(self.latencies) / self.seconds

    def quantile(self, percent: int) -> float:
        """Return a quantile of the latencies in seconds."""
        if len(self.latencies) < 2:
            raise RuntimeError(f'refused: {self.refused[:1]}')
        return statistics.quantiles(self.latencies, n=100)[percent - 1]


def request(host: str, path: str, body: bytes, *headers: str, keep_alive: bool = True) -> bytes:
    """Return the bytes of a POST request."""
    lines = [
        f'POST {path} HTTP/1.1',
        f'Host: {host}',
        f'Content-Length: {len(body)}',
        f'Connection: {"keep-alive" if keep_alive else "close"}',
        *headers,
    ]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


class _Connection:
    """Sends one request after the other, as long as there are some and time is left."""

    def __init__(
        self,
        address: tuple[str, int],
        requests: Iterator[bytes],
        is_kept: bool,
        selector: selectors.BaseSelector,
    ):
        self._address, self._requests, self._is_kept = address, requests, is_kept
        self._selector = selector
        self._socket: socket.socket | None = None
        self.send_next()

    def send_next(self) -> None:
        """Begin with the next request; without one, leave the selector."""
        request = next(self._requests, None)
        if request is None or not self._is_kept:
            self.close()
        if request is not None:
            self._request, self.started = request, time.perf_counter()
            self.send()

    def send(self) -> None:
        """Send the request, over a new connection if necessary."""
        self._answer = b''
        if self._socket is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._socket, selectors.EVENT_READ, self)
        with suppress(ConnectionError):  # noticed when the answer is read
            self._socket.sendall(self._request)

    def close(self) -> None:
        """Close the connection and leave the selector."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def receive(self) -> bytes | None:
        """Return the whole answer once it has arrived, or b'' if the server has closed."""
        assert self._socket is not None
        try:
            data = self._socket.recv(2**18)
        except ConnectionError:
            data = b''
        if not data:
            return b''
        self._answer += data
        head, separator, body = self._answer.partition(b'\r\n\r\n')
        if not separator:
            return None
        lower = head.lower()
        if (at := lower.find(b'\r\ncontent-length:')) >= 0:
            length = int(lower[at + 17 :].partition(b'\r\n')[0])
            return self._answer if len(body) >= length else None
        return self._answer if body.endswith(b'0\r\n\r\n') else None


def send(
    address: tuple[str, int],
    requests: Iterator[bytes],
    connections: int,
    seconds: float = 3600,
    is_kept: bool = True,
) -> Load:
    """Send *requests* over so many connections in parallel, until they or the time end."""
    load = Load()
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    for _ in range(connections):
        _Connection(address, requests, is_kept, selector)
    while selector.get_map():
        ready = selector.select(TIMEOUT)
        if not ready:
            raise TimeoutError(f'no answer within {TIMEOUT} s')
        for key, _ in ready:
            connection = key.data
            answer = connection.receive()
            if answer is None:
                continue
            if not answer:
                load.closed += 1
                connection.close()
                connection.send()
                continue
            now = time.perf_counter()
            if answer[9:10] == b'2':
                load.latencies.append(now - connection.started)
            else:
                load.refused.append(answer)
            if now - started < seconds:
                connection.send_next()
            else:
                connection.close()
    load.seconds = time.perf_counter() - started
    return load
