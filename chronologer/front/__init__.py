"""
Between the HTTP server and the application: one ASGI callable on one event loop.

Ingestion runs on the loop, so that a request which waits for its body or for its commit costs no
thread, and any number can share a commit. What may take long, the decoding of large bodies and
everything that CherryPy answers, runs in threads.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chronologer.api.ingestion import Reception, RecordIngestion
from chronologer.api.respond import Answer, error_response
from chronologer.errors import AuthenticationError, ChronologerError, StorageBusyError
from chronologer.front.asgi import Headers, Receive, Scope, Send, headers_of, send_answer
from chronologer.front.delivery import Delivery, Mailbox
from chronologer.front.incoming import UNWANTED_TIMEOUT, WANTED_TIMEOUT, Incoming
from chronologer.front.site import Site
from chronologer.ingest.writer import Submission, Writer

RECORDS = '/api/v1/record'
BODILESS = frozenset(['GET', 'HEAD'])  # methods whose bodies mean nothing

SMALL_BODY = 16 * 2**10  # bytes, not compressed: is decoded on the loop
MAX_SHORT_BODY = 64 * 2**10  # bytes of a body that is not of records
MAX_BODIES = 64 * 2**20  # bytes of all larger bodies that are kept until more of them arrives
DECODERS = 2  # threads


class Front:
    """Answers every request: records are taken here, the rest is the *site*'s."""

    def __init__(self, ingestion: RecordIngestion, writer: Writer, site: Site):
        self._ingestion, self._site = ingestion, site
        self._mailbox = Mailbox(writer)
        self._decoders = ThreadPoolExecutor(DECODERS, 'decoder')
        self._kept = 0  # bytes of bodies

    def close(self) -> None:
        """End the threads."""
        self._decoders.shutdown(cancel_futures=True)
        self._site.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = headers_of(scope)
        incoming = Incoming(headers, receive)
        if scope['method'] == 'POST' and scope['path'] == RECORDS:
            await send_answer(send, await self._ingest(scope, headers, incoming))
        else:
            await self._visit(scope, headers, incoming, receive, send)

    async def _visit(
        self, scope: Scope, headers: Headers, incoming: Incoming, receive: Receive, send: Send
    ) -> None:
        """Read a body, which costs no thread, before the site is asked."""
        content = b''
        try:
            if scope['method'] not in BODILESS:
                content = await incoming.read_short(MAX_SHORT_BODY)
        except ChronologerError as ex:
            await incoming.drain(UNWANTED_TIMEOUT)
            await send_answer(send, error_response(ex, scope['method']))
        else:
            await incoming.drain(UNWANTED_TIMEOUT)
            await self._site.answer(scope, headers, content, receive, send)

    async def _ingest(self, scope: Scope, headers: Headers, incoming: Incoming) -> Answer:
        begin = partial(self._ingestion.begin, headers, scope['query_string'].decode('latin-1'))
        try:
            if self._ingestion.may_wait(headers):
                loop = asyncio.get_running_loop()
                reception = await loop.run_in_executor(self._decoders, begin)
            else:
                reception = begin()
        except Exception as ex:
            if not isinstance(ex, AuthenticationError):  # who is nobody shall not be waited for
                await incoming.drain(WANTED_TIMEOUT)
            return error_response(ex, 'POST')
        delivery = Delivery(self._mailbox, reception)
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
            await incoming.drain(WANTED_TIMEOUT)
        return complete

    async def _take_whole(
        self, incoming: Incoming, reception: Reception, delivery: Delivery
    ) -> None:
        body = await incoming.read()
        for submissions in (reception.feed(body), reception.finish()):
            for submission in submissions:
                await delivery.send(submission)

    async def _take_pieces(
        self, incoming: Incoming, reception: Reception, delivery: Delivery
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

    async def _decode(self, decode: Callable[[], Iterator[Submission]], delivery: Delivery) -> None:
        """Send what *decode* yields, one by one, so that little of it is in memory."""
        loop = asyncio.get_running_loop()
        submissions = await loop.run_in_executor(self._decoders, decode)
        following = partial(next, submissions, None)
        while (submission := await loop.run_in_executor(self._decoders, following)) is not None:
            await delivery.send(submission)
