"""Datagrams and connections from real sockets become committed records."""

import asyncio
import logging
import socket
import tracemalloc
from contextlib import asynccontextmanager, closing

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from chronologer.doors import Doors
from chronologer.doors.listener import ConnectionDoor, DatagramDoor, Lines
from chronologer.errors import InputError, RefusedError, StorageBusyError
from chronologer.front import Front, connections, listener
from chronologer.front.intake import Intake
from chronologer.front.listener import Listeners
from chronologer.front.site import Site
from chronologer.ingest.writer import Writer
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage
from chronologer.tree import create_doors
from test.servers.chronologer import free_port

HOST = '127.0.0.1'


def decode(data):
    """A record that has the data as its message."""
    if b'bad' in data:
        raise InputError('bad')
    return [Record(EPOCH, 'a', 20, data.decode())]


class Datagrams(DatagramDoor):
    """Each is a message."""

    def decode(self, data):
        return decode(data)


class Connections(ConnectionDoor):
    """Each line is a message."""

    max_connections = 3
    max_frame_bytes = 100

    def decode(self, data):
        return decode(data)


class Service:
    """A front with the listeners of some doors, and what it has stored."""

    def __init__(self, storage, writer, *doors):
        self.storage, self.writer, self.doors = storage, writer, Doors(doors)
        self.listeners = Listeners(self.doors.listeners, writer)
        self.front = Front(
            self.doors,
            Intake(writer),
            Site(None, 1),
            connections.Connections(8080, 100),
            [self.listeners],
        )
        self.messages = asyncio.Queue()
        self.sent = asyncio.Queue()

    async def start(self):
        """As a server does it, by ASGI's lifespan; return the kind of the answer."""
        self.life = asyncio.create_task(
            self.front({'type': 'lifespan'}, self.messages.get, self.sent.put)
        )
        await self.messages.put({'type': 'lifespan.startup'})
        return await self.sent.get()

    async def stop(self):
        await self.messages.put({'type': 'lifespan.shutdown'})
        assert {'type': 'lifespan.shutdown.complete'} == await self.sent.get()
        await self.life

    async def stored(self, count):
        """The messages, once there are so many."""
        await until(lambda: self.storage.count(Filter()) >= count)
        return [record.message for record in self.storage.page(Filter(), None, 20_000, True)]

    def drops(self):
        """What was dropped, by the reason."""
        (only,) = self.listeners
        return dict(only.drops.counts)


def run_on_loop(coroutine):
    """Run it on an event loop of the kind that workers have."""
    with closing(uvloop.new_event_loop()) as loop:
        loop.run_until_complete(coroutine)


async def until(condition):
    """Return when it holds."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
def run(tmp_path):
    """Run a coroutine function with a service that has a door of a class, or none."""

    def run_with(kind, test):
        with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
            storage.migrate()
            with Writer(storage) as writer:
                doors = [kind(HOST, free_port())] if kind else []
                service = Service(storage, writer, *doors)

                async def main():
                    assert {'type': 'lifespan.startup.complete'} == await service.start()
                    await test(service)
                    await service.stop()

                run_on_loop(asyncio.wait_for(main(), 60))
                service.front.close()

    return run_with


@asynccontextmanager
async def connection(service):
    """Reader and writer of a TCP connection."""
    (door,) = service.doors.listeners
    reader, writer = await asyncio.open_connection(door.host, door.port)
    yield reader, writer
    writer.close()


def send_datagrams(service, *datagrams):
    """From a socket of its own."""
    (door,) = service.doors.listeners
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in datagrams:
            sock.sendto(datagram, (door.host, door.port))


def busy(submission, done):
    """A `submit` of a writer whose queue is full."""
    raise StorageBusyError('full')


# UDP


def test_datagrams_become_records(run):
    """Malformed ones are counted and cost nothing else."""

    async def test(service):
        send_datagrams(service, b'one', b'bad', b'two', b'')
        assert {'one', 'two', ''} == set(await service.stored(3))
        assert {'malformed': 1} == service.drops()

    run(Datagrams, test)


def test_datagrams_are_dropped_where_the_queue_is_full(run, monkeypatch):
    """They are counted; later ones are stored."""

    async def test(service):
        with monkeypatch.context() as patch:
            patch.setattr(service.writer, 'submit', busy)
            send_datagrams(service, *[b'x'] * 5)
            await until(lambda: sum(service.drops().values()) == 5)
        assert {'because the queue is full': 5} == service.drops()
        send_datagrams(service, b'later')
        assert ['later'] == await service.stored(1)

    run(Datagrams, test)


@pytest.mark.parametrize(('bound', 'value'), [('DATAGRAM_RECORDS', 3), ('DATAGRAM_BYTES', 3)])
def test_datagrams_that_wait_are_bounded(run, monkeypatch, bound, value):
    """In number and in bytes, though the queue has room; the room is given back."""
    monkeypatch.setattr(listener, bound, value)

    async def test(service):
        waiting = []
        with monkeypatch.context() as patch:
            patch.setattr(service.writer, 'submit', lambda *pending: waiting.append(pending))
            send_datagrams(service, *[b'x'] * 5)
            await until(lambda: sum(service.drops().values()) == 2)
            assert 3 == len(waiting)
        for pending in waiting:
            service.writer.submit(*pending)
        (only,) = service.listeners
        await until(lambda: only._records == only._bytes == 0)
        send_datagrams(service, b'y')
        await service.stored(4)
        assert {'because too many wait': 2} == service.drops()

    run(Datagrams, test)


def test_what_is_not_stored_is_counted(run, monkeypatch):
    """Because the storage refuses it, or because the decoder fails."""

    async def test(service):
        with monkeypatch.context() as patch:
            patch.setattr(service.writer, 'submit', lambda _, done: done(RefusedError('no')))
            send_datagrams(service, b'x')
            await until(service.drops)
        (door,) = service.doors.listeners
        monkeypatch.setattr(door, 'decode', lambda _: 1 / 0)
        send_datagrams(service, b'x')
        await until(lambda: len(service.drops()) == 2)
        assert {'because they could not be stored': 1, 'malformed': 1} == service.drops()

    run(Datagrams, test)


# TCP


def test_lines_become_records(run):
    """However they are cut; the last one needs no end."""

    async def test(service):
        async with connection(service) as (_, writer):
            for piece in (b'one\r', b'\ntwo\n\nth', b'ree\nbad\n', b'last'):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            writer.write_eof()
            assert ['one', 'two', 'three', 'last'] == await service.stored(4)
        assert {'malformed': 1} == service.drops()

    run(Connections, test)


def test_a_line_that_is_too_long_is_dropped_alone(run):
    """It is counted, and not kept in memory."""

    async def test(service):
        async with connection(service) as (_, writer):
            writer.write(b'one\n' + b'x' * 100 + b'\n' + b'x' * 101 + b'\n')
            writer.write(b'x' * 1_000_000 + b'\ntwo\n')
            assert ['one', 'x' * 100, 'two'] == await service.stored(3)
        assert {'too long': 2} == service.drops()

    run(Connections, test)


def test_a_full_queue_holds_up_a_connection(run, monkeypatch):
    """Nothing is dropped, and no more is read."""
    monkeypatch.setattr(listener, 'BUSY_PAUSE', 0.01)
    lines = [b'%d' % number for number in range(10_000)]

    async def test(service):
        attempts = []

        def count(submission, done):
            attempts.append(len(submission.records))
            busy(submission, done)

        async with connection(service) as (_, writer):
            with monkeypatch.context() as patch:
                patch.setattr(service.writer, 'submit', count)
                writer.write(b'\n'.join(lines))
                writer.write_eof()
                await until(lambda: len(attempts) > 3)
            assert 1 == len(set(attempts))  # always the same piece of it
            assert attempts[0] < len(lines)
            assert [line.decode() for line in lines] == await service.stored(len(lines))
        assert {} == service.drops()

    run(Connections, test)


def test_a_record_that_is_refused_does_not_cost_the_others(run, monkeypatch):
    """It is found by halves, and counted."""

    async def test(service):
        insert = service.storage.insert

        def picky(batches, keys):
            are_bad = [any(record.message == '3' for record in batch) for batch in batches]
            good = [batch for batch, is_bad in zip(batches, are_bad, strict=True) if not is_bad]
            stored = iter(insert(good, [None] * len(good)))
            return [RefusedError('no') if is_bad else next(stored) for is_bad in are_bad]

        monkeypatch.setattr(service.storage, 'insert', picky)
        async with connection(service) as (_, writer):
            writer.write(b'\n'.join(b'%d' % number for number in range(8)) + b'\n')
            assert {*'01245678'[:7]} | {'7'} >= set(await service.stored(7))
        assert {'because they could not be stored': 1} == service.drops()

    run(Connections, test)


def test_connections_are_bounded(run):
    """One beyond the limit is closed and counted; there is room again when one ends."""

    async def test(service):
        others = [await asyncio.open_connection(HOST, service.doors.listeners[0].port)
                  for _ in range(3)]  # fmt: skip
        for number, (_, writer) in enumerate(others):
            writer.write(b'%d\n' % number)
        await service.stored(3)
        async with connection(service) as (reader, _):
            assert b'' == await reader.read()
        assert {'connections beyond the limit': 1} == service.drops()
        others[0][1].close()
        (only,) = service.listeners
        await until(lambda: len(only._tasks) == 2)
        async with connection(service) as (_, writer):
            writer.write(b'more\n')
            await service.stored(4)
        for _, writer in others:
            writer.close()

    run(Connections, test)


def test_a_silent_connection_is_closed(run, monkeypatch):
    """What it has sent is stored."""
    monkeypatch.setattr(Connections, 'idle_timeout', 0.05)

    async def test(service):
        async with connection(service) as (reader, writer):
            writer.write(b'one\ntwo')
            assert b'' == await reader.read()
            assert ['one', 'two'] == await service.stored(2)

    run(Connections, test)


# Start and stop


def test_stop_ends_connections_and_closes_sockets(run):
    """The port can be bound again."""
    used = []

    async def test(service):
        port = service.doors.listeners[0].port
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b'one\n')
        await service.stored(1)
        used.append((port, reader, writer))
        await service.listeners.stop()
        assert b'' == await reader.read()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        writer.close()

    run(Connections, test)


def test_stop_closes_a_socket_for_datagrams(run):
    """Nobody receives any more."""

    async def test(service):
        await service.listeners.stop()
        await asyncio.sleep(0)
        (door,) = service.doors.listeners
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((door.host, door.port))

    run(Datagrams, test)


@pytest.mark.parametrize('kind', [Datagrams, Connections])
def test_an_address_that_is_used_ends_the_start(tmp_path, kind):
    """Nothing stays open, and the message names the address."""
    port = free_port()
    kind_of_socket = socket.SOCK_DGRAM if kind is Datagrams else socket.SOCK_STREAM

    async def main(service):
        answer = await service.start()
        assert 'lifespan.startup.failed' == answer['type']
        assert f'{HOST}:{port}' in answer['message']
        await service.life

    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.migrate()
        with socket.socket(type=kind_of_socket) as other, Writer(storage) as writer:
            other.bind((HOST, port))
            if kind is Connections:
                other.listen()
            service = Service(storage, writer, Datagrams(HOST, free_port()), kind(HOST, port))
            run_on_loop(main(service))
            service.front.close()
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.bind((HOST, service.doors.listeners[0].port))


def test_without_such_a_door_nothing_is_opened(run, configuration, monkeypatch):
    """As with the doors of a plain server."""
    assert () == create_doors(configuration, None, None).listeners
    monkeypatch.setattr(listener, 'bind', lambda *_: 1 / 0)

    async def test(service):
        assert [] == list(service.listeners)

    run(None, test)


def test_drops_are_logged_once_in_a_while(monkeypatch, caplog):
    """With their counts; the rest at the end."""
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(listener, 'LOG_INTERVAL', 0.05)

    async def main():
        drops = listener.Drops('UDP here')
        for _ in range(1200):
            drops.add('malformed')
        drops.add('too long', 3)
        assert [] == caplog.messages
        await until(lambda: caplog.messages)
        assert ['UDP here dropped: 1,200 malformed, 3 too long'] == caplog.messages
        drops.add('malformed')
        drops.log()
        drops.log()
        assert ['UDP here dropped: 1 malformed'] == caplog.messages[1:]
        assert {'malformed': 1201, 'too long': 3} == drops.counts

    asyncio.run(main())


# Lines


@given(st.lists(st.sampled_from([b'', b'a', b'bc', b'x' * 5, b'y' * 6, b'z' * 50])),
       st.booleans(), st.lists(st.integers(0, 300)))  # fmt: skip
def test_lines_are_the_same_however_they_are_cut(lines, has_end, cuts):
    """In order; empty ones are skipped, those that are too long are dropped."""
    body = b'\n'.join(lines) + b'\n' * has_end
    cuts = sorted(min(cut, len(body)) for cut in cuts)
    dropped = []
    framing = Lines(5, dropped.append)
    found = []
    for low, high in zip([0, *cuts], [*cuts, len(body)], strict=True):
        found += framing.feed(body[low:high])
    found += framing.finish()
    assert [line for line in lines if 0 < len(line) <= 5] == found
    assert sum(len(line) > 5 for line in lines) == len(dropped)


def test_a_line_in_tiny_pieces_needs_little_memory():
    """A thousand connections may each have a line that has no end yet."""
    framing = Lines(100_000, print)
    tracemalloc.start()
    try:
        for number in range(50_000):
            assert not list(framing.feed(b'%02d' % (number % 100)))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 200_000
