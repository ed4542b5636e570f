"""What a request gives to be stored, on its way to the writer and back."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from chronologer.api.ingestion import Reception
from chronologer.errors import ChronologerError, StorageBusyError
from chronologer.ingest.ndjson import SLICE_RECORDS
from chronologer.ingest.writer import Submission, Writer
from chronologer.storage import Outcome

FULL_QUEUE_PAUSE, FULL_QUEUE_TIMEOUT = 0.05, 30  # seconds


class Mailbox:
    """Brings outcomes from the writer's thread to the loop, all of a commit at once."""

    def __init__(self, writer: Writer):
        self._writer = writer
        # Submissions of one request that wait for their commit: enough for a group.
        self.in_flight = max(2, writer.group_records // SLICE_RECORDS)
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
            except RuntimeError:  # the loop is closed, nobody waits any more
                self._letters.clear()
                self._is_called = False

    def _deliver(self) -> None:
        self._is_called = False
        while self._letters:
            future, outcome = self._letters.popleft()
            if not future.done():
                future.set_result(outcome)


class Delivery:
    """The submissions of one request on their way; a few at a time."""

    def __init__(self, mailbox: Mailbox, reception: Reception):
        self._mailbox, self._reception = mailbox, reception
        self._sent: deque[tuple[Submission, asyncio.Future[Outcome]]] = deque()
        self._is_begun = False

    async def send(self, submission: Submission) -> None:
        """
        Submit; with enough under way, wait for the first of them before.

        With a key, for each: it may be that of another body, of which nothing shall be stored.
        """
        while len(self._sent) >= (1 if submission.key else self._mailbox.in_flight):
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
                return self._mailbox.submit(submission)
            await asyncio.sleep(FULL_QUEUE_PAUSE)
        self._is_begun = True
        return self._mailbox.submit(submission)
