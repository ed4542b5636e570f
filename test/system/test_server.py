"""A real server process over its socket, for behaviour that WSGI tests cannot cover."""

import contextlib
import json
import os
import select
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from chronologer.ingest.encoding import zstd
from test.servers.chronologer import AUTHORIZATION, FORM, RECORD, Server, wait_until

POST = (
    b'POST /api/v1/record HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bG9nZ2VyOg==\r\n'
    b'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n'
)
GET_EXPORT = b'GET /api/v1/export HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bG9nZ2VyOg==\r\n\r\n'
BASIC = AUTHORIZATION['Authorization'].encode()
BODY = urlencode(RECORD).encode()


def exchange(server: Server, sent: bytes, half_close: bool = False) -> tuple[int, bytes]:
    """Send raw bytes and return status and body of the first answer."""
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile('rb')
        status = int(answer.readline().split()[1])
        length = 0
        while line := answer.readline().strip():
            name, _, value = line.partition(b':')
            length = int(value) if name.lower() == b'content-length' else length
        return status, answer.read(length)


def test_start_is_one_line_without_the_password(tmp_path):
    """The line has address, environment and storage."""
    with Server(tmp_path, password='s3cret') as server:
        (line,) = server.log.read_text().splitlines()
    assert server.host in line
    assert 'development' in line
    assert 'chronologer.sqlite' in line
    assert 's3cret' not in line


@pytest.mark.parametrize('missing', [1, 10, len(BODY)])
def test_a_truncated_body_is_not_stored(server, missing):
    """A truncated form looks like a shorter one; only the declared length reveals it."""
    before = server.count()
    sent = POST % len(BODY) + BODY[:-missing]
    status, body = exchange(server, sent, half_close=True)
    assert 400 == status
    assert b'InputError' in body
    assert before == server.count()


@pytest.mark.parametrize(('content', 'status'), [(BODY, b'201'), (b'x=1', b'400')])
def test_the_server_closes_the_connection_of_a_form(server, content, status):
    """HTTPHandler sends one record per connection; who closes it first keeps the port for long."""
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as connection:
        connection.sendall(POST % len(content) + content)
        answer = b''.join(iter(lambda: connection.recv(2**16), b''))
    assert answer.split()[1] == status
    assert b'\r\nconnection: close\r\n' in answer.lower()


def test_a_chunked_body_is_stored_if_it_is_complete(server):
    """A body that ends between or within its chunks is not stored."""
    before = server.count()
    chunked = POST.replace(b'Content-Length: %d', b'Transfer-Encoding: chunked')
    sent = chunked + b'%x\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY)
    for end in (7, 5, 2):
        status, body = exchange(server, sent[:-end], half_close=True)
        assert (400, True) == (status, b'ended before its end' in body)
    assert before == server.count()
    assert 201 == exchange(server, sent)[0]
    assert before + 1 == server.count()


@pytest.mark.parametrize(
    ('content_type', 'status'),
    [('text/html', 415), (FORM['Content-Type'], 413)],
)
def test_the_sender_of_a_large_body_gets_the_error(server, content_type, status):
    """The body is read to its end, or the client would get a broken pipe instead of the answer."""
    headers = {**AUTHORIZATION, 'Content-Type': content_type}
    response = server.request('POST', '/api/v1/record', b'a=' + b'x' * (20 * 2**20), headers)
    assert status == response.status
    assert 'error' in json.loads(response.data)


def test_credentials_are_checked_before_the_body_is_read(server):
    """With Expect: 100-continue, the body is not requested without valid credentials."""
    head = POST.replace(b'bG9nZ2VyOg==', b'bm9ib2R5Og==') % 10
    status, body = exchange(server, head[:-2] + b'Expect: 100-continue\r\n\r\n', half_close=True)
    assert 401 == status
    assert b'AuthenticationError' in body


def test_requests_without_credentials_occupy_no_thread(tmp_path):
    """A request with half a body and no valid credentials is answered immediately."""
    with Server(tmp_path, thread_pool_size=4) as server, contextlib.ExitStack() as stack:
        for _ in range(40):
            connection = socket.create_connection(('127.0.0.1', server.port))
            stack.enter_context(connection)
            connection.sendall(POST.replace(b'bG9nZ2VyOg==', b'bm9ib2R5Og==') % 100 + b'name=a')
        assert 201 == server.post().status


def test_bodies_in_memory_are_limited(tmp_path):
    """Concurrent large bodies get 503; small ones are stored."""
    body = urlencode({**RECORD, 'msg': 'x' * (15 * 2**20)}).encode()
    with Server(tmp_path) as server, ThreadPoolExecutor(12) as pool:
        large = pool.map(lambda _: server.request('POST', '/api/v1/record', body, FORM), range(12))
        assert 201 == server.post().status
        answers = [(response.status, response.headers['Retry-After']) for response in large]
        assert set(answers) <= {(201, None), (503, '1')}
        assert 1 + answers.count((201, None)) == server.count()


def test_http_1_0_is_served(server):
    """Some proxies use HTTP/1.0 by default."""
    status, body = exchange(server, b'GET /health HTTP/1.0\r\n\r\n')
    assert 200 == status
    assert b'"ok"' in body


@pytest.mark.parametrize('method', [b'FOO', b'__init__', b'get', b'QUERY'])
def test_odd_methods_are_handled(server, method):
    """The answer is 405, or that of the method in upper case."""
    request = b'%s /health HTTP/1.1\r\nHost: x\r\n\r\n' % method
    assert exchange(server, request)[0] in (200, 405)


@pytest.mark.parametrize(
    'target', [b'/%00', b'/%ff%fe', b'//', b'/api/v1/record/%00', b'/?%ff=%00', b'/?' + b'a' * 9000]
)  # fmt: skip
def test_odd_addresses_are_handled(server, target):
    """The answer is no 500, and the log has no traceback."""
    request = b'GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bG9nZ2VyOg==\r\n\r\n' % target
    status, _ = exchange(server, request)
    assert status in (200, 400, 404)
    assert 'Traceback' not in server.log.read_text()


def test_empty_lists_of_groups_arrive_as_headers(server):
    """The server sends headers with an empty value."""
    query = 'group=day&timezone=UTC&after=9000-01-01'
    headers = server.request('HEAD', f'/api/v1/record?{query}').headers
    assert ('', '') == (headers['X-Record-Count'], headers['X-Record-Group'])


def test_environment_is_no_header(tmp_path, monkeypatch):
    """The front copies the environment of the process into each request."""
    monkeypatch.setenv('HTTP_AUTHORIZATION', AUTHORIZATION['Authorization'])
    monkeypatch.setenv('CONTENT_LENGTH', '5')
    with Server(tmp_path) as server:
        assert 401 == server.request('GET', '/api/v1/record?left=0&right=0', headers={}).status


def test_idle_connections_do_not_block_others(tmp_path):
    """There are many more connections than threads, and all stay usable."""
    with Server(tmp_path, thread_pool_size=4) as server, contextlib.ExitStack() as stack:
        connections = []
        for _ in range(300):
            connection = HTTPConnection(server.host, timeout=20)
            stack.callback(connection.close)
            connection.connect()
            connections.append(connection)
        for connection in connections[::10]:
            connection.request('POST', '/api/v1/record', BODY, FORM)
            response = connection.getresponse()
            response.read()
            assert 201 == response.status
        assert 30 == server.count()


def test_a_disconnect_ends_the_reading_of_an_export(server):
    """The rest of the export is not read from the storage."""
    lines = (json.dumps({**RECORD, 'msg': 'x' * 10_000}) + '\n').encode() * 3000
    headers = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
    assert 201 == server.request('POST', '/api/v1/record', lines, headers).status
    (worker,) = server.workers()

    def bytes_read() -> int:
        return int(Path(f'/proc/{worker}/io').read_text().split()[1])

    start = bytes_read()
    assert 3000 <= server.request('GET', '/api/v1/export').data.count(b'\n')
    whole, start = bytes_read() - start, bytes_read()
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as connection:
        connection.sendall(GET_EXPORT)
        assert connection.recv(1000)
    wait_until_constant(bytes_read, 0.5)
    assert bytes_read() - start < whole / 4


def test_health_is_answered_while_all_threads_are_busy(tmp_path):
    """A supervisor that asks for it would end a server that only has slow readers."""
    lines = (json.dumps({**RECORD, 'msg': 'x' * 10_000}) + '\n').encode() * 3000
    headers = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
    with Server(tmp_path, thread_pool_size=1) as server:
        assert 201 == server.request('POST', '/api/v1/record', lines, headers).status
        address = '127.0.0.1', server.port
        with socket.create_connection(address, timeout=20) as reader:
            reader.sendall(GET_EXPORT)
            assert reader.recv(1000)
            with socket.create_connection(address, timeout=0.5) as other:
                other.sendall(GET_EXPORT)
                with pytest.raises(TimeoutError):
                    other.recv(1000)  # the only thread waits for the first reader
            for path in ('/health', '/ready'):
                assert 200 == server.request('GET', path).status


def test_half_sent_bodies_have_bounded_memory(server):
    """Most of many large ones are refused at once; what others need stays, and small posts pass."""
    line = json.dumps({**RECORD, 'msg': 'x' * 900}).encode() + b'\n'
    head = b'POST /api/v1/record HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\n' % BASIC + (
        b'Content-Type: application/x-ndjson\r\nContent-Length: 9000000\r\n\r\n'
    )
    (worker,) = server.workers()

    def memory() -> int:
        return int(Path(f'/proc/{worker}/statm').read_text().split()[1]) * os.sysconf('SC_PAGESIZE')

    before = memory()
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(150):
            connection = socket.create_connection(('127.0.0.1', server.port), timeout=20)
            connections.append(stack.enter_context(connection))
            connection.sendall(head + line * 1000)
        wait_until(lambda: len(select.select(connections, [], [], 10)[0]) >= 75)
        answered = select.select(connections, [], [], 10)[0]
        assert {b'HTTP/1.1 503'} == {connection.recv(12) for connection in answered}
        assert memory() - before < 300 * 2**20
        assert 201 == server.post().status


def wait_until_constant(value, seconds):
    """Return when the value has not changed for some seconds."""
    former = None

    def is_constant():
        nonlocal former
        before, former = former, value()
        time.sleep(seconds)
        return former == before

    wait_until(is_constant)


def test_a_disconnect_ends_the_decoding_of_a_body(server):
    """Its sender would not learn what was stored; it can send the body again, with a key."""
    body = zstd.compress(b''.join(b'{"message":"number %d"}\n' % n for n in range(300_000)))
    head = (
        b'POST /api/v1/record?raw=1 HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\n'
        b'Content-Type: application/x-ndjson\r\nContent-Encoding: zstd\r\n'
        b'Content-Length: %d\r\n\r\n'
    ) % (BASIC, len(body))
    start = server.count()
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as connection:
        connection.sendall(head + body)
        wait_until(lambda: server.count() > start)
    wait_until_constant(server.count, 1)
    assert server.count() - start < 200_000


def test_posts_from_many_threads_are_stored_once_each(server):
    """Each answer has the record that was sent."""
    before = server.count()

    def post(number: int) -> tuple[int, int]:
        record = json.loads(server.post(number=number).data)
        return record['id'], record['logrec']['data']['number']

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(400)))
    assert list(range(400)) == [number for _, number in answers]
    assert 400 == len({id for id, _ in answers})
    assert before + 400 == server.count()


def test_sigterm_completes_running_requests(tmp_path):
    """Answered records are stored; stored ones were answered or their connection was reset."""
    answered, broken = [], []
    with Server(tmp_path) as server:
        stop = threading.Event()

        def post() -> None:
            while not stop.is_set():
                try:
                    response = server.post()
                except OSError:
                    broken.append(1)
                    return
                assert 201 == response.status
                answered.append(json.loads(response.data)['id'])

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert 0 == server.process.wait(20)
        stop.set()
        for thread in threads:
            thread.join()
        server.start()
        stored = {record['id'] for record in server.get('record?left=0&right=9999')}
    assert answered
    assert set(answered) <= stored
    assert len(stored) <= len(answered) + len(broken)


def test_sigterm_does_not_wait_for_a_body(tmp_path):
    """A body that never arrives completely does not delay the end of the server."""
    with Server(tmp_path) as server:
        server.post()
        with socket.create_connection(('127.0.0.1', server.port)) as connection:
            connection.sendall(POST % 100 + b'name=a')
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(20)
        server.start()
        assert 1 == server.count()


def test_repeated_signals_stop_a_worker_once(tmp_path):
    """Ctrl-C reaches a worker directly and through its parent; it closes its storage."""
    with Server(tmp_path) as server:
        assert 201 == server.post().status
        assert list(tmp_path.glob('*-wal'))
        (worker,) = server.workers()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT) * 5:
            for pid in (server.process.pid, worker):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        server.process.wait(20)
        assert [] == list(tmp_path.glob('*-wal'))  # a killed worker leaves this file


def test_sessions_are_valid_after_restarts_and_in_all_workers(tmp_path):
    """The secret is in the storage; a change of the password ends sessions."""
    user = b'{"username":"logger","password":""}'
    sent = {'Content-Type': 'application/json'}
    with Server(tmp_path, '--workers', '2') as server:
        response = server.request('POST', '/api/v1/session', user, sent)
        assert 200 == response.status
        cookie = {'Cookie': response.headers['Set-Cookie'].partition(';')[0]}
        assert f'chronologer_{server.port}' in cookie['Cookie']

        def get_status(_: int) -> int:
            return server.request('GET', '/api/v1/session', headers=cookie).status

        with ThreadPoolExecutor(8) as pool:
            assert {200} == set(pool.map(get_status, range(60)))
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)
        server.start()
        assert 200 == get_status(0)
        post = {**cookie, 'Content-Type': FORM['Content-Type']}
        assert 403 == server.request('POST', '/api/v1/record', BODY, post).status
        post['X-Requested-With'] = 'x'
        assert 201 == server.request('POST', '/api/v1/record', BODY, post).status
    value = cookie['Cookie'].partition('=')[2]
    for password, status in (('other', 401), ('', 200)):
        with Server(tmp_path, password=password) as server:
            cookie = {'Cookie': f'chronologer_{server.port}={value}'}
            assert status == get_status(0)


def test_saved_names_are_unchanged(server):
    """Slashes and non-ASCII characters of the path reach the application."""
    sent = {**AUTHORIZATION, 'Content-Type': 'application/json'}
    names = ['a/b//c/', '/', 'ü 🙂', '%41', 'a?b#c', '...', 'x' * 200]
    for name in names:
        path = f'/api/v1/saved/{quote(name, safe="")}'
        assert 201 == server.request('PUT', path, b'{"state":"x"}', sent).status
    assert sorted(names) == [entry['name'] for entry in server.get('saved')['saved']]
    for bad in ('%ff', '%00', '%ed%a0%80'):
        path = f'/api/v1/saved/{bad}'
        assert server.request('PUT', path, b'{"state":"x"}', sent).status in (201, 400)


def test_readiness(server):
    """Readiness needs no credentials."""
    assert b'{"status":"ok"}' == server.request('GET', '/ready', headers={}).data
