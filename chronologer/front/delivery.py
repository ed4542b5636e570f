"""Hands submissions of a request to the writer, and their outcomes back."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from chronologer.errors import ChronologerError, StorageBusyError
from chronologer.ingest.writer import Submission, Writer
from chronologer.storage import Outcome

FULL_QUEUE_PAUSE, FULL_QUEUE_TIMEOUT = 0.05, 30  # seconds


Note = Callable[[Submission, Outcome], Iterator[Submission]]


class Mailbox:
    """Brings outcomes from the writer's thread to the loop, all of a commit together."""

    def __init__(self, writer: Writer):
        self._writer = writer
        self.in_flight = writer.slices_in_flight  # submissions of one request
        self._letters: deque[tuple[asyncio.Future[Outcome], Outcome]] = deque()
        self._is_called = False

    def submit(self, submission: Submission) -> 'asyncio.Future[Outcome]':
        """Hand over a submission; the future will have its outcome."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._writer.submit(submission, partial(self._post, future))
        return future

    def _post(self, future: 'asyncio.Future[Outcome]', outcome: Outcome) -> None:
        self._letters.append((future, outcome))
        if not self._is_called:
            self._is_called = True
            try:
                future.get_loop().call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed, so nothing waits for outcomes
                self._letters.clear()
                self._is_called = False

    def _deliver(self) -> None:
        self._is_called = False
        while self._letters:
            future, outcome = self._letters.popleft()
            if not future.done():
                future.set_result(outcome)


class Delivery:
    """
    The submissions of one request, a few at a time.

    *note* is called with each outcome, and yields submissions that replace it.
    """

    def __init__(self, mailbox: Mailbox, note: Note):
        self._mailbox, self._note = mailbox, note
        self._sent: deque[tuple[Submission, asyncio.Future[Outcome]]] = deque()
        self._is_begun = False

    async def send(self, submission: Submission) -> None:
        """
        Submit; if too many are in flight, first wait for the oldest.

        With a key only one is in flight: it may be the key of another body, which is refused.
        """
        while len(self._sent) >= (1 if submission.key else self._mailbox.in_flight):
            await self._settle()
        self._sent.append((submission, await self._submit(submission)))

    async def settle_all(self) -> None:
        """Wait for all outcomes."""
        while self._sent:
            await self._settle()

    async def settle_quietly(self) -> None:
        """Wait for all outcomes after an error; further errors are ignored."""
        while self._sent:
            with suppress(ChronologerError):
                await self._settle()

    async def _settle(self) -> None:
        submission, future = self._sent.popleft()
        for other in self._note(submission, await future):
            self._sent.append((other, await self._submit(other)))

    async def _submit(self, submission: Submission) -> 'asyncio.Future[Outcome]':
        """Refuse the first if the queue is full; others wait, which slows their sender."""
        attempts = int(FULL_QUEUE_TIMEOUT / FULL_QUEUE_PAUSE) if self._is_begun else 0
        for _ in range(attempts):
            with suppress(StorageBusyError):
                return self._mailbox.submit(submission)
            await asyncio.sleep(FULL_QUEUE_PAUSE)
        self._is_begun = True
        return self._mailbox.submit(submission)
