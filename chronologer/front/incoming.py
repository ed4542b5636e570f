"""The body of a request, as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from chronologer.errors import BodyTimeoutError, InputError, LimitError
from chronologer.front.asgi import Headers, Receive

PIECE = 2**18  # bytes of a large body that are decoded together
MAX_DRAIN = 64 * 2**20  # bytes of a refused body that are read, so that the client sees the answer
MAX_DRAIN_TIME = 30  # seconds
WANTED_TIMEOUT = 30  # seconds without any byte of a body
UNWANTED_TIMEOUT = 2  # the same where no body is expected


class Incoming:
    """The body of a request, read in one of four ways."""

    def __init__(self, headers: Headers, receive: Receive):
        self._receive = receive
        self._length = headers.get('content-length', '0')
        self._has_body = self._length != '0' or 'transfer-encoding' in headers
        # A client that expects 100 Continue waits, and reading would request the body.
        self._is_coming = self._has_body and 'expect' not in headers
        self._leaving: asyncio.Task[None] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of the body has arrived."""
        return not self._is_coming

    async def read(self) -> bytes:
        """Return a small body."""
        self._is_coming = True
        chunks = []
        while self._is_coming:
            chunks.append(await self._next(WANTED_TIMEOUT))
        return b''.join(chunks)

    async def read_short(self, most: int) -> bytes:
        """
        Return a body of limited size that arrives in limited time: anybody can send it.

        Raises:
            LimitError: It has more than *most* bytes.
            BodyTimeoutError: It has not arrived in time.
            InputError: It was cut.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + WANTED_TIMEOUT
        declared = int(self._length) if self._length.isdecimal() else 0
        body = b''
        if declared <= most:
            self._is_coming = self._has_body
            while self._is_coming and len(body) <= most:
                try:
                    body += await self._next(end - clock())
                except BodyTimeoutError:
                    wanted = f'within {WANTED_TIMEOUT:g} s'
                    raise BodyTimeoutError(f'the body did not arrive {wanted}') from None
        if max(len(body), declared) > most:
            raise LimitError(f'a body has at most {most:,} bytes here')
        if len(body) < declared:
            raise InputError(f'the body ended after {len(body):,} bytes of {declared:,} declared')
        return body

    async def pieces(self, keep: Callable[[int], None]) -> AsyncIterator[bytes]:
        """Yield a body in pieces of some size; *keep* is told the bytes that are gathered."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in self._chunks():
            chunks.append(chunk)
            size += len(chunk)
            keep(size)
            if size >= PIECE:
                piece = b''.join(chunks)
                chunks, size = [], 0
                yield piece
        yield b''.join(chunks)

    async def drain(self) -> None:
        """Read the unwanted rest: a client that is still sending would not see the answer."""
        clock = asyncio.get_running_loop().time
        end, size = clock() + MAX_DRAIN_TIME, 0
        with suppress(BodyTimeoutError, InputError):
            while self._is_coming and size < MAX_DRAIN and clock() < end:
                size += len(await self._next(UNWANTED_TIMEOUT))

    def watch(self) -> None:
        """Notice from now on that the sender goes; its body has arrived."""
        self._leaving = asyncio.get_running_loop().create_task(self._await_leaving())

    def check_sender(self) -> None:
        """
        Make sure that the sender still waits for the answer, as far as is known.

        Raises:
            InputError: It has gone.
        """
        if self._leaving is not None and self._leaving.done():
            raise InputError('the sender has gone')

    def close(self) -> None:
        """End `watch`."""
        if self._leaving is not None:
            self._leaving.cancel()

    async def _await_leaving(self) -> None:
        while (await self._receive())['type'] != 'http.disconnect':
            pass

    async def _chunks(self) -> AsyncIterator[bytes]:
        self._is_coming = True
        while self._is_coming:
            yield await self._next(WANTED_TIMEOUT)

    async def _next(self, timeout: float) -> bytes:
        deadline = _Deadline(timeout)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if deadline.has_passed:
                self._is_coming = False
                late = f'nothing of the body arrived for {timeout:g} s'
                raise BodyTimeoutError(late) from None
            raise
        finally:
            deadline.cancel()
        self._is_coming = message.get('more_body', False)
        if message['type'] == 'http.disconnect':
            raise InputError('the body ended before its end')
        body: bytes = message['body']
        return body


class _Deadline:
    """Cancels the current task after some time, unless it is cancelled first."""

    __slots__ = '_task', '_timer', 'has_passed'

    def __init__(self, seconds: float):
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)
        self.has_passed = False

    def cancel(self) -> None:
        """Let the task go on."""
        self._timer.cancel()

    def _expire(self) -> None:
        assert self._task is not None
        self.has_passed = True
        self._task.cancel()
