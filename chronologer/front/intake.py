"""A request at a door: its body is read, decoded and stored, then answered."""

import asyncio
import ctypes
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from chronologer.doors import Door, Request
from chronologer.doors.reception import Reception
from chronologer.doors.report import Report
from chronologer.errors import StorageBusyError
from chronologer.front.delivery import Delivery, Mailbox
from chronologer.front.incoming import Incoming
from chronologer.ingest.writer import Submission, Writer
from chronologer.web.respond import Answer, public_error

SMALL_BODY = 16 * 2**10  # bytes, not compressed: decoded on the loop
MAX_BODIES = 64 * 2**20  # bytes of memory for all larger bodies
DECODED = 3  # bytes of memory for a byte of a body that is decoded and not submitted
DECODERS = 2  # threads

# glibc's, malloc_trim(3); other C libraries need none.
malloc_trim: Callable[[int], int] = getattr(ctypes.CDLL(None), 'malloc_trim', lambda _: 0)

T = TypeVar('T')


class Intake:
    """Runs receptions on the event loop; large bodies are decoded in threads."""

    def __init__(self, writer: Writer):
        self._mailbox = Mailbox(writer)
        self._decoders = ThreadPoolExecutor(DECODERS, 'decoder')
        self._kept = self._peak = 0  # bytes of bodies

    def close(self) -> None:
        """End the threads."""
        self._decoders.shutdown(cancel_futures=True)

    async def answer(self, door: Door, request: Request, incoming: Incoming) -> Answer:
        """Accept the records of a request; return the answer. Part of the body may be unread."""
        begin = partial(door.begin, request)
        try:
            reception = await self._in_thread(begin) if door.may_wait(request) else begin()
        except Exception as ex:
            return door.error(request, public_error(ex))
        error = await self._store(reception, incoming)
        render = partial(_render, door, request, reception.report, error)
        return await self._in_thread(render) if reception.report.is_slow else render()

    async def _store(self, reception: Reception, incoming: Incoming) -> Exception | None:
        """Read, decode and submit a body; return the error that ended it early, if any."""
        delivery = Delivery(self._mailbox, reception.note)
        try:
            if reception.body.is_small(SMALL_BODY):
                await self._read_whole(incoming, reception, delivery)
            else:
                await self._read_pieces(incoming, reception, delivery)
            await delivery.settle_all()
        except Exception as ex:
            await delivery.settle_quietly()
            return ex
        return None

    async def _read_whole(
        self, incoming: Incoming, reception: Reception, delivery: Delivery
    ) -> None:
        body = await incoming.read()
        for submissions in (reception.feed(body), reception.finish()):
            for submission in submissions:
                await delivery.send(submission)

    async def _read_pieces(
        self, incoming: Incoming, reception: Reception, delivery: Delivery
    ) -> None:
        kept = 0

        def keep(size: int) -> None:
            nonlocal kept
            used = size + DECODED * reception.held
            self._kept += used - kept
            self._peak = max(self._peak, self._kept)
            kept = used
            if self._kept > MAX_BODIES and self._kept > kept:
                raise StorageBusyError('too many large requests at the same time')

        try:
            async for piece in incoming.pieces(keep):
                if incoming.is_complete:
                    incoming.watch()
                await self._decode(partial(reception.feed, piece), incoming, delivery)
            await self._decode(reception.finish, incoming, delivery)
        finally:
            incoming.close()
            self._kept -= kept
            self._give_back()

    def _give_back(self) -> None:
        """Return the memory of many large bodies to the system; Python's allocator keeps it."""
        if self._kept < self._peak // 8 and self._peak > MAX_BODIES // 4:
            self._peak = self._kept
            self._decoders.submit(malloc_trim, 0)

    async def _decode(
        self, decode: Callable[[], Iterator[Submission]], incoming: Incoming, delivery: Delivery
    ) -> None:
        """
        Submit what *decode* yields, one by one, so that little of it is in memory.

        A sender that has gone costs no more than the first: nobody would know what was stored.
        """
        loop = asyncio.get_running_loop()
        submissions = await loop.run_in_executor(self._decoders, decode)
        following = partial(next, submissions, None)
        while (submission := await loop.run_in_executor(self._decoders, following)) is not None:
            await delivery.send(submission)
            incoming.check_sender()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, work)


def _render(door: Door, request: Request, report: Report, error: Exception | None) -> Answer:
    """Render the answer to a request, which *error* may have ended early."""
    try:
        if error is None:
            return report.answer()
    except Exception as ex:
        error = ex
    assert error is not None
    return report.amend(door.error(request, public_error(error)))
