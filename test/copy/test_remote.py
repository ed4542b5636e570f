"""A running server as the source: it is written, killed, behind, or none at all."""

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
from test.copy.records import content, make, silent
from test.servers.chronologer import AUTHORIZATION, RECORD, Server, free_port

NDJSON = {'Content-Type': 'application/x-ndjson', **AUTHORIZATION}


def post(server, count, size=0):
    """Post records, a batch at a time."""
    for start in range(0, count, 500):
        numbers = range(start, min(count, start + 500))
        lines = [json.dumps({**RECORD, 'n': n, 'f': float(n), 'pad': 'x' * size}) for n in numbers]
        body = '\n'.join(lines).encode()
        assert 201 == server.request('POST', '/api/v1/record', body, NDJSON).status


def url(server, credentials='logger:'):
    return f'http://{credentials}@{server.host}/'


def test_a_server_has_what_its_storage_has(tmp_path, new_dsn):
    """Whole records to the microsecond and the type, and saved searches."""
    dsn = new_dsn()
    with open_target(dsn) as storage:
        storage.migrate()
        storage.insert([make(2500)])
        storage.purge(make(1, first=100)[0].ts, Filter())
        storage.save('a/b ü', 'q=1')
        with Server(tmp_path, dsn=dsn) as server, open_source(url(server)) as source:
            assert isinstance(source, RemoteSource)
            source.check()
            assert content(storage) == content(source)
            assert 2400 == source.count(Filter())
            assert 2500 == source.last_id()
            assert storage.get(2500) == source.get(2500)
            assert source.get(1) is None
            assert {'a/b ü': 'q=1'} == source.saved()
            assert [101, 102] == [record.id for record in source.since(7, Filter(), 2)]
            assert [] == list(source.since(2500, Filter(), 2))


def test_a_server_is_copied_while_it_is_written(tmp_path, new_dsn, mysql):
    """All that it had at the start; the next copy brings the rest."""
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


def test_a_server_that_is_started_again_goes_on(tmp_path):
    """After the last record that came; none is missing or there twice."""
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
    """At once, and without the password."""
    with (
        pytest.raises(StorageError, match=named) as caught,
        open_source(url(server, credentials)) as source,
    ):
        source.check()
    assert 'wrong' not in caught.value.message.partition(' 401 ')[0]


@pytest.mark.parametrize(
    'bad', ['http://', 'http://u:secret@', 'http://u:secret@h:x/', 'http://h/?a']
)
def test_urls_that_are_none_are_refused(bad):
    """With the form that is wanted."""
    with pytest.raises(ConfigurationError, match='expected http') as caught:
        open_source(bad)
    assert 'secret' not in caught.value.message


def test_where_nobody_listens(new_dsn):
    """It is given up at once, and later after some attempts."""
    source = RemoteSource(f'http://u:secret@127.0.0.1:{free_port()}/', pauses=(0, 0))
    for ask in (source.check, source.last_id, lambda: list(source.since(0, Filter(), 9))):
        with pytest.raises(StorageBusyError, match='refused') as caught:
            ask()
        assert 'secret' not in caught.value.message


class Scripted:
    """Gives one answer to each connection, then closes it; remembers what was asked."""

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
    """Records as an export has them."""
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


def test_answers_that_fail_or_are_cut_are_asked_for_again(monkeypatch):
    """From the last record on that came; the path and the credentials are those of the URL."""
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
    asked = [request.split()[1] for request in peer.requests]
    after = [path.removeprefix('/logs/api/v1/export?after_id=') for path in asked]
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
def test_what_is_no_server_of_ours_is_not_asked_again(answer, named):
    """It would say the same."""
    for ask in (RemoteSource.last_id, lambda source: list(source.since(0, Filter(), 9))):
        with (
            Scripted(answer, answer) as peer,
            RemoteSource(f'http://{peer.host}/') as source,
            pytest.raises(StorageError, match=named),
        ):
            ask(source)
        assert 1 == len(peer.requests)
