"""
Sockets of doors beside HTTP: UDP and TCP, on the event loop of each worker.

The workers share a port (SO_REUSEPORT): the kernel distributes senders among them. Memory is
bounded: datagrams beyond the bound are dropped and counted, connections are not read until there is
room.
"""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from chronologer.doors.listener import ConnectionDoor, DatagramDoor, ListenerDoor
from chronologer.errors import (
    ChronologerError,
    DiskFullError,
    LimitError,
    RefusedError,
    StorageBusyError,
)
from chronologer.front.delivery import Mailbox
from chronologer.ingest.bounds import DATAGRAM_BYTES, DATAGRAM_RECORDS
from chronologer.ingest.writer import Submission, Writer
from chronologer.model import Record
from chronologer.storage import Outcome

LOG_INTERVAL = 60  # seconds between two lines about what was dropped
READ_BYTES = 16 * 2**10  # of a connection, decoded together on the loop
RECEIVE_BUFFER = 2**20  # bytes that the kernel buffers while the loop is busy
BUSY_PAUSE = 0.2  # seconds until the next attempt after StorageBusyError
BACKLOG = 100  # connections that wait to be accepted

log = logging.getLogger('chronologer')


class Drops:
    """Counts what a listener drops, by the reason; logs the counts at most once a minute."""

    def __init__(self, name: str):
        self._name = name
        self.counts: Counter[str] = Counter()  # since the start
        self._unlogged: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, reason: str, count: int = 1) -> None:
        """Count; to be called on the loop."""
        self.counts[reason] += count
        self._unlogged[reason] += count
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOG_INTERVAL, self.log)

    def log(self) -> None:
        """Log the counts that are not logged yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unlogged:
            listed = ', '.join(f'{count:,} {why}' for why, count in self._unlogged.items())
            log.warning('%s dropped: %s', self._name, listed)
            self._unlogged.clear()


class Listener(ABC):
    """The socket of one door."""

    kind: socket.SocketKind

    def __init__(self, door: ListenerDoor, mailbox: Mailbox):
        protocol = 'UDP' if self.kind == socket.SOCK_DGRAM else 'TCP'
        self.drops = Drops(f'{protocol} {door.host}:{door.port}')
        self._mailbox = mailbox

    def _decode(self, door: ListenerDoor, data: bytes) -> Sequence[Record]:
        """Return the records of a datagram or a frame; malformed ones are counted."""
        try:
            return door.decode(data)
        except ChronologerError:
            self.drops.add('malformed')
        except Exception:
            log.exception('Decoding failed')
            self.drops.add('malformed')
        return ()

    @abstractmethod
    async def start(self) -> None:
        """
        Bind the socket.

        Raises:
            OSError: The address cannot be used.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Close the socket and all connections."""


class DatagramListener(Listener, asyncio.DatagramProtocol):
    """Receives datagrams, each of which is submitted by itself."""

    kind = socket.SOCK_DGRAM

    def __init__(self, door: DatagramDoor, mailbox: Mailbox):
        super().__init__(door, mailbox)
        self._door = door
        self._records = self._bytes = 0  # that wait for their commit
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        sock = bind(self._door.host, self._door.port, self.kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self.drops.log()

    def datagram_received(self, data: bytes, _: object) -> None:
        """Submit the records of a datagram, or drop it if there is no room."""
        if self._records >= DATAGRAM_RECORDS or self._bytes + len(data) > DATAGRAM_BYTES:
            self.drops.add('because too many wait')
        elif records := self._decode(self._door, data):
            self._submit(Submission(records, len(data)))

    def _submit(self, submission: Submission) -> None:
        try:
            future = self._mailbox.submit(submission)
        except StorageBusyError:
            self.drops.add('because the queue is full')
            return
        self._records += len(submission.records)
        self._bytes += submission.size
        future.add_done_callback(partial(self._settle, submission))

    def _settle(self, submission: Submission, future: 'asyncio.Future[Outcome]') -> None:
        self._records -= len(submission.records)
        self._bytes -= submission.size
        if isinstance(future.result(), ChronologerError):
            self.drops.add('because they could not be stored')


class ConnectionListener(Listener):
    """
    Receives connections, reads each piece by piece, and waits until a piece is stored.

    While the queue is full or the storage is away a connection is not read, which slows its sender.
    """

    kind = socket.SOCK_STREAM

    def __init__(self, door: ConnectionDoor, mailbox: Mailbox):
        super().__init__(door, mailbox)
        self._door = door
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # of connections

    async def start(self) -> None:
        sock = bind(self._door.host, self._door.port, self.kind)
        self._server = await asyncio.start_server(
            self._accept, sock=sock, limit=READ_BYTES, backlog=BACKLOG
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self.drops.log()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection, if there are not too many."""
        if len(self._tasks) >= self._door.max_connections:
            self.drops.add('connections beyond the limit')
            writer.close()
            return
        # Not the task that asyncio makes for a coroutine: it logs those that are cancelled.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._receive(reader)
        finally:
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        framing = self._door.framing(self.drops.add)
        # The sender may be silent for too long, or gone without closing the connection.
        with suppress(asyncio.TimeoutError, OSError):
            while data := await asyncio.wait_for(reader.read(READ_BYTES), self._door.idle_timeout):
                await self._store(framing.feed(data))
        await self._store(framing.finish())

    async def _store(self, frames: Iterable[bytes]) -> None:
        records: list[Record] = []
        size = 0
        for frame in frames:
            records += self._decode(self._door, frame)
            size += len(frame)
        if records:
            await self._commit(records, size)

    async def _commit(self, records: Sequence[Record], size: int) -> None:
        """Submit until the storage is not too busy; a refused record does not cost the others."""
        while isinstance(
            outcome := await self._submit(Submission(records, size)),
            (StorageBusyError, DiskFullError),
        ):
            await asyncio.sleep(BUSY_PAUSE)
        if not isinstance(outcome, ChronologerError):
            return
        if len(records) == 1 or not isinstance(outcome, (LimitError, RefusedError)):
            self.drops.add('because they could not be stored', len(records))
            return
        middle = len(records) // 2
        await self._commit(records[:middle], size // 2)
        await self._commit(records[middle:], size // 2)

    async def _submit(self, submission: Submission) -> Outcome:
        try:
            return await self._mailbox.submit(submission)
        except StorageBusyError as ex:
            return ex


class Listeners:
    """The listeners of all doors that need one; without any, nothing is opened."""

    def __init__(self, doors: Iterable[ListenerDoor], writer: Writer):
        mailbox = Mailbox(writer)
        self._listeners = [_listener(door, mailbox) for door in doors]

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._listeners)

    async def start(self) -> None:
        """
        Open all sockets, or none.

        Raises:
            OSError: An address cannot be used.
        """
        try:
            for listener in self._listeners:
                await listener.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close all sockets and connections; what was submitted will be stored."""
        for listener in self._listeners:
            await listener.stop()


def _listener(door: ListenerDoor, mailbox: Mailbox) -> Listener:
    if isinstance(door, DatagramDoor):
        return DatagramListener(door, mailbox)
    assert isinstance(door, ConnectionDoor)
    return ConnectionListener(door, mailbox)


def bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """
    Return a socket at an address that other workers share.

    Raises:
        OSError: The address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
    except OSError as ex:
        raise OSError(ex.errno, f'{host}: {ex.strerror}') from ex
    family, *_, address = found[0]
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(address)
    except OSError as ex:
        sock.close()
        raise OSError(ex.errno, f'{host}:{port}: {ex.strerror}') from ex
    return sock
