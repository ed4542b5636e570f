"""A door of another protocol renders its own answers and all errors."""

import asyncio
from base64 import b64encode
from contextlib import closing

import pytest

from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Role
from chronologer.auth.session import Sessions
from chronologer.doors import Door, Doors
from chronologer.doors.reception import Body, Document, Several, Single
from chronologer.doors.report import ItemReport, RecordReport
from chronologer.errors import (
    DiskFullError,
    InputError,
    LimitError,
    MediaTypeError,
    RefusedError,
    StorageBusyError,
)
from chronologer.front import Front, connections, incoming
from chronologer.front.intake import SMALL_BODY, Intake
from chronologer.front.listener import Listeners
from chronologer.front.site import Site
from chronologer.ingest.encoding import Identity
from chronologer.ingest.ndjson import Decoder
from chronologer.ingest.writer import Writer
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage
from chronologer.web.declare import Declaration
from test.servers.asgi import answer_of, scope_of

MAX = 2 * SMALL_BODY  # bytes of a body
CREDENTIALS = 'Basic ' + b64encode(b'user:secret').decode()
KINDS = ('one', 'many', 'lines')


def decode(text, _plain=False):
    """Return a record that has the text as its message."""
    if b'bad' in text:
        raise InputError(f'bad: {text.decode()}')
    return Record(EPOCH, 'a', 20, text.decode())


def decode_words(text):
    """Return a record for each word."""
    items = []
    for word in text.split():
        try:
            items.append(decode(word))
        except InputError as ex:
            items.append(ex)
    return items


class PlainReport(ItemReport):
    """Reports the numbers of stored and of rejected records."""

    def counts(self):
        stored = sum(len(numbers) for numbers, _ in self._stored)
        return b'%d stored, %d refused' % (stored, len(self._refused) + len(self._bad))

    def answer(self):
        return 200, [('content-type', 'text/plain')], self.counts()

    def amend(self, answer):
        status, headers, body = answer
        return status, headers, body + b' | ' + self.counts()


class PlainDoor(Door):
    """Accepts text and answers with text; an error begins with an exclamation mark."""

    path = '/plain'
    declaration = Declaration(Role.WRITER, ())

    def __init__(self, authenticator, storage):
        super().__init__(authenticator)
        self._storage = storage

    def begin(self, request):
        self.check(request)
        if request.headers.get('content-type') != 'text/plain':
            raise MediaTypeError('expected text')
        length = int(request.headers['content-length'])
        if length > MAX:
            raise LimitError('too long')
        body, kind = Body(length, MAX, Identity(MAX)), request.headers['x-kind']
        if kind == 'one':
            return Single(body, None, RecordReport(self._storage.get), MAX, decode)
        report = PlainReport('word')
        if kind == 'many':
            return Document(body, None, report, MAX, decode_words, lambda: report, 1000)
        decoder = Decoder(decode, MAX, 1000)
        return Several(body, None, PlainReport('line', decoder.bad_lines), decoder)

    def error(self, request, error):
        headers = [('content-type', 'text/plain'), *error.headers]
        return error.status, headers, f'! {type(error).__name__}: {error.message}'.encode()


def make_front(doors, writer):
    """Return a front that has only doors."""
    listeners = Listeners(doors.listeners, writer)
    return Front(
        doors, Intake(writer), Site(None, 1), connections.Connections(8080, 100), [listeners]
    )


@pytest.fixture
def front(tmp_path):
    """A front with only this door."""
    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.migrate()
        sessions = Sessions('user', 'secret', 80, lambda: b's' * 32)
        doors = Doors([PlainDoor(Authenticator('user', 'secret', sessions), storage)])
        with (
            Writer(storage) as writer,
            closing(make_front(doors, writer)) as front,
        ):
            front.writer, front.storage = writer, storage
            yield front


def post(front, kind, body=b'hello', receive=None, **environ):
    """Return the status, headers and body of the answer."""
    chunks = [body]

    async def arrive():
        if not chunks:
            await asyncio.Event().wait()  # the client waits for the answer
        chunk = chunks.pop(0)
        return {'type': 'http.request', 'body': chunk, 'more_body': False}

    scope = scope_of(
        {
            'REQUEST_METHOD': 'POST',
            'PATH_INFO': '/plain',
            'QUERY_STRING': '',
            'HTTP_AUTHORIZATION': CREDENTIALS,
            'HTTP_X_KIND': kind,
            'CONTENT_TYPE': 'text/plain',
            'CONTENT_LENGTH': str(len(body)),
            **environ,
        }
    )
    status, headers, content = answer_of(front, scope, receive or arrive)
    return status, dict(headers), content.decode()


def check_error(answer, status, kind):
    """Check that the error has the format of the door and no JSON."""
    assert status == answer[0]
    assert 'text/plain' == answer[1]['content-type']
    assert answer[2].startswith(f'! {kind}: ')
    assert '{' not in answer[2]


def failing_submit(writer, error):
    """Return a method `submit` of a writer whose storage fails with *error*."""
    return lambda submission, done: done(error)


@pytest.mark.parametrize('kind', KINDS)
def test_records_are_stored(front, kind):
    """Records are stored, and a bad one does not affect the others."""
    assert post(front, kind)[0] in (200, 201)
    if kind != 'one':
        status, _, body = post(front, kind, b'bad\nhello\nworld')
        assert (200, '2 stored, 1 refused') == (status, body)
    assert 1 + 2 * (kind != 'one') == front.storage.count(Filter())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [5, SMALL_BODY + 1])
def test_errors_before_the_body(front, kind, size):
    """Credentials, media type, parameters and length are checked before the body is read."""
    body = b'x' * size
    for authorization in ('', 'Basic eDp5'):
        answer = post(front, kind, body, HTTP_AUTHORIZATION=authorization)
        check_error(answer, 401, 'AuthenticationError')
        assert answer[1]['www-authenticate'].startswith('Basic')
    check_error(post(front, kind, body, CONTENT_TYPE='a/b'), 415, 'MediaTypeError')
    check_error(post(front, kind, b'x' * (MAX + 1)), 413, 'LimitError')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('length', [10, MAX])
def test_errors_of_the_body(front, kind, length, monkeypatch):
    """A body may be truncated, exceed its declared length or stop arriving."""
    declared = {'CONTENT_LENGTH': str(length)}
    check_error(post(front, kind, b'hello', **declared), 400, 'InputError')
    check_error(post(front, kind, b'x' * (MAX + 1), **declared), 413, 'LimitError')
    monkeypatch.setattr(incoming, 'WANTED_TIMEOUT', 0.05)

    async def never():
        await asyncio.Event().wait()

    check_error(post(front, kind, receive=never, **declared), 408, 'BodyTimeoutError')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [5, SMALL_BODY + 1])
def test_errors_of_the_storage(front, kind, size, monkeypatch):
    """The queue is full, the storage is unavailable, its disk is full, or the code fails."""
    body = b'x' * size

    def full(submission, done):
        raise StorageBusyError('the queue is full')

    monkeypatch.setattr(front.writer, 'submit', full)
    answer = post(front, kind, body)
    check_error(answer, 503, 'StorageBusyError')
    assert '1' == answer[1]['retry-after']
    for error, status in ((StorageBusyError('away'), 503), (DiskFullError('full'), 507)):
        monkeypatch.setattr(front.writer, 'submit', failing_submit(front.writer, error))
        answer = post(front, kind, body)
        check_error(answer, status, type(error).__name__)
        assert answer[1]['retry-after']
    monkeypatch.setattr(front.writer, 'submit', lambda *_: 1 / 0)
    answer = post(front, kind, body)
    check_error(answer, 500, 'ChronologerError')
    assert 'division' not in answer[2]


def test_bad_content(front, monkeypatch):
    """A reception, the storage or a report can reject the content."""
    check_error(post(front, 'one', b'bad'), 400, 'InputError')
    monkeypatch.setattr(front.writer, 'submit', failing_submit(front.writer, RefusedError('no')))
    check_error(post(front, 'one'), 500, 'RefusedError')
    monkeypatch.setattr(PlainReport, 'answer', lambda _: 1 / 0)
    for kind in ('many', 'lines'):
        check_error(post(front, kind, b'bad'), 500, 'ChronologerError')


def test_errors_report_stored_records(front, monkeypatch):
    """An error has the report of the door on the records that were stored before."""
    submit, calls = front.writer.submit, []

    def away_later(submission, done):
        calls.append(submission)
        if len(calls) > 1:
            done(StorageBusyError('away'))
        else:
            submit(submission, done)

    monkeypatch.setattr(front.writer, 'submit', away_later)
    for kind in ('many', 'lines'):
        calls.clear()
        answer = post(front, kind, b'a\n' * 2000)
        check_error(answer, 503, 'StorageBusyError')
        assert answer[2].endswith('| 1000 stored, 0 refused')


def test_other_paths_and_methods(front):
    """A door handles neither other paths nor other methods."""
    assert front._doors.find('POST', '/plain/') is None
    assert front._doors.find('GET', '/plain') is None
