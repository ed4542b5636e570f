"""Between server and application: bodies that do not come, answers that are not read."""

import asyncio
import gzip
import threading
from contextlib import closing

import orjson
import pytest

from chronologer.errors import StorageBusyError
from chronologer.front import SMALL_BODY, incoming
from chronologer.ingest.ndjson import Decoder
from chronologer.ingest.writer import Writer
from chronologer.model import Filter
from chronologer.server import create_app
from chronologer.storage import create_storage
from test.servers.asgi import answer_of, scope_of

LINE = b'{"name":"app","levelno":20,"created":1525970213.5,"msg":"hello"}\n'
NDJSON = {'CONTENT_TYPE': 'application/x-ndjson'}


def arriving(body, *chunks):
    """A body of which some arrives, and then nothing, or the chunks that are given."""
    messages = [{'type': 'http.request', 'body': body, 'more_body': True}, *chunks]

    async def receive():
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    return receive


def whole(body):
    return arriving(body, {'type': 'http.request', 'body': b'', 'more_body': False})


@pytest.fixture
def application(configuration):
    """The application with its writer, on an empty store."""
    with create_storage(configuration.storage_dsn) as storage:
        storage.migrate()
        with Writer(storage) as writer, closing(create_app(configuration, storage, writer)) as app:
            app.writer, app.storage = writer, storage
            yield app


def post(application, receive, **environ):
    """The status of a post, and what the body of the answer says."""
    scope = scope_of(
        {
            'REQUEST_METHOD': 'POST',
            'PATH_INFO': '/api/v1/record',
            'QUERY_STRING': '',
            'HTTP_AUTHORIZATION': 'Basic bG9nZ2VyOnDDpHNzd29yZA==',
            'CONTENT_LENGTH': '1000',
            **environ,
        }
    )
    status, _, body = answer_of(application, scope, receive)
    return status, orjson.loads(body)


@pytest.mark.parametrize('length', ['1000', '100000'])
def test_a_body_that_stops_arriving_is_given_up(application, monkeypatch, length):
    """A small one, which is read as a whole, and a large one."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    status, body = post(application, arriving(LINE), CONTENT_LENGTH=length, **NDJSON)
    assert (408, 'BodyTimeoutError') == (status, body['error']['type'])


def test_what_was_stored_before_is_told(application, monkeypatch):
    """A slice that was complete is stored, and the rest is not."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    body = LINE * (incoming.PIECE // len(LINE) + 10)
    status, answer = post(application, arriving(body), CONTENT_LENGTH=str(2 * len(body)), **NDJSON)
    assert 408 == status
    stored = [record['line'] for record in answer['records']]
    assert list(range(1, len(stored) + 1)) == stored
    assert len(stored) // 1000 == incoming.PIECE // len(LINE) // 1000


def test_a_full_queue_refuses_a_request_and_holds_up_a_stream(application, monkeypatch):
    """The first slice gets 503; later ones wait until there is room."""
    submit, calls = application.writer.submit, []

    def full_at(*numbers):
        def sometimes(submission, done):
            calls.append(len(calls))
            if calls[-1] in numbers:
                raise StorageBusyError('behind')
            submit(submission, done)

        monkeypatch.setattr(application.writer, 'submit', sometimes)

    body = LINE * 2500
    full_at(1, 2, 3)
    status, ids = post(application, whole(body), CONTENT_LENGTH=str(len(body)), **NDJSON)
    assert (201, 2500) == (status, len(ids))
    calls.clear()
    full_at(0)
    status, answer = post(application, whole(body), CONTENT_LENGTH=str(len(body)), **NDJSON)
    assert (503, 'StorageBusyError') == (status, answer['error']['type'])


def test_a_key_of_another_body_stores_nothing(application):
    """Not even its later slices, whose parts of the key nobody has used."""
    short, long = LINE * 10, LINE.replace(b'hello', b'other') * 2500
    for body, status in ((short, 201), (long, 409), (short, 201)):
        length = str(len(body))
        headers = {'CONTENT_LENGTH': length, 'HTTP_IDEMPOTENCY_KEY': 'k', **NDJSON}
        assert status == post(application, whole(body), **headers)[0]
    assert 10 == application.storage.count(Filter())


def test_a_small_body_that_becomes_a_large_one_is_not_decoded_on_the_loop(application, monkeypatch):
    """It would hold up everybody."""
    body, threads = gzip.compress(LINE * 3000), set()
    feed = Decoder.feed

    def noting(self, data):
        threads.add(threading.current_thread().name.partition('_')[0])
        return feed(self, data)

    monkeypatch.setattr(Decoder, 'feed', noting)
    assert len(body) < SMALL_BODY
    length = str(len(body))
    status, ids = post(
        application, whole(body), CONTENT_LENGTH=length, HTTP_CONTENT_ENCODING='gzip', **NDJSON
    )
    assert (201, 3000, {'decoder'}) == (status, len(ids), threads)


def test_long_answers_are_sent_as_they_are_read(application):
    """By half of the threads at most, so that short ones are not held up."""
    text = LINE.replace(b'hello', b'x' * 2**19)
    post(application, whole(text * 3), CONTENT_LENGTH=str(3 * len(text)), **NDJSON)
    scope = scope_of({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/api/v1/export', 'QUERY_STRING': '',
                      'HTTP_AUTHORIZATION': 'Basic bG9nZ2VyOnDDpHNzd29yZA=='})  # fmt: skip
    taken = [application._site._streams.acquire(blocking=False) for _ in range(2)]
    status, headers, _ = answer_of(application, scope, whole(b''))
    assert [True, True] == taken
    assert (503, '1') == (status, dict(headers)['retry-after'])
    application._site._streams.release()
    status, _, body = answer_of(application, scope, whole(b''))
    assert (200, 3) == (status, body.count(b'\n'))


def test_nothing_is_made_for_who_has_hung_up(application, monkeypatch):
    """The server takes what is sent to nobody; a long answer ends all the same."""
    body = LINE.replace(b'hello', b'x' * 2**17) * 30
    assert 201 == post(application, whole(body), CONTENT_LENGTH=str(len(body)), **NDJSON)[0]
    read, page = [], application.storage.page

    def counting(*args, **kwargs):
        for record in page(*args, **kwargs):
            read.append(record.id)
            yield record

    monkeypatch.setattr(application.storage, 'page', counting)
    scope = scope_of({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/api/v1/export', 'QUERY_STRING': '',
                      'HTTP_AUTHORIZATION': 'Basic bG9nZ2VyOnDDpHNzd29yZA=='})  # fmt: skip
    status, *_ = answer_of(application, scope, arriving(b'', {'type': 'http.disconnect'}))
    assert 200 == status
    assert (200, True) == (status, 0 < len(read) < 10)


SIGN_IN = {'PATH_INFO': '/api/v1/session', 'CONTENT_TYPE': 'application/json'}
USER = '{"username":"logger","password":"pässword"}'.encode()


def test_bodies_of_the_site(application):
    """Are whole, with or without a declared length, in one piece or more."""
    length = str(len(USER))
    assert 200 == post(application, whole(USER), CONTENT_LENGTH=length, **SIGN_IN)[0]
    chunked = {'HTTP_TRANSFER_ENCODING': 'chunked', 'CONTENT_LENGTH': '', **SIGN_IN}
    assert 200 == post(application, whole(USER), **chunked)[0]
    pieces = [{'type': 'http.request', 'body': USER[9:], 'more_body': False}]
    assert 200 == post(application, arriving(USER[:9], *pieces), **chunked)[0]


def test_bodies_of_the_site_that_do_not_arrive(application, monkeypatch):
    """Are given up, cost no thread until then, and are refused if they were cut."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    monkeypatch.setattr(application._site, '_run', lambda *_: 1 / 0)
    status, body = post(application, arriving(USER), **SIGN_IN)
    assert (408, 'BodyTimeoutError') == (status, body['error']['type'])
    for end in ({'type': 'http.disconnect'}, {'type': 'http.request', 'body': b''}):
        status, body = post(application, arriving(USER, end), **SIGN_IN)
        assert (400, 'InputError') == (status, body['error']['type'])


def test_a_body_that_trickles_is_given_up_in_time(application, monkeypatch):
    """However often a byte of it arrives: anybody may send it."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.2)

    async def receive():
        await asyncio.sleep(0.05)
        return {'type': 'http.request', 'body': b' ', 'more_body': True}

    assert 408 == post(application, receive, CONTENT_LENGTH='1000', **SIGN_IN)[0]


def test_large_bodies_of_the_site_are_refused(application, monkeypatch):
    """Declared or not; they are not kept."""
    monkeypatch.setattr(application._site, '_run', lambda *_: 1 / 0)
    chunked = {'HTTP_TRANSFER_ENCODING': 'chunked', 'CONTENT_LENGTH': ''}
    for headers in ({'CONTENT_LENGTH': '65537'}, chunked):
        status, body = post(application, whole(b' ' * 65537), **SIGN_IN, **headers)
        assert (413, 'LimitError') == (status, body['error']['type'])


def test_a_cookie_is_read_off_the_loop(application, monkeypatch):
    """The first one needs the secret, for which the storage may take its time."""
    scope = scope_of({'REQUEST_METHOD': 'POST', 'QUERY_STRING': '', 'PATH_INFO': '/api/v1/session',
                      'CONTENT_TYPE': 'application/json'}, has_body=True)  # fmt: skip
    _, headers, _ = answer_of(application, scope, whole(USER))
    cookie = dict(headers)['set-cookie'].partition(';')[0]
    threads, secret = [], application.storage.secret

    def noting():
        threads.append(threading.current_thread().name.partition('_')[0])
        return secret()

    sessions = application._ingestion._auth._sessions
    monkeypatch.setattr(sessions, '_key', None)
    monkeypatch.setattr(sessions, '_read_secret', noting)
    script = {'HTTP_AUTHORIZATION': '', 'HTTP_COOKIE': cookie, 'HTTP_X_REQUESTED_WITH': 'x'}
    for _ in range(2):
        length = str(len(LINE))
        status, _ = post(application, whole(LINE), CONTENT_LENGTH=length, **NDJSON, **script)
        assert 201 == status
    assert ['decoder'] == threads
