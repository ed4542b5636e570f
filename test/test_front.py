"""Between server and application: bodies that do not come, answers that are not read."""

import asyncio
from contextlib import closing
from io import BytesIO

import orjson
import pytest

from chronologer import front
from chronologer.errors import StorageBusyError
from chronologer.ingest.writer import Writer
from chronologer.server import create_app
from chronologer.storage import create_storage
from test.servers.rsgi import Protocol, Scope

LINE = b'{"name":"app","levelno":20,"created":1525970213.5,"msg":"hello"}\n'
NDJSON = {'CONTENT_TYPE': 'application/x-ndjson'}


class Slow(Protocol):
    """A body of which some arrives, and then nothing."""

    async def __call__(self):
        await asyncio.sleep(60)

    async def __aiter__(self):
        yield self._body
        await asyncio.sleep(60)


@pytest.fixture
def application(configuration):
    """The application with its writer, on an empty store."""
    with create_storage(configuration.storage_dsn) as storage:
        storage.migrate()
        with Writer(storage) as writer, closing(create_app(configuration, storage, writer)) as app:
            app.writer = writer
            yield app


def post(application, protocol, **environ):
    """The status of a post, and what the body of the answer says."""
    scope = Scope(
        {
            'REQUEST_METHOD': 'POST',
            'PATH_INFO': '/api/v1/record',
            'QUERY_STRING': '',
            'HTTP_AUTHORIZATION': 'Basic bG9nZ2VyOnDDpHNzd29yZA==',
            'CONTENT_LENGTH': '1000',
            **environ,
        }
    )
    asyncio.run(application(scope, protocol))
    status, _, (body,) = protocol.answer
    return status, orjson.loads(body)


@pytest.mark.parametrize('length', ['1000', '100000'])
def test_a_body_that_stops_arriving_is_given_up(application, monkeypatch, length):
    """A small one, which is read as a whole, and a large one."""
    monkeypatch.setattr(front, 'BODY_TIMEOUT', 0.05)
    status, body = post(application, Slow(LINE), CONTENT_LENGTH=length, **NDJSON)
    assert (408, 'BodyTimeoutError') == (status, body['error']['type'])


def test_what_was_stored_before_is_told(application, monkeypatch):
    """A slice that was complete is stored, and the rest is not."""
    monkeypatch.setattr(front, 'BODY_TIMEOUT', 0.05)
    body = LINE * (front.PIECE // len(LINE) + 10)
    status, answer = post(application, Slow(body), CONTENT_LENGTH=str(2 * len(body)), **NDJSON)
    assert 408 == status
    stored = [record['line'] for record in answer['records']]
    assert list(range(1, len(stored) + 1)) == stored
    assert len(stored) // 1000 == front.PIECE // len(LINE) // 1000


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
    protocol = Protocol(BytesIO(body))
    full_at(1, 2, 3)
    status, ids = post(application, protocol, CONTENT_LENGTH=str(len(body)), **NDJSON)
    assert (201, 2500) == (status, len(ids))
    calls.clear()
    full_at(0)
    protocol = Protocol(BytesIO(body))
    status, answer = post(application, protocol, CONTENT_LENGTH=str(len(body)), **NDJSON)
    assert (503, 'StorageBusyError') == (status, answer['error']['type'])
