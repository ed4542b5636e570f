"""
Closes idle connections before all that may be open are in use.

The HTTP server accepts a limited number of connections and waits 30 seconds for the head of a
request. Without this, one client that opens that many would lock out everybody else.
"""

import asyncio
import fcntl
import logging
import os
import socket
import struct
import termios
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

MAX_CONNECTIONS = 4096  # of a worker; an idle one costs no thread
NEARLY_ALL, ENOUGH = 0.9, 0.75  # of them: begin to close from here, down to there
INTERVAL = 1  # seconds between two counts
SLICE = 16  # connections closed in a row; then the loop may note requests that have come
UNREAD_TIMEOUT = 60  # seconds for which a client may leave an answer unread
LOG_INTERVAL = 60  # seconds
DESCRIPTORS = '/proc/self/fd'  # of Linux; where it is missing nothing is closed

log = logging.getLogger('chronologer')


class Peer(NamedTuple):
    """A client's end of a connection."""

    descriptor: int  # of our end
    host: str
    port: int
    is_read: bool  # whether it has all that was sent to it


class Connections:
    """The connections of a worker to its HTTP port; to be used on the event loop."""

    def __init__(self, port: int, limit: int):
        self._port, self._limit = port, limit
        # By the client's port: two clients that have the same one count as busy if one is.
        self._requests: dict[int, int] = {}  # that are not answered
        self._idle_since: dict[int, float] = {}  # noted when nearly all connections are in use
        self._next_log = float('-inf')

    def begin(self, port: int) -> None:
        """Note that a request has come from a client's *port*."""
        self._requests[port] = self._requests.get(port, 0) + 1
        self._idle_since.pop(port, None)

    def end(self, port: int) -> None:
        """Note that it is answered."""
        left = self._requests.pop(port) - 1
        if left:
            self._requests[port] = left

    async def watch(self) -> None:
        """Close idle connections when nearly all are in use, until this is cancelled."""
        while os.path.isdir(DESCRIPTORS):
            await asyncio.sleep(INTERVAL)
            try:
                await self.close_idle(asyncio.get_running_loop().time())
            except OSError as ex:  # no descriptor is left for looking
                self._warn('idle connections cannot be closed: %s', ex.strerror)

    async def close_idle(self, now: float) -> None:
        """
        Close those that have been idle since the count before, if nearly all are in use.

        The hosts with the most idle connections come first, then the longest idle connections.
        """
        most = NEARLY_ALL * self._limit
        peers = self._peers() if len(os.listdir(DESCRIPTORS)) > most else []
        if len(peers) <= most:
            self._idle_since.clear()
            return
        idle = [peer for peer in peers if peer.port not in self._requests]
        since = {peer.port: self._idle_since.get(peer.port, now) for peer in idle}
        self._idle_since = since
        count = Counter(peer.host for peer in idle)
        closed = sorted(
            (peer for peer in idle if since[peer.port] < now - (not peer.is_read) * UNREAD_TIMEOUT),
            key=lambda peer: (-count[peer.host], since[peer.port]),
        )[: len(peers) - int(ENOUGH * self._limit)]
        shut = 0
        for start in range(0, len(closed), SLICE):
            await asyncio.sleep(0)
            for peer in closed[start : start + SLICE]:
                if peer.port in self._idle_since:  # no request has come since the count
                    shut += self._close(peer)
        if shut:
            self._warn(
                '%d of %d connections are open; %d idle ones were closed, the first of %s',
                len(peers), self._limit, shut, closed[0].host,
            )  # fmt: skip

    def _warn(self, text: str, *values: object) -> None:
        """Log a line, at most once a minute."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_log:
            self._next_log = now + LOG_INTERVAL
            log.warning(text, *values)

    def _peers(self) -> list[Peer]:
        peers = []
        for name in os.listdir(DESCRIPTORS):
            with suppress(OSError):  # not a socket, not connected, or closed since
                if peer := self._peer_of(int(name)):
                    peers.append(peer)
        return peers

    def _peer_of(self, descriptor: int) -> Peer | None:
        with _socket_of(descriptor) as sock:
            own, other = sock.getsockname(), sock.getpeername()
            if not isinstance(own, tuple) or own[1] != self._port:
                return None
            return Peer(descriptor, other[0], other[1], _bytes_in(sock, termios.TIOCOUTQ) == 0)

    def _close(self, peer: Peer) -> bool:
        """
        Let the HTTP server see the end of a connection; it then closes its descriptor.

        Return whether it was still there, without a request that is not read yet.
        """
        with suppress(OSError), _socket_of(peer.descriptor) as sock:
            is_same = sock.getpeername()[:2] == (peer.host, peer.port)  # and not another by now
            if is_same and _bytes_in(sock, termios.FIONREAD) == 0:
                sock.shutdown(socket.SHUT_RDWR)
                return True
        return False


def _socket_of(descriptor: int) -> socket.socket:
    """
    Duplicate a descriptor, of IPv4 or IPv6.

    Raises:
        OSError: It is not a socket.
    """
    copy = os.dup(descriptor)
    try:
        return socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, copy)
    except BaseException:
        os.close(copy)
        raise


def _bytes_in(sock: socket.socket, queue: int) -> int:
    """Return the size of one of the kernel's queues of a socket."""
    (size,) = struct.unpack('i', fcntl.ioctl(sock, queue, bytes(4)))
    return int(size)
