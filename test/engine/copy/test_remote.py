"""A running server as the source: it gets records, is killed, lags or is absent."""

import json
import socket
import threading
from base64 import b64encode
from contextlib import suppress

import pytest

from chronologer.copy import copy, open_source, open_target, remote
from chronologer.copy.remote import RemoteSource
from chronologer.errors import ConfigurationError, StorageBusyError, StorageError
from chronologer.model import Filter
from test.engine.copy.records import content, make, silent
from test.servers.chronologer import AUTHORIZATION, RECORD, Server, free_port

JSON = {'Content-Type': 'application/json', **AUTHORIZATION}
NDJSON = {'Content-Type': 'application/x-ndjson', **AUTHORIZATION}


def post(server, count, size=0):
    """Post records, one batch at a time."""
    for start in range(0, count, 500):
        numbers = range(start, min(count, start + 500))
        lines = [json.dumps({**RECORD, 'n': n, 'f': float(n), 'pad': 'x' * size}) for n in numbers]
        body = '\n'.join(lines).encode()
        assert 201 == server.request('POST', '/api/v1/record', body, NDJSON).status


def url(server, credentials='logger:'):
    return f'http://{credentials}@{server.host}/'


def test_a_server_is_copied_like_its_storage(tmp_path, new_dsn):
    """Records with their microseconds and types, and saved searches, are the same."""
    dsn = new_dsn()
    with open_target(dsn) as storage:
        storage.migrate()
        storage.insert([make(2500)])
        storage.purge(make(1, first=100)[0].ts, Filter())
        with Server(tmp_path, dsn=dsn) as server, open_source(url(server)) as source:
            assert isinstance(source, RemoteSource)
            source.check()
            assert content(storage) == content(source)
            assert 2400 == source.count(Filter())
            assert 2500 == source.last_id()
            assert storage.get(2500) == source.get(2500)
            assert source.get(1) is None
            entry = json.dumps({'state': 'q=1'})
            server.request('PUT', '/api/v1/saved/a/b%20%C3%BC', entry, JSON)
            assert {'a/b ü': 'q=1'} == source.saved()
            assert [101, 102] == [record.id for record in source.since(7, Filter(), 2)]
            assert [] == list(source.since(2500, Filter(), 2))


def test_a_server_is_copied_while_it_gets_records(tmp_path, new_dsn, mysql):
    """Records present at the start are copied; the next copy adds the others."""
    with Server(tmp_path) as server, open_target(mysql.empty_dsn()) as target:
        post(server, 3000)
        stop = threading.Event()

        def write():
            while not stop.is_set():
                post(server, 500)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with open_source(url(server)) as source:
                report = copy(source, target, silent)
        finally:
            stop.set()
            writer.join()
        assert 3000 <= report.copied == report.records == target.count(Filter())
        assert {} == report.differences
        with open_source(url(server)) as source:
            again = copy(source, target, silent)
        assert ({}, 0) == (again.differences, again.gone)
        assert server.count() == again.records == report.copied + again.copied
        with open_target(f'sqlite:///{tmp_path}/chronologer.sqlite') as storage:
            assert content(storage) == content(target)


def test_a_copy_continues_after_a_restart_of_the_server(tmp_path):
    """The copy continues after the last received record; none is missing or duplicated."""
    with Server(tmp_path) as server, open_source(url(server)) as source:
        post(server, 2000, size=5000)
        records = source.since(0, Filter(), 10_000)
        ids = [next(records).id]
        server.kill()
        server.start()
        ids += [record.id for record in records]
        assert list(range(1, 2001)) == ids


@pytest.mark.parametrize(
    ('credentials', 'named'), [('logger:wrong', '401'), ('bob:', '401'), ('', '401')]
)
def test_wrong_credentials_are_refused(server, credentials, named):
    """Wrong credentials are an error without retries, and the password is not shown."""
    with (
        pytest.raises(StorageError, match=named) as caught,
        open_source(url(server, credentials)) as source,
    ):
        source.check()
    assert 'wrong' not in caught.value.message.partition(' 401 ')[0]


@pytest.mark.parametrize(
    'bad', ['http://', 'http://u:secret@', 'http://u:secret@h:x/', 'http://h/?a']
)
def test_malformed_urls_are_refused(bad):
    """The message has the expected form."""
    with pytest.raises(ConfigurationError, match='expected http') as caught:
        open_source(bad)
    assert 'secret' not in caught.value.message


def test_a_refused_connection(new_dsn):
    """A failure at the start is not retried; later ones are retried some times."""
    source = RemoteSource(f'http://u:secret@127.0.0.1:{free_port()}/', pauses=(0, 0))
    for request in (source.check, source.last_id, lambda: list(source.since(0, Filter(), 9))):
        with pytest.raises(StorageBusyError, match='refused') as caught:
            request()
        assert 'secret' not in caught.value.message


class Scripted:
    """A server that gives one answer per connection, closes it, and records the requests."""

    def __init__(self, *answers: bytes):
        self._answers = answers
        self.requests: list[str] = []

    def __enter__(self) -> 'Scripted':
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.host = f'127.0.0.1:{self._listener.getsockname()[1]}'
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            for answer in self._answers:
                connection, _ = self._listener.accept()
                with connection:
                    request = b''
                    while not request.endswith(b'\r\n\r\n'):
                        request += connection.recv(2**16)
                    self.requests.append(request.decode())
                    connection.sendall(answer)


def lines(*ids: int) -> bytes:
    """Return records as an export has them."""
    return b''.join(
        json.dumps({**record.as_dict(), 'id': id}).encode() + b'\n'
        for id, record in zip(ids, make(len(ids)), strict=True)
    )


def whole(body: bytes, status: str = '200 OK', length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f'HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n'.encode() + body


def chunked(*chunks: bytes) -> bytes:
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    return head + b''.join(b'%x\r\n%s\r\n' % (len(chunk), chunk) for chunk in chunks)


def test_failed_and_truncated_answers_are_requested_again(monkeypatch):
    """A retry continues after the last received record, with path and credentials of the URL."""
    monkeypatch.setattr(remote, 'CHUNK', 1)
    error = b'{"error":{"type":"StorageBusyError","message":"away"}}'
    answers = [
        whole(error, '503 Service Unavailable'),
        b'',
        whole(lines(1, 2)[:-30], length=len(lines(1, 2))),
        chunked(lines(3), lines(4)[:20], lines(4)[20:] + lines(6)[:-5]),
        chunked(lines(7), error, b''),
        chunked(lines(9) + b'{"id"'),
        whole(lines(10)),
    ]
    with Scripted(*answers) as peer:
        url = f'http://us%40er:p%3Aw@{peer.host}/logs/'
        with RemoteSource(url, pauses=(0, 0)) as source:
            records = list(source.since(0, Filter(), 100))
    assert [1, 3, 4, 7, 9, 10] == [record.id for record in records]
    paths = [request.split()[1] for request in peer.requests]
    after = [path.removeprefix('/logs/api/v1/export?after_id=') for path in paths]
    limits = [(0, 100)] * 3 + [(1, 99), (4, 97), (7, 96), (9, 95)]
    assert [f'{id}&limit={limit}' for id, limit in limits] == after
    token = b64encode(b'us@er:p:w').decode()
    assert all(f'Authorization: Basic {token}\r\n' in request for request in peer.requests)


@pytest.mark.parametrize(
    ('answer', 'named'),
    [
        (whole(b'<html>'), 'no Chronologer answers there'),
        (whole(b'', '404 Not Found'), '404'),
        (whole(b'', '301 Moved'), '301'),
        (
            whole(b'{"error":{"message":"unknown parameter after_id"}}', '400 No'),
            'unknown parameter',
        ),
    ],
)
def test_other_servers_are_an_error_without_retries(answer, named):
    """Another server would answer the same again."""
    for request in (RemoteSource.last_id, lambda source: list(source.since(0, Filter(), 9))):
        with (
            Scripted(answer, answer) as peer,
            RemoteSource(f'http://{peer.host}/') as source,
            pytest.raises(StorageError, match=named),
        ):
            request(source)
        assert 1 == len(peer.requests)
