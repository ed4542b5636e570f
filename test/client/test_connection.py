"""Addresses, and requests over real sockets."""

import os
import socket
import struct

import pytest

from chronologer.client.buffer import Batch
from chronologer.client.connection import Address, Connection, parse_address
from test.client.peer import Peer, answer, hang_up


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
    """Host and path apart, or a URL, whose parts count."""
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
def test_what_is_no_address_is_refused(given, problem):
    """When the handler is made, and in words that help; passwords are not repeated."""
    with pytest.raises(ValueError, match='^' + problem.replace('(', r'\(')) as caught:
        parse_address(*given, *('', '', False, None)[len(given) :])
    assert 'b@' not in str(caught.value)


def connect(peer: Peer) -> Connection:
    return Connection(Address(peer.host, '/api/v1/record', False, ('bob', 'pä:ss')))


def test_a_request():
    """NDJSON, compressed, with key and credentials; the answer as it is."""
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
    """And replaced at once when the server has closed it meanwhile."""
    with Peer(None, None, hang_up, None) as peer:
        connection = connect(peer)
        for _ in range(3):
            batch = Batch([b'{"message":"a"}'])
            assert 201 == connection.post(batch.body, batch.key).status
        connection.close()
    assert [1, 1, 1, 2] == [request.connection for request in peer.requests]
    assert peer.requests[2].key == peer.requests[3].key


def test_a_server_that_closes_is_taken_at_its_word():
    """After ``Connection: close`` the next request takes another connection."""
    with Peer(answer(503, Connection='close'), None) as peer:
        connection = connect(peer)
        batch = Batch([b'{"message":"a"}'])
        assert [503, 201] == [connection.post(batch.body, batch.key).status for _ in range(2)]
        connection.close()
    assert 2 == peer.connections


@pytest.mark.parametrize('status', [401, 413])
def test_an_answer_that_comes_before_the_body_was_read(status):
    """It is read, though the server has closed and the rest of the body cannot be sent."""
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
    """Close so that the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    os.close(connection.detach())


@pytest.mark.parametrize('fault', [hang_up, reset, b'nonsense\r\n\r\n'])
def test_no_answer_is_an_error(fault):
    """Of the network's or of HTTP's."""
    from http.client import HTTPException

    def send_and_hang_up(connection: socket.socket, request: object) -> None:
        connection.sendall(fault)
        hang_up(connection, None)

    with Peer(fault if callable(fault) else send_and_hang_up) as peer:
        connection = connect(peer)
        with pytest.raises((OSError, HTTPException)):
            connection.post(b'', 'key')


def test_a_server_that_stalls_is_given_up():
    """After the time for a request."""
    with Peer(lambda connection, request: None) as peer:
        connection = Connection(Address(peer.host, '/', False, None), timeout=0.2)
        with pytest.raises(TimeoutError):
            connection.post(Batch([b'{}']).body, 'key')
