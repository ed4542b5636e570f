"""A real server with doors for datagrams and connections, in each of its workers."""

import os
import re
import socket
from contextlib import closing, suppress
from pathlib import Path

import pytest

from test.servers.chronologer import Server, free_port, wait_until

ROOT = Path(__file__).parents[2]

# Adds two doors to the table, in every process: Python imports this module when it starts.
CUSTOM = """
from chronologer import tree
from chronologer.doors import Doors
from chronologer.doors.listener import ConnectionDoor, DatagramDoor
from chronologer.ingest.raw import decode_raw


class Datagrams(DatagramDoor):
    def decode(self, data):
        return [decode_raw(data)]


class Connections(ConnectionDoor):
    def decode(self, data):
        return [decode_raw(data)]


def create_doors(*args, create=tree.create_doors):
    address = '127.0.0.1', {port}
    return Doors([*create(*args), Datagrams(*address), Connections(*address)])


tree.create_doors = create_doors
"""


@pytest.fixture
def port(tmp_path, monkeypatch):
    """Of the doors that servers have in a test."""
    port = free_port()
    (tmp_path / 'sitecustomize.py').write_text(CUSTOM.format(port=port))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path), str(ROOT)]))
    return port


def listening(protocol, port):
    """How many sockets of any process receive at a port."""
    lines = Path(f'/proc/net/{protocol}').read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    state = {'udp': '07', 'tcp': '0A'}[protocol]
    return sum(each[1].endswith(f':{port:04X}') and each[3] == state for each in fields)


def sockets_of(process):
    """Return the inodes of its open sockets."""
    inodes = set()
    for path in Path(f'/proc/{process}/fd').iterdir():
        with suppress(FileNotFoundError):  # closed since the directory was read
            inodes.update(re.findall(r'socket:\[(.*)\]', os.readlink(path)))
    return inodes


def test_workers_receive_datagrams_and_lines(tmp_path, port):
    """They share the port, and give it back at the end; what was received is stored."""
    with Server(tmp_path, '--workers', '2') as server:
        for protocol in ('udp', 'tcp'):
            wait_until(lambda protocol=protocol: listening(protocol, port) == 2)
        for number in range(20):
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
                for _ in range(5):
                    sock.sendto(b'{"message":"datagram %d"}' % number, ('127.0.0.1', port))
        connections = [socket.create_connection(('127.0.0.1', port)) for _ in range(10)]
        for connection in connections:
            connection.sendall(b'{"message":"line"}\n' * 100)
        wait_until(lambda: server.count() == 1100)
        assert {'datagram', 'line'} == {
            record['message'].split()[0] for record in server.get('record?left=0&right=1099')
        }
        assert 100 == server.count('search=datagram')
    for connection in connections:
        assert b'' == connection.recv(1)
        connection.close()
    assert [0, 0] == [listening(protocol, port) for protocol in ('udp', 'tcp')]
    assert 1 == len(server.log.read_text().splitlines())


def test_a_port_in_use_ends_the_server(tmp_path, port):
    """The log names it."""
    with closing(socket.create_server(('127.0.0.1', port))):
        server = Server(tmp_path)
        with pytest.raises(AssertionError, match='did not start'):
            server.start()
        assert server.process.wait() != 0
    assert f'cannot listen: [Errno 98] 127.0.0.1:{port}' in server.log.read_text()


def test_a_plain_server_opens_nothing(tmp_path):
    """Without such a door."""
    with Server(tmp_path) as server:
        (worker,) = server.workers()
        table = Path('/proc/net/udp').read_text().splitlines()[1:]
        assert not sockets_of(worker) & {line.split()[9] for line in table}
