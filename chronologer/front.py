"""
Between the HTTP server and the application: one RSGI callable on one event loop.

Ingestion runs on the loop, so that a request which waits for its body or for its commit costs no
thread, and any number can share a commit. What may take long, the decoding of large bodies and
everything that CherryPy answers, runs in threads.

RSGI is granian's interface, specified in its ``docs/spec/RSGI.md``.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from itertools import chain
from typing import Any

from granian._granian import RSGIProtocolClosed as ProtocolClosed

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

SMALL_BODY = 16 * 2**10  # bytes; read as a whole and decoded on the loop
PIECE = 2**18  # bytes of a larger one that are decoded at once
MAX_BODIES = 64 * 2**20  # bytes of all larger bodies that are kept until more of them arrives
MAX_DRAIN = 64 * 2**20  # bytes of a refused body that are read, so that the sender sees the answer
BODY_TIMEOUT = 30  # seconds without any byte of a body
READ_TIMEOUT = 60  # seconds without any byte of an answer being read
DECODERS = 2  # threads
IN_FLIGHT = 2  # submissions of one request that wait for their commit
FULL_QUEUE_PAUSE, FULL_QUEUE_TIMEOUT = 0.05, 30  # seconds

# Headers: CherryPy fails at a range that it cannot read, and shall not look for a body.
UNWANTED = frozenset(['range', 'content-length', 'content-type', 'transfer-encoding'])

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Front:
    """Answers every request: records are taken here, the rest is the *site*'s."""

    def __init__(
        self, ingestion: RecordIngestion, writer: Writer, site: WSGIApplication, threads: int
    ):
        self._ingestion, self._writer, self._site = ingestion, writer, site
        self._decoders = ThreadPoolExecutor(DECODERS, 'decoder')
        self._threads = ThreadPoolExecutor(threads, 'site')
        self._mailbox: Mailbox | None = None
        self._kept = 0  # bytes of bodies

    def close(self) -> None:
        """End the threads."""
        self._decoders.shutdown(cancel_futures=True)
        self._threads.shutdown(cancel_futures=True)

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answer a request."""
        if scope.method == 'POST' and scope.path == RECORDS:
            status, headers, body = await self._ingest(scope, protocol)
            protocol.response_bytes(status, headers, body)
        else:
            await self._ask(scope, protocol)

    # Records

    async def _ingest(self, scope: Any, protocol: Any) -> Answer:
        incoming = Incoming(scope, protocol)
        try:
            reception = self._ingestion.begin(scope.headers, scope.query_string)
        except Exception as ex:
            if not isinstance(ex, AuthenticationError):  # who is nobody shall not be waited for
                await incoming.drain()
            return error_response(ex, 'POST')
        delivery = Delivery(self._writer, self._find_mailbox(), reception)
        try:
            length = reception.body.length
            if length is not None and length <= SMALL_BODY:
                await self._take_whole(incoming, reception, delivery)
            else:
                await self._take_pieces(incoming, reception, delivery)
            await delivery.settle_all()
        except Exception as ex:
            await delivery.settle_quietly()
            answer = reception.answer(ex)
            await incoming.drain()
            return answer
        if reception.is_recalled:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, reception.answer, None)
        return reception.answer(None)

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
                await self._decode(partial(reception.feed, piece), delivery)
                self._kept += reception.held - kept
                kept = reception.held
                if self._kept > MAX_BODIES and self._kept > kept:
                    raise StorageBusyError('too many large requests at the same time')
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

    async def _ask(self, scope: Any, protocol: Any) -> None:
        await Incoming(scope, protocol).drain()
        loop = asyncio.get_running_loop()
        answer = partial(self._answer, _environ(scope), protocol, loop)
        complete = await loop.run_in_executor(self._threads, answer)
        if complete is not None:
            status, headers, body = complete
            if body:
                protocol.response_bytes(status, headers, body)
            else:
                protocol.response_empty(status, headers)

    def _answer(
        self, environ: dict[str, Any], protocol: Any, loop: asyncio.AbstractEventLoop
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
            with suppress(ProtocolClosed, FutureTimeoutError):  # the reader has gone, or sleeps
                transport = protocol.response_stream(status, headers)
                for part in chain((first, second), iterator):
                    _wait(loop, transport.send_bytes, part)
            return None
        finally:
            if hasattr(parts, 'close'):
                parts.close()


def _wait(loop: asyncio.AbstractEventLoop, send: Callable[[bytes], Any], part: bytes) -> None:
    """Send a part from another thread than the loop's, and wait until it is gone."""

    async def sending() -> None:
        await send(part)

    future = asyncio.run_coroutine_threadsafe(sending(), loop)
    try:
        future.result(READ_TIMEOUT)
    finally:
        future.cancel()


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
        """Submit; with enough under way, wait for the first of them before."""
        while len(self._sent) >= IN_FLIGHT:
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

    def __init__(self, scope: Any, protocol: Any):
        headers = scope.headers
        self._protocol = protocol
        self._chunks: AsyncIterator[bytes] | None = None
        # Who expects 100 Continue is waiting for it, and reading would ask for the body.
        self._is_coming = 'expect' not in headers and (
            headers.get('content-length', '0') != '0' or 'transfer-encoding' in headers
        )

    async def read(self) -> bytes:
        """All of a small body."""
        self._is_coming = False
        try:
            with _deadline():
                body: bytes = await self._protocol()
        except ProtocolClosed as ex:
            raise InputError('the body ended before its end') from ex
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """
        A body in pieces of some size.

        granian tells of one that was cut by one more empty chunk than ends any.
        """
        self._is_coming = True
        chunks: list[bytes] = []
        size = empty = 0
        while (chunk := await self._next()) is not None:
            empty += not chunk
            chunks.append(chunk)
            size += len(chunk)
            if size >= PIECE:
                yield b''.join(chunks)
                chunks, size = [], 0
        if empty > 1:
            raise InputError('the body ended before its end')
        yield b''.join(chunks)

    async def drain(self) -> None:
        """Read what is left and not wanted: who is still sending would not see the answer."""
        size = 0
        with suppress(BodyTimeoutError, ProtocolClosed):
            while self._is_coming and size < MAX_DRAIN:
                size += len(await self._next() or b'')

    async def _next(self) -> bytes | None:
        """The next chunk, if there is one; `anext` with a default crashes on those of granian."""
        if self._chunks is None:
            self._chunks = self._protocol.__aiter__()
        try:
            with _deadline():
                return await self._chunks.__anext__()
        except StopAsyncIteration:
            self._is_coming = False
            return None


@contextmanager
def _deadline() -> Iterator[None]:
    """Give up waiting for a body."""
    task = asyncio.current_task()
    assert task is not None
    is_late = False

    def expire() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(BODY_TIMEOUT, expire)
    try:
        yield
    except asyncio.CancelledError:
        if is_late:
            raise BodyTimeoutError(f'nothing of the body arrived for {BODY_TIMEOUT} s') from None
        raise
    finally:
        timer.cancel()


def _environ(scope: Any) -> dict[str, Any]:
    """The request as WSGI has it, PEP 3333; bodies are not for the site."""
    host, _, port = scope.server.rpartition(':')
    environ = {
        'REQUEST_METHOD': scope.method,
        'SCRIPT_NAME': '',
        'PATH_INFO': scope.path.encode('utf-8', 'surrogateescape').decode('latin-1'),
        'QUERY_STRING': scope.query_string,
        'SERVER_NAME': host,
        'SERVER_PORT': port,
        'SERVER_PROTOCOL': 'HTTP/1.1' if scope.http_version == '1.1' else 'HTTP/1.0',
        'REMOTE_ADDR': scope.client.rpartition(':')[0],
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': scope.scheme,
        'wsgi.input': BytesIO(),
        'wsgi.errors': BytesIO(),
        'wsgi.multithread': True,
        'wsgi.multiprocess': True,
        'wsgi.run_once': False,
    }
    for name, value in scope.headers.items():
        if name not in UNWANTED:
            key = f'HTTP_{name.upper().replace("-", "_")}'
            environ[key] = f'{environ[key]},{value}' if key in environ else value
    return environ
