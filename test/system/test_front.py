"""Between server and application: bodies that stop arriving, and answers that are not read."""

import asyncio
import gzip
import threading
from itertools import count

import orjson
import pytest

from chronologer.doors import reception
from chronologer.errors import RefusedError, StorageBusyError
from chronologer.front import incoming
from chronologer.front.intake import SMALL_BODY
from chronologer.ingest.ndjson import Decoder
from chronologer.model import Filter
from chronologer.storage.block import BlockStorage
from test.servers.asgi import answer_of, open_application, scope_of

LINE = b'{"name":"app","levelno":20,"created":1525970213.5,"msg":"hello"}\n'
NDJSON, JSON = ({'CONTENT_TYPE': f'application/{name}'} for name in ('x-ndjson', 'json'))


def arriving(body, *chunks):
    """Return a `receive` of the first part of a body and other messages; then nothing arrives."""
    messages = [{'type': 'http.request', 'body': body, 'more_body': True}, *chunks]

    async def receive():
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    return receive


def whole(body):
    return arriving(body, {'type': 'http.request', 'body': b'', 'more_body': False})


@pytest.fixture
def application(configuration, monkeypatch):
    """The application with its writer, on an empty storage with slices of 1,000 records."""
    monkeypatch.setattr(BlockStorage, 'slice_records', 1000)
    with open_application(configuration) as app:
        yield app


def post(application, receive, **environ):
    """Post and return the status and the decoded body of the answer."""
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
def test_a_body_that_stops_arriving_times_out(application, monkeypatch, length):
    """Small bodies are read as a whole, large ones in pieces; both time out."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    status, body = post(application, arriving(LINE), CONTENT_LENGTH=length, **NDJSON)
    assert (408, 'BodyTimeoutError') == (status, body['error']['type'])


def test_stored_slices_are_reported(application, monkeypatch):
    """Complete slices are stored and reported; the rest is not."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    body = LINE * (incoming.PIECE // len(LINE) + 10)
    status, answer = post(application, arriving(body), CONTENT_LENGTH=str(2 * len(body)), **NDJSON)
    assert 408 == status
    stored = [record['line'] for record in answer['records']]
    assert list(range(1, len(stored) + 1)) == stored
    assert len(stored) // 1000 == incoming.PIECE // len(LINE) // 1000


def test_a_full_queue_refuses_a_request_and_delays_a_stream(application, monkeypatch):
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


def post_array(application, *lines):
    """Post records as a JSON array."""
    body = b'[%b]' % b','.join(lines)
    return post(application, whole(body), CONTENT_LENGTH=str(len(body)), **JSON)


def test_a_full_queue_refuses_an_array(application, monkeypatch):
    """A new array gets 503; one that is partly stored waits until there is room."""
    submit, refused = application.writer.submit, [0]

    def sometimes(submission, done):
        if (call := next(calls)) in refused:
            raise StorageBusyError(f'behind {call}')
        submit(submission, done)

    monkeypatch.setattr(application.writer, 'submit', sometimes)
    calls = count()
    status, answer = post_array(application, *[LINE] * 2500)
    assert (503, 'StorageBusyError') == (status, answer['error']['type'])
    assert 0 == application.storage.count(Filter())
    calls, refused[:] = count(), [1, 2, 3]
    status, ids = post_array(application, *[LINE] * 2500)
    assert (201, 2500) == (status, len(ids))


@pytest.mark.parametrize('length', [3, 40])
def test_an_item_that_the_engine_refuses_is_rejected_alone(application, monkeypatch, length):
    """The bad item is found by bisection, whether there are few records or many."""
    insert = application.storage.insert

    def picky(batches, keys):
        are_bad = [any(record.name == 'bad' for record in batch) for batch in batches]
        good = [batch for batch, is_bad in zip(batches, are_bad, strict=True) if not is_bad]
        stored = iter(insert(good, [None] * len(good)))
        return [RefusedError('no') if is_bad else next(stored) for is_bad in are_bad]

    monkeypatch.setattr(application.storage, 'insert', picky)
    lines = [LINE.replace(b'app', b'bad') if n == 1 else LINE for n in range(length)]
    status, answer = post_array(application, *lines)
    records = answer['records']
    assert (207, list(range(length))) == (status, [record['index'] for record in records])
    assert [1] == [record['index'] for record in records if 'error' in record]
    assert 'RefusedError' == records[1]['error']['type']
    assert length - 1 == application.storage.count(Filter())


@pytest.mark.parametrize('length', [1, 3000])
def test_a_large_array_is_not_decoded_on_the_loop(application, monkeypatch, length):
    """Decoding on the event loop would delay all other requests."""
    threads, decode = set(), reception.Document._parts

    def noting(self, *args):
        threads.add(threading.current_thread().name.partition('_')[0])
        yield from decode(self, *args)

    monkeypatch.setattr(reception.Document, '_parts', noting)
    assert 201 == post_array(application, *[LINE] * length)[0]
    assert (length > 1) == (threads == {'decoder'})


def test_a_key_of_another_body_stores_nothing(application):
    """Later slices, whose parts of the key are unused, are not stored either."""
    short, long = LINE * 10, LINE.replace(b'hello', b'other') * 2500
    for body, status in ((short, 201), (long, 409), (short, 201)):
        length = str(len(body))
        headers = {'CONTENT_LENGTH': length, 'HTTP_IDEMPOTENCY_KEY': 'k', **NDJSON}
        assert status == post(application, whole(body), **headers)[0]
    assert 10 == application.storage.count(Filter())


def test_a_small_compressed_body_is_not_decoded_on_the_loop(application, monkeypatch):
    """Decoding on the event loop would delay all other requests."""
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


def test_long_answers_use_half_of_the_threads(application):
    """A further long answer gets 503, so that short requests have free threads."""
    text = LINE.replace(b'hello', b'x' * 2**19)
    post(application, whole(text * 3), CONTENT_LENGTH=str(3 * len(text)), **NDJSON)
    scope = scope_of({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/api/v1/export', 'QUERY_STRING': '',
                      'HTTP_AUTHORIZATION': 'Basic bG9nZ2VyOnDDpHNzd29yZA=='})  # fmt: skip
    acquired = [application._site._streams.acquire(blocking=False) for _ in range(2)]
    status, headers, _ = answer_of(application, scope, whole(b''))
    assert [True, True] == acquired
    assert (503, '1') == (status, dict(headers)['retry-after'])
    application._site._streams.release()
    status, _, body = answer_of(application, scope, whole(b''))
    assert (200, 3) == (status, body.count(b'\n'))


def test_nothing_is_read_for_a_disconnected_client(application, monkeypatch):
    """The export ends early, though the server accepts data for a closed connection."""
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
    """Bodies are complete with or without a declared length, in one piece or several."""
    length = str(len(USER))
    assert 200 == post(application, whole(USER), CONTENT_LENGTH=length, **SIGN_IN)[0]
    chunked = {'HTTP_TRANSFER_ENCODING': 'chunked', 'CONTENT_LENGTH': '', **SIGN_IN}
    assert 200 == post(application, whole(USER), **chunked)[0]
    pieces = [{'type': 'http.request', 'body': USER[9:], 'more_body': False}]
    assert 200 == post(application, arriving(USER[:9], *pieces), **chunked)[0]


def test_incomplete_bodies_of_the_site(application, monkeypatch):
    """A missing body times out without occupying a thread; a truncated one is rejected."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)
    monkeypatch.setattr(application._site, '_run', lambda *_: 1 / 0)
    status, body = post(application, arriving(USER), **SIGN_IN)
    assert (408, 'BodyTimeoutError') == (status, body['error']['type'])
    for end in ({'type': 'http.disconnect'}, {'type': 'http.request', 'body': b''}):
        status, body = post(application, arriving(USER, end), **SIGN_IN)
        assert (400, 'InputError') == (status, body['error']['type'])


def test_a_body_that_arrives_slowly_times_out(application, monkeypatch):
    """The timeout is for the whole body, however often a byte of it arrives."""
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.2)

    async def receive():
        await asyncio.sleep(0.05)
        return {'type': 'http.request', 'body': b' ', 'more_body': True}

    assert 408 == post(application, receive, CONTENT_LENGTH='1000', **SIGN_IN)[0]


def test_large_bodies_of_the_site_are_refused(application, monkeypatch):
    """The limit applies with and without a declared length; the body is not kept in memory."""
    monkeypatch.setattr(application._site, '_run', lambda *_: 1 / 0)
    chunked = {'HTTP_TRANSFER_ENCODING': 'chunked', 'CONTENT_LENGTH': ''}
    for headers in ({'CONTENT_LENGTH': '65537'}, chunked):
        status, body = post(application, whole(b' ' * 65537), **SIGN_IN, **headers)
        assert (413, 'LimitError') == (status, body['error']['type'])


def test_a_cookie_is_read_off_the_loop(application, monkeypatch):
    """The first cookie needs the secret, and the query for it may be slow."""
    scope = scope_of({'REQUEST_METHOD': 'POST', 'QUERY_STRING': '', 'PATH_INFO': '/api/v1/session',
                      'CONTENT_TYPE': 'application/json'}, has_body=True)  # fmt: skip
    _, headers, _ = answer_of(application, scope, whole(USER))
    cookie = dict(headers)['set-cookie'].partition(';')[0]
    threads = []
    sessions = application._doors.find('POST', '/api/v1/record')._authenticator._sessions
    secret = sessions._read_secret

    def noting():
        threads.append(threading.current_thread().name.partition('_')[0])
        return secret()

    monkeypatch.setattr(sessions, '_key', None)
    monkeypatch.setattr(sessions, '_read_secret', noting)
    script = {'HTTP_AUTHORIZATION': '', 'HTTP_COOKIE': cookie, 'HTTP_X_REQUESTED_WITH': 'x'}
    for _ in range(2):
        length = str(len(LINE))
        status, _ = post(application, whole(LINE), CONTENT_LENGTH=length, **NDJSON, **script)
        assert 201 == status
    assert ['decoder'] == threads
