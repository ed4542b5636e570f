"""Addresses, and requests over real sockets."""

import os
import socket
import struct
import time
from http.client import HTTPException
from itertools import chain, repeat

import pytest

from chronologer.client import time_limit
from chronologer.client.buffer import Batch
from chronologer.client.connection import Address, Connection, parse_address
from chronologer.client.proxy import Proxy
from test.system.client.peer import TIMEOUT, Peer, answer, hang_up


@pytest.mark.parametrize(
    ('given', 'wanted'),
    [
        (('localhost:8080',), ('localhost:8080', '/api/v1/record', False, None)),
        (('logs', '/x', True, ('u', 'p')), ('logs', '/x', True, ('u', 'p'))),
        (('logs', '/x', False, ['u', 'p']), ('logs', '/x', False, ('u', 'p'))),
        (('https://a:b%40c@logs:1/', '/x'), ('logs:1', '/x', True, ('a', 'b@c'))),
        (('https://logs',), ('logs', '/api/v1/record', True, None)),
        (('http://a@logs/p?raw=0', '/x', True), ('logs', '/p?raw=0', False, ('a', ''))),
        (('http://[::1]:8080',), ('[::1]:8080', '/api/v1/record', False, None)),
        (('http://logs/', '/x', False, ('u', 'p')), ('logs', '/x', False, ('u', 'p'))),
    ],
)
def test_addresses(given, wanted):
    """An address is a host and a path, or a URL whose parts override the other arguments."""
    defaults = ('', '/api/v1/record', False, None)
    assert Address(*wanted) == parse_address(*given, *defaults[len(given) :])


@pytest.mark.parametrize(
    ('given', 'problem'),
    [
        (('ftp://logs', '/'), 'host: expected http:// or https://, got ftp://'),
        (('logs:x', '/'), "host: expected a name and maybe a port, or a URL, got 'logs:x'"),
        (('logs:0', '/'), 'host: '),
        (('logs:70000', '/'), 'host: '),
        (('', '/'), 'host: '),
        (('logs/x', '/'), 'host: '),
        (('a:b@logs', '/'), 'host: '),
        (('a b', '/'), 'host: '),
        (('http://', '/'), 'host: '),
        (('http://[::1', '/'), 'host: '),
        (('logs', 'api'), "url: expected a path such as /api/v1/record, got 'api'"),
        (('logs', '/ä'), 'url: '),
        (('logs', '/a b'), 'url: '),
        (('logs', '/a\r\nX: y'), 'url: '),
        (('logs', '/', False, ('u',)), 'credentials: expected a user name and a password'),
        (('logs', '/', False, ('u', 5)), 'credentials: '),
        (('logs', '/', False, 'up'), 'credentials: '),
        (('logs', '/', False, ('u:x', 'p')), 'credentials: a user name with a colon'),
    ],
)
def test_invalid_addresses_are_refused(given, problem):
    """The message names the argument and does not show passwords."""
    with pytest.raises(ValueError, match='^' + problem.replace('(', r'\(')) as caught:
        parse_address(*given, *('', '', False, None)[len(given) :])
    assert 'b@' not in str(caught.value)


def connect(peer: Peer) -> Connection:
    return Connection(Address(peer.host, '/api/v1/record', False, ('bob', 'pä:ss')))


def test_a_request():
    """A request has compressed NDJSON, key and credentials; the answer is returned unchanged."""
    batch = Batch([b'{"message":"a"}', b'{"message":"b"}'])
    with Peer() as peer:
        connection = connect(peer)
        assert (201, b'[0, 1]') == connection.post(batch.body, batch.key)[::3]
        connection.close()
    (request,) = peer.requests
    assert [b'{"message":"a"}', b'{"message":"b"}'] == request.lines
    assert batch.key == request.key
    assert 'application/x-ndjson' == request.headers['Content-Type']
    assert 'gzip' == request.headers['Content-Encoding']
    assert 'Basic Ym9iOnDDpDpzcw==' == request.headers['Authorization']


def test_the_connection_is_kept():
    """A connection is reused, and replaced immediately when the server has closed it."""
    with Peer(None, None, hang_up, None) as peer:
        connection = connect(peer)
        for _ in range(3):
            batch = Batch([b'{"message":"a"}'])
            assert 201 == connection.post(batch.body, batch.key).status
        connection.close()
    assert [1, 1, 1, 2] == [request.connection for request in peer.requests]
    assert peer.requests[2].key == peer.requests[3].key


def test_connection_close_is_followed():
    """After ``Connection: close`` the next request uses a new connection."""
    with Peer(answer(503, Connection='close'), None) as peer:
        connection = connect(peer)
        batch = Batch([b'{"message":"a"}'])
        assert [503, 201] == [connection.post(batch.body, batch.key).status for _ in range(2)]
        connection.close()
    assert 2 == peer.connections


@pytest.mark.parametrize('status', [401, 413])
def test_an_answer_before_the_end_of_the_body(status):
    """The answer is read, though the server has closed and the body cannot be sent completely."""
    lines = [b'{"message":"%d"}' % n for n in range(2_000_000)]

    def answer_and_close(connection: socket.socket, request: object) -> None:
        connection.sendall(answer(status, {'error': {'type': 'X', 'message': 'y'}}))
        connection.shutdown(socket.SHUT_WR)

    with Peer(answer_and_close) as peer:
        peer.is_reading_bodies = False
        connection = connect(peer)
        batch = Batch(lines)
        assert len(batch.body) > 4 * 2**20  # more than the buffers of two sockets
        assert status == connection.post(batch.body, batch.key).status
        connection.close()


def reset(connection: socket.socket, request: object) -> None:
    """Close the connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    os.close(connection.detach())


@pytest.mark.parametrize('fault', [hang_up, reset, b'nonsense\r\n\r\n'])
def test_a_missing_answer_is_an_error(fault):
    """The error is one of the network or of HTTP."""

    def send_and_hang_up(connection: socket.socket, request: object) -> None:
        connection.sendall(fault)
        hang_up(connection, None)

    with Peer(fault if callable(fault) else send_and_hang_up) as peer:
        connection = connect(peer)
        with pytest.raises((OSError, HTTPException)):
            connection.post(b'', 'key')


def test_a_stalled_server_times_out():
    """The request fails after its timeout."""
    with Peer(lambda connection, request: None) as peer:
        connection = Connection(Address(peer.host, '/', False, None), timeout=0.2)
        with pytest.raises(TimeoutError):
            connection.post(Batch([b'{}']).body, 'key')


STORED = answer(201, [0])
CHUNKED = b'HTTP/1.1 201 Said\r\nTransfer-Encoding: chunked\r\n\r\n'
DRIPS = {
    'status': [STORED[n : n + 1] for n in range(len(STORED))],
    'headers': chain([b'HTTP/1.1 201 Said\r\nX: '], repeat(b'x')),
    'body': chain([b'HTTP/1.1 201 Said\r\nContent-Length: 999\r\n\r\n'], repeat(b' ')),
    'chunks': chain([CHUNKED], repeat(b'1\r\n \r\n')),
    'interim': repeat(b'HTTP/1.1 100 Continue\r\n\r\n'),
    'early hints': repeat(b'HTTP/1.1 103 Early Hints\r\n\r\n'),
}


@pytest.mark.parametrize('parts', DRIPS.values(), ids=DRIPS)
def test_an_answer_in_drips_times_out(parts):
    """The time of the whole request is limited, though each part arrives in time."""

    def drip(connection: socket.socket, request: object) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)

    with Peer(drip) as peer:
        connection = Connection(Address(peer.host, '/', False, None), timeout=0.5)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.post(Batch([b'{}']).body, 'key')
        assert time.monotonic() - start < TIMEOUT / 4


def test_a_flood_of_answers_ends(monkeypatch):
    """The size of a response is limited, with all interim responses before it."""
    monkeypatch.setattr(time_limit, 'MAX_ANSWER', 100_000)

    def flood(connection: socket.socket, request: object) -> None:
        while True:
            connection.sendall(b'HTTP/1.1 100 Continue\r\n\r\n' * 1000)

    with Peer(flood) as peer:
        connection = Connection(Address(peer.host, '/', False, None))
        with pytest.raises(HTTPException, match='a response of more than 100,000 bytes'):
            connection.post(Batch([b'{}']).body, 'key')


def test_a_body_that_is_read_in_drips_times_out(monkeypatch):
    """The rate at which a server has to read is limited as well."""
    monkeypatch.setattr(time_limit, 'MIN_RATE', 2**30)

    def read_slowly(connection: socket.socket, request: object) -> None:
        while connection.recv(2**10):
            time.sleep(0.05)

    with Peer(read_slowly) as peer:
        peer.is_reading_bodies = False
        connection = Connection(Address(peer.host, '/', False, None), timeout=0.5)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.post(os.urandom(2**25), 'key')
        assert time.monotonic() - start < TIMEOUT / 4


def test_interim_responses_are_skipped():
    """The response to a request is the final one, whatever comes before it."""
    interim = b'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n'
    with Peer(interim + answer(503), interim + answer(201, [7])) as peer:
        connection = connect(peer)
        body = Batch([b'{}']).body
        assert [503, 201] == [connection.post(body, key).status for key in ('a', 'b')]
        connection.close()
    assert 1 == peer.connections


def test_a_proxy():
    """It gets the whole URL, and its own credentials beside those for the server."""
    with Peer() as peer:
        address = Address('logs.invalid:8080', '/api/v1/record', False, ('bob', 'x'))
        connection = Connection(address, proxy=Proxy(peer.host, {'Proxy-Authorization': 'p'}))
        assert [201, 201] == [
            connection.post(Batch([b'{"message":"a"}']).body, key).status for key in 'ab'
        ]
        connection.close()
    assert 1 == peer.connections
    request = peer.requests[0]
    assert 'http://logs.invalid:8080/api/v1/record' == request.target
    assert ('logs.invalid:8080', 'p') == (
        request.headers['Host'], request.headers['Proxy-Authorization'],
    )  # fmt: skip
    assert 'Authorization' in request.headers
