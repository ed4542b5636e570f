"""
Between the HTTP server and the application: one ASGI callable on one event loop.

Ingestion runs on the loop, so that a request which waits for its body or for its commit costs no
thread, and any number can share a commit. What may take long, the decoding of large bodies and
everything that CherryPy answers, runs in threads.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from itertools import chain
from threading import Semaphore
from typing import Any

from chronologer.api.ingestion import Reception, RecordIngestion
from chronologer.api.respond import Answer, error_response
from chronologer.errors import (
    AuthenticationError,
    BodyTimeoutError,
    ChronologerError,
    InputError,
    StorageBusyError,
)
from chronologer.ingest.writer import Submission, Writer
from chronologer.storage import Outcome

RECORDS = '/api/v1/record'

SMALL_BODY = 16 * 2**10  # bytes, not compressed: is decoded on the loop
PIECE = 2**18  # bytes of a larger one that are decoded at once
MAX_BODIES = 64 * 2**20  # bytes of all larger bodies that are kept until more of them arrives
MAX_DRAIN = 64 * 2**20  # bytes of a refused body that are read, so that the sender sees the answer
BODY_TIMEOUT = 30  # seconds without any byte of a body
UNWANTED_BODY_TIMEOUT = 2  # the same where no body is expected
READ_TIMEOUT = 60  # seconds without any byte of an answer being read
DECODERS = 2  # threads
IN_FLIGHT = 2  # submissions of one request that wait for their commit
FULL_QUEUE_PAUSE, FULL_QUEUE_TIMEOUT = 0.05, 30  # seconds

# Headers: CherryPy fails at a host or a range that it cannot read, and shall look for no body.
UNWANTED = frozenset(['host', 'range', 'content-length', 'content-type', 'transfer-encoding'])

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[str, str]  # by names in lower case; several values are joined by commas
WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Front:
    """Answers every request: records are taken here, the rest is the *site*'s."""

    def __init__(
        self, ingestion: RecordIngestion, writer: Writer, site: WSGIApplication, threads: int
    ):
        self._ingestion, self._writer, self._site = ingestion, writer, site
        self._decoders = ThreadPoolExecutor(DECODERS, 'decoder')
        self._threads = ThreadPoolExecutor(threads, 'site')
        self._streams = Semaphore(-(-threads // 2))  # slow readers shall not take all threads
        self._mailbox: Mailbox | None = None
        self._kept = 0  # bytes of bodies

    def close(self) -> None:
        """End the threads."""
        self._decoders.shutdown(cancel_futures=True)
        self._threads.shutdown(cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope['method'] == 'POST' and scope['path'] == RECORDS:
            await _send_answer(send, await self._ingest(scope, receive))
        else:
            await self._ask(scope, receive, send)

    # Records

    async def _ingest(self, scope: Scope, receive: Receive) -> Answer:
        headers = _headers(scope)
        incoming = Incoming(headers, receive)
        try:
            reception = self._ingestion.begin(headers, scope['query_string'].decode('latin-1'))
        except Exception as ex:
            if not isinstance(ex, AuthenticationError):  # who is nobody shall not be waited for
                await incoming.drain(BODY_TIMEOUT)
            return error_response(ex, 'POST')
        delivery = Delivery(self._writer, self._find_mailbox(), reception)
        error: Exception | None = None
        try:
            if reception.body.is_small(SMALL_BODY):
                await self._take_whole(incoming, reception, delivery)
            else:
                await self._take_pieces(incoming, reception, delivery)
            await delivery.settle_all()
        except Exception as ex:
            error = ex
            await delivery.settle_quietly()
        answer = partial(reception.answer, error)
        if reception.is_slow:
            complete = await asyncio.get_running_loop().run_in_executor(self._decoders, answer)
        else:
            complete = answer()
        if error is not None:
            await incoming.drain(BODY_TIMEOUT)
        return complete

    async def _take_whole(
        self, incoming: 'Incoming', reception: Reception, delivery: 'Delivery'
    ) -> None:
        body = await incoming.read()
        for submissions in (reception.feed(body), reception.finish()):
            for submission in submissions:
                await delivery.send(submission)

    async def _take_pieces(
        self, incoming: 'Incoming', reception: Reception, delivery: 'Delivery'
    ) -> None:
        kept = 0
        try:
            async for piece in incoming.pieces():
                self._kept += reception.held - kept
                kept = reception.held
                if self._kept > MAX_BODIES and self._kept > kept:
                    raise StorageBusyError('too many large requests at the same time')
                await self._decode(partial(reception.feed, piece), delivery)
            await self._decode(reception.finish, delivery)
        finally:
            self._kept -= kept

    async def _decode(
        self, decode: Callable[[], Iterator[Submission]], delivery: 'Delivery'
    ) -> None:
        """Send what *decode* yields, one by one, so that little of it is in memory."""
        loop = asyncio.get_running_loop()
        submissions = await loop.run_in_executor(self._decoders, decode)
        following = partial(next, submissions, None)
        while (submission := await loop.run_in_executor(self._decoders, following)) is not None:
            await delivery.send(submission)

    def _find_mailbox(self) -> 'Mailbox':
        loop = asyncio.get_running_loop()
        if self._mailbox is None or self._mailbox.loop is not loop:
            self._mailbox = Mailbox(loop)
        return self._mailbox

    # Questions

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Incoming(_headers(scope), receive).drain(UNWANTED_BODY_TIMEOUT)
        loop = asyncio.get_running_loop()
        answer = partial(self._answer, _environ(scope), send, loop)
        complete = await loop.run_in_executor(self._threads, answer)
        if complete is not None:
            await _send_answer(send, complete)

    def _answer(
        self, environ: dict[str, Any], send: Send, loop: asyncio.AbstractEventLoop
    ) -> Answer | None:
        """Return a short answer; a long one is sent from here, as it is made."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started[:] = [int(status[:3]), headers]

        parts = self._site(environ, start_response)
        try:
            iterator = iter(parts)
            first, second = next(iterator, b''), next(iterator, None)
            status, headers = started
            if second is None:
                return status, headers, first
            if not self._streams.acquire(blocking=False):
                busy = StorageBusyError('too many long answers at the same time')
                return error_response(busy, environ['REQUEST_METHOD'])
            try:
                with suppress(FutureTimeoutError):  # the reader has gone to sleep
                    _wait(loop, send, _start(status, headers))
                    for part in chain((first, second), iterator):
                        _wait(loop, send, _body(part, more_body=True))
                    _wait(loop, send, _body(b''))
            finally:
                self._streams.release()
            return None
        finally:
            if hasattr(parts, 'close'):
                parts.close()


# Messages of ASGI, https://asgi.readthedocs.io/en/latest/specs/www.html


async def _send_answer(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send(_start(status, headers))
    await send(_body(body))


def _start(status: int, headers: list[tuple[str, str]]) -> dict[str, Any]:
    encoded = [(name.lower().encode('latin-1'), value.encode('latin-1')) for name, value in headers]
    return {'type': 'http.response.start', 'status': status, 'headers': encoded}


def _body(body: bytes, more_body: bool = False) -> dict[str, Any]:
    return {'type': 'http.response.body', 'body': body, 'more_body': more_body}


def _wait(loop: asyncio.AbstractEventLoop, send: Send, message: dict[str, Any]) -> None:
    """Send from another thread than the loop's, and wait until there is room for more."""

    async def sending() -> None:
        await send(message)

    future = asyncio.run_coroutine_threadsafe(sending(), loop)
    try:
        future.result(READ_TIMEOUT)
    finally:
        future.cancel()


def _headers(scope: Scope) -> Headers:
    headers: Headers = {}
    for name, value in scope['headers']:
        key, text = name.decode('latin-1'), value.decode('latin-1')
        headers[key] = f'{headers[key]},{text}' if key in headers else text
    return headers


def _environ(scope: Scope) -> dict[str, Any]:
    """The request as WSGI has it, PEP 3333; bodies are not for the site."""
    environ = {
        'REQUEST_METHOD': scope['method'],
        'SCRIPT_NAME': '',
        'PATH_INFO': scope['path'].encode('utf-8', 'surrogateescape').decode('latin-1'),
        'QUERY_STRING': scope['query_string'].decode('latin-1'),
        'SERVER_NAME': scope['server'][0],
        'SERVER_PORT': str(scope['server'][1]),
        'SERVER_PROTOCOL': 'HTTP/1.1' if scope['http_version'] == '1.1' else 'HTTP/1.0',
        'HTTP_HOST': ':'.join(map(str, scope['server'])),
        'REMOTE_ADDR': scope['client'][0],
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': scope['scheme'],
        'wsgi.input': BytesIO(),
        'wsgi.errors': BytesIO(),
        'wsgi.multithread': True,
        'wsgi.multiprocess': True,
        'wsgi.run_once': False,
    }
    for name, value in _headers(scope).items():
        if name not in UNWANTED:
            environ[f'HTTP_{name.upper().replace("-", "_")}'] = value
    return environ


class Mailbox:
    """Brings outcomes from the writer's thread to the loop, all of a commit at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self._letters: deque[tuple[asyncio.Future[Outcome], Outcome]] = deque()
        self._is_called = False

    def submit(self, writer: Writer, submission: Submission) -> 'asyncio.Future[Outcome]':
        """Hand over a submission; the future will have its outcome."""
        future: asyncio.Future[Outcome] = self.loop.create_future()
        writer.submit(submission, partial(self._post, future))
        return future

    def _post(self, future: 'asyncio.Future[Outcome]', outcome: Outcome) -> None:
        self._letters.append((future, outcome))
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop is closed, nobody waits any more
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_called = False
        while self._letters:
            future, outcome = self._letters.popleft()
            if not future.done():
                future.set_result(outcome)


class Delivery:
    """The submissions of one request on their way; a few at a time."""

    def __init__(self, writer: Writer, mailbox: Mailbox, reception: Reception):
        self._writer, self._mailbox, self._reception = writer, mailbox, reception
        self._sent: deque[tuple[Submission, asyncio.Future[Outcome]]] = deque()
        self._is_begun = False

    async def send(self, submission: Submission) -> None:
        """
        Submit; with enough under way, wait for the first of them before.

        With a key, for each: it may be that of another body, of which nothing shall be stored.
        """
        while len(self._sent) >= (1 if submission.key else IN_FLIGHT):
            await self._settle()
        self._sent.append((submission, await self._submit(submission)))

    async def settle_all(self) -> None:
        """Wait for all outcomes."""
        while self._sent:
            await self._settle()

    async def settle_quietly(self) -> None:
        """Wait for all outcomes, after an error that is answered."""
        while self._sent:
            with suppress(ChronologerError):
                await self._settle()

    async def _settle(self) -> None:
        submission, future = self._sent.popleft()
        for other in self._reception.note(submission, await future):
            self._sent.append((other, await self._submit(other)))

    async def _submit(self, submission: Submission) -> 'asyncio.Future[Outcome]':
        """The first is refused where the queue is full; others wait: they hold up their sender."""
        attempts = int(FULL_QUEUE_TIMEOUT / FULL_QUEUE_PAUSE) if self._is_begun else 0
        for _ in range(attempts):
            with suppress(StorageBusyError):
                return self._mailbox.submit(self._writer, submission)
            await asyncio.sleep(FULL_QUEUE_PAUSE)
        self._is_begun = True
        return self._mailbox.submit(self._writer, submission)


class Incoming:
    """The body of a request, read in one of three ways."""

    def __init__(self, headers: Headers, receive: Receive):
        self._receive = receive
        # Who expects 100 Continue is waiting for it, and reading would ask for the body.
        self._is_coming = 'expect' not in headers and (
            headers.get('content-length', '0') != '0' or 'transfer-encoding' in headers
        )

    async def read(self) -> bytes:
        """All of a small body."""
        return b''.join([chunk async for chunk in self._chunks()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """A body in pieces of some size."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in self._chunks():
            chunks.append(chunk)
            size += len(chunk)
            if size >= PIECE:
                yield b''.join(chunks)
                chunks, size = [], 0
        yield b''.join(chunks)

    async def drain(self, timeout: float) -> None:
        """Read what is left and not wanted: who is still sending would not see the answer."""
        size = 0
        with suppress(BodyTimeoutError, InputError):
            while self._is_coming and size < MAX_DRAIN:
                size += len(await self._next(timeout))

    async def _chunks(self) -> AsyncIterator[bytes]:
        self._is_coming = True
        while self._is_coming:
            yield await self._next(BODY_TIMEOUT)

    async def _next(self, timeout: float) -> bytes:
        try:
            with _deadline(timeout):
                message = await self._receive()
        except BodyTimeoutError:
            self._is_coming = False
            raise
        self._is_coming = message.get('more_body', False)
        if message['type'] == 'http.disconnect':
            raise InputError('the body ended before its end')
        body: bytes = message['body']
        return body


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Give up waiting for a body."""
    task = asyncio.current_task()
    assert task is not None
    is_late = False

    def expire() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        yield
    except asyncio.CancelledError:
        if is_late:
            raise BodyTimeoutError(f'nothing of the body arrived for {seconds:g} s') from None
        raise
    finally:
        timer.cancel()
