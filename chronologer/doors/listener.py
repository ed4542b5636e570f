"""
Doors beside HTTP: datagrams, and connections that bring lines or other frames.

They have no answers: only the server log reports what was dropped.
`chronologer.front.listener` opens a socket for each of these doors that is in the table.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from chronologer.model import Record

Drop = Callable[[str], None]  # counts a datagram or a frame as dropped, by the reason


class ListenerDoor(ABC):
    """Accepts data of any sender at one address."""

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port

    @abstractmethod
    def decode(self, data: bytes) -> Sequence[Record]:
        """
        Make records of a datagram or a frame; called on the event loop, so it must be quick.

        Raises:
            ChronologerError: The data is malformed.
        """


class DatagramDoor(ListenerDoor):
    """Accepts UDP datagrams."""


class Framing(Protocol):
    """Divides the bytes of one connection into frames."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that *data* completes."""

    def finish(self) -> Iterator[bytes]:
        """Yield the rest at the end of the connection, if it is a frame."""


class ConnectionDoor(ListenerDoor):
    """Accepts TCP connections; the frames are lines, unless a door has another framing."""

    max_connections = 1000  # of each worker
    max_frame_bytes = 64 * 2**10
    idle_timeout = 900.0  # seconds without any byte, after which a connection is closed

    def framing(self, drop: Drop) -> Framing:
        """Return the framing of a new connection, with frames of at most `max_frame_bytes`."""
        return Lines(self.max_frame_bytes, drop)


class Lines:
    """Lines without their ends; empty ones are skipped, and those that are too long dropped."""

    def __init__(self, max_bytes: int, drop: Drop):
        self._max_bytes, self._drop = max_bytes, drop
        self._line = bytearray()  # the unfinished one; a list of tiny pieces would be far larger
        self._length = 0  # of that line, including its dropped part

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that *data* completes."""
        first, *others = data.split(b'\n')
        self._keep(first)
        for piece in others:
            yield from self.finish()
            self._keep(piece)

    def finish(self) -> Iterator[bytes]:
        """Yield the line that has no end."""
        length, line = self._length, bytes(self._line).rstrip(b'\r')
        self._line, self._length = bytearray(), 0
        if length > self._max_bytes:
            self._drop('too long')
        elif line:
            yield line

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._max_bytes:
            self._line.clear()
        else:
            self._line += piece
