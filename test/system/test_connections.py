"""Connections to a real server: how many there may be, and a port of its own for checks."""

import contextlib
import os
import socket
import struct
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from test.servers.chronologer import AUTHORIZATION, Server, free_port, wait_until

ROOT = Path(__file__).parents[2]
LIMIT = 100  # connections
GET = b'GET %b HTTP/1.1\r\nHost: x\r\n\r\n'

# Lowers the limit in every process: Python imports this module when it starts.
CUSTOM = f"""
from chronologer.front import connections

connections.MAX_CONNECTIONS = {LIMIT}
"""


@pytest.fixture
def few(tmp_path, monkeypatch):
    """A server with few connections, and a port for checks."""
    (tmp_path / 'sitecustomize.py').write_text(CUSTOM)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path), str(ROOT)]))
    with Server(tmp_path, health_port=free_port()) as server:
        yield server


def connect(server, address='127.0.0.1'):
    """Return a connection from another address of this machine."""
    target = '127.0.0.1', server.port
    return socket.create_connection(target, timeout=20, source_address=(address, 0))


def is_open(connection):
    """Whether the server has not closed it."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_idle_connections_of_one_address_lock_out_nobody(few):
    """They are closed, and the busy ones and those of others are not."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(connect(few))
        other.sendall(GET % b'/health')
        assert other.recv(1000).startswith(b'HTTP/1.1 200')
        sending = stack.enter_context(connect(few, '127.0.0.2'))
        sending.sendall(
            b'POST /api/v1/record HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n'
            b'Content-Type: application/json\r\nAuthorization: %b\r\n\r\n['
            % AUTHORIZATION['Authorization'].encode()
        )
        idle = [stack.enter_context(connect(few, '127.0.0.2')) for _ in range(2 * LIMIT)]
        wait_until(lambda: sum(map(is_open, idle)) < LIMIT)
        assert 201 == few.post().status
        (worker,) = few.workers()
        for _ in range(5):  # counts of crowded connections, which leave no descriptors open
            idle += [stack.enter_context(connect(few, '127.0.0.2')) for _ in range(LIMIT // 4)]
            time.sleep(1)
            assert len(os.listdir(f'/proc/{worker}/fd')) < 2 * LIMIT
        sending.sendall(b'"a"]')
        assert sending.recv(1000).startswith(b'HTTP/1.1 400')  # which only a whole body can get
        other.sendall(GET % b'/health')
        assert other.recv(1000).startswith(b'HTTP/1.1 200')
        assert 'idle ones were closed, the first of 127.0.0.2' in few.log.read_text()


def request(port, method, path):
    """Return status, headers and body of an answer; the connection is closed after it."""
    with contextlib.closing(HTTPConnection('127.0.0.1', port, timeout=20)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        assert response.will_close
        return response.status, response.headers, response.read()


def test_a_port_of_their_own_for_checks(tmp_path):
    """It answers while all connections to the other port are in use, and nothing else."""
    port = free_port()
    with Server(tmp_path, health_port=port) as server:
        for path in ('/health', '/ready'):
            response = server.request('GET', path)
            status, headers, body = request(port, 'GET', path)
            assert (response.status, response.data) == (status, body)
            assert 'application/json' == headers['Content-Type']
            assert (200, b'') == request(port, 'HEAD', path)[::2]
        for path in ('/', '/api/v1/record', '/health/', '/%00', '*'):
            status, _, body = request(port, 'GET', path)
            assert 404 == status
            assert b'this port has only /health and /ready' in body
        assert 405 == request(port, 'POST', '/health')[0]
        for text in (b'', b'x\r\n\r\n', b'\xff / x\r\n\r\n', b'x' * 10_000):
            with socket.create_connection(('127.0.0.1', port), timeout=20) as connection:
                connection.sendall(text)
                connection.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    assert b'' == connection.recv(1000)
        assert 200 == request(port, 'GET', '/health')[0]
        assert 'Traceback' not in server.log.read_text()


def test_bad_clients_of_the_port_for_checks(tmp_path):
    """Neither those that are gone nor those that are silent keep others from checking."""
    port = free_port()
    with Server(tmp_path, health_port=port) as server, contextlib.ExitStack() as stack:
        for _ in range(300):
            with socket.create_connection(('127.0.0.1', port), timeout=20) as connection:
                connection.sendall(GET % b'/health')
                reset = struct.pack('ii', 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        for _ in range(150):
            connection = socket.create_connection(('127.0.0.1', port), timeout=20)
            stack.enter_context(connection)
        for _ in range(10):
            assert 200 == request(port, 'GET', '/health')[0]
        assert 'Traceback' not in server.log.read_text()


@pytest.mark.parametrize('is_same', [True, False])
def test_a_port_that_is_in_use(tmp_path, is_same):
    """The start fails, and says which port it is."""
    with socket.create_server(('127.0.0.1', 0)) as holder:
        server = Server(tmp_path)
        port = server.port if is_same else holder.getsockname()[1]
        server._environment['CHRONOLOGER_HEALTH_PORT'] = str(port)
        with pytest.raises(AssertionError, match=f'{port}'):
            server.start()
