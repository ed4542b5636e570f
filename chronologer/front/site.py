"""What CherryPy answers, which is everything but the taking of records; in threads."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from io import BytesIO
from itertools import chain
from threading import Semaphore
from typing import Any

from chronologer.errors import StorageBusyError
from chronologer.front.asgi import Headers, Receive, Scope, Send, body, send_answer, start
from chronologer.web.body import HEADERS
from chronologer.web.page import accepts_gzip
from chronologer.web.respond import Answer, error_response

READ_TIMEOUT = 60  # seconds without any byte of an answer being read
PROBES = '/health', '/ready'  # have a thread each: what asks them kills a server that is silent

# Headers: CherryPy fails at those that it cannot read, such as cookies of other services. A body is
# given to it whole; times of files say nothing about their content, for which there are ETags.
UNWANTED = frozenset(
    ['host', 'range', 'cookie', 'accept-encoding', 'content-disposition', 'content-length',
     'content-type', 'transfer-encoding', 'if-modified-since', 'if-unmodified-since']
)  # fmt: skip

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Site:
    """Runs a WSGI application in *threads* threads."""

    def __init__(self, application: WSGIApplication, threads: int):
        self._application = application
        self._threads = ThreadPoolExecutor(threads, 'site')
        self._probes = {path: ThreadPoolExecutor(1, path) for path in PROBES}
        self._streams = Semaphore(-(-threads // 2))  # slow readers shall not take all threads

    def close(self) -> None:
        """End the threads."""
        for threads in (self._threads, *self._probes.values()):
            threads.shutdown(cancel_futures=True)

    async def answer(
        self, scope: Scope, headers: Headers, content: bytes, receive: Receive, send: Send
    ) -> None:
        """Answer a request whose body has been read; *content* is what is wanted of it."""
        loop = asyncio.get_running_loop()
        reader = Reader(loop, receive, send)
        environ = environ_of(scope, headers, content)
        try:
            threads = self._probes.get(scope['path'], self._threads)
            complete = await loop.run_in_executor(threads, self._run, environ, reader)
        finally:
            reader.close()
        if complete is not None:
            await send_answer(send, complete)

    def _run(self, environ: dict[str, Any], reader: 'Reader') -> Answer | None:
        """Return a short answer; a long one is sent from here, as it is made."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            shown = [header for header in headers if header[0].lower() != 'server']  # CherryPy's
            started[:] = [int(status[:3]), shown]

        parts = self._application(environ, start_response)
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
                with suppress(ReaderGone):
                    reader.send(start(status, headers))
                    for part in chain((first, second), iterator):
                        reader.send(body(part, more_body=True))
                    reader.send(body(b''))
            finally:
                self._streams.release()
            return None
        finally:
            if hasattr(parts, 'close'):
                parts.close()


class ReaderGone(Exception):
    """Nobody reads the answer any more."""


class Reader:
    """Who asked, for whoever answers from a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send):
        self._loop, self._receive, self._send = loop, receive, send
        self._leaving: asyncio.Task[None] | None = None

    def send(self, message: dict[str, Any]) -> None:
        """
        Send, and wait until there is room for more.

        Raises:
            ReaderGone: They have hung up, or gone to sleep.
        """
        future = asyncio.run_coroutine_threadsafe(self._forward(message), self._loop)
        try:
            future.result(READ_TIMEOUT)
        except FutureTimeoutError:
            raise ReaderGone from None
        finally:
            future.cancel()

    async def _forward(self, message: dict[str, Any]) -> None:
        # The server lets one send to who is not there: it must be asked.
        if self._leaving is None:
            self._leaving = self._loop.create_task(self._await_leaving())
        if self._leaving.done():
            raise ReaderGone
        await self._send(message)

    async def _await_leaving(self) -> None:
        while (await self._receive())['type'] != 'http.disconnect':
            pass

    def close(self) -> None:
        """Nothing more will be sent; to be called on the loop."""
        if self._leaving is not None:
            self._leaving.cancel()


def environ_of(scope: Scope, headers: Headers, content: bytes) -> dict[str, Any]:
    """The request as WSGI has it, PEP 3333; and all headers as they are."""
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
        'CONTENT_LENGTH': str(len(content)),
        'CONTENT_TYPE': headers.get('content-type', ''),
        'wsgi.input': BytesIO(content),
        'wsgi.errors': BytesIO(),
        'wsgi.multithread': True,
        'wsgi.multiprocess': True,
        'wsgi.run_once': False,
        HEADERS: headers,
    }
    for name, value in headers.items():
        if name not in UNWANTED:
            environ[f'HTTP_{name.upper().replace("-", "_")}'] = value
    if accepts_gzip(headers.get('accept-encoding', '')):  # CherryPy refuses who accepts others only
        environ['HTTP_ACCEPT_ENCODING'] = 'gzip'
    return environ
