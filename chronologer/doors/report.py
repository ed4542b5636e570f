"""
The outcomes of the records of a request, and the answer that reports them.

A `Report` gets the outcome of each submission. A door whose protocol has answers of its own derives
its report from one of these.
"""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

import orjson

from chronologer.errors import ChronologerError, InputError, LimitError, RefusedError
from chronologer.ingest.ndjson import BadLine, bad_line
from chronologer.ingest.writer import Submission
from chronologer.model import Record
from chronologer.storage import BatchKey, Outcome, Recalled
from chronologer.web.respond import JSON, Answer, printable

LONG_REPORT = 10_000  # items


class Report(ABC):
    """The outcomes of one request."""

    @property
    @abstractmethod
    def is_slow(self) -> bool:
        """Whether rendering the answer may be slow."""

    @abstractmethod
    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        """
        Note the outcome of a submission; yield submissions that replace it.

        Raises:
            ChronologerError: The rest of the request cannot be stored either.
        """

    @abstractmethod
    def answer(self) -> Answer:
        """
        Return the answer to a complete request; to be called once.

        Raises:
            ChronologerError: None of it could be stored.
        """

    def amend(self, answer: Answer) -> Answer:
        """Add the stored records to the answer of the error that has ended the request."""
        return answer


class RecordReport(Report):
    """The report of one record: the answer has the whole record."""

    is_slow = False

    def __init__(self, find: Callable[[int], Record | None]):
        self._find = find

    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        if isinstance(outcome, ChronologerError):
            raise outcome
        self._record = submission.records[0]._replace(id=outcome[0])
        self.is_slow = isinstance(outcome, Recalled)
        return iter(())

    def answer(self) -> Answer:
        record = self._record
        if self.is_slow and record.id is not None:
            record = self._find(record.id) or record  # its time may have changed
        return 201, [('content-type', JSON)], orjson.dumps(record.as_dict())


@dataclass(frozen=True, slots=True)
class Part(Submission):
    """Some of the records of a body."""

    numbers: tuple[int, ...] = ()  # of their items


class ItemReport(Report):
    """
    The report of many records, in little memory; a bad one does not affect the others.

    *unit* is the name of an item's number in the answer. *bad* are items that could not
    be decoded: a decoder, in its thread, may add to them until the body has ended.
    """

    def __init__(self, unit: str, bad: Sequence[BadLine] = ()):
        self._unit, self._bad = unit, bad
        self._refused: list[BadLine] = []
        self._stored: list[tuple[Sequence[int], int]] = []  # numbers, first id

    @property
    def is_slow(self) -> bool:
        """Whether the list is long."""
        stored = sum(len(numbers) for numbers, _ in self._stored)
        return stored + len(self._refused) + len(self._bad) > LONG_REPORT

    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        assert isinstance(submission, Part)
        if not isinstance(outcome, ChronologerError):
            self._add_stored(submission.numbers, outcome)
        elif not isinstance(outcome, (LimitError, RefusedError)):
            raise outcome
        elif len(submission.records) == 1:
            self.add_refused(submission.numbers[0], outcome)
        else:
            yield from _halves(submission)

    def add_refused(self, number: int, error: ChronologerError) -> None:
        """Note an item that cannot be stored."""
        self._refused.append(bad_line(number, error))

    def _add_stored(self, numbers: Sequence[int], ids: list[int]) -> None:
        first, last = numbers[0], numbers[-1]
        is_gapless = last - first + 1 == len(numbers)
        kept = range(first, last + 1) if is_gapless else array('Q', numbers)
        self._stored.append((kept, ids[0]))

    def answer(self) -> Answer:
        """Return 201 and the ids, or 207 and the outcome of each item."""
        if failed := len(self._refused) + len(self._bad):
            if not self._stored:
                if failed == 1:
                    raise InputError('the record could not be stored')
                raise InputError(f'none of {failed:,} records could be stored')
            return 207, [('content-type', JSON)], b'{"records":[%b]}' % self._records()
        ids = (range(first, first + len(numbers)) for numbers, first in self._stored)
        body = b','.join(orjson.dumps(list(some))[1:-1] for some in ids)
        return 201, [('content-type', JSON)], b'[%b]' % body

    def amend(self, answer: Answer) -> Answer:
        """Add the outcomes of the items to an error in JSON."""
        if not (self._stored or self._refused or self._bad):
            return answer
        status, headers, body = answer
        headers = [header for header in headers if header[0].lower() != 'content-length']
        return status, headers, b'%b,"records":[%b]}' % (body[:-1], self._records())

    def _records(self) -> bytearray:
        """Return the outcomes of the items in order, with little more memory than their text."""
        text = bytearray()
        for _, entry in merge(self._stored_entries(), self._failed_entries()):
            text += b',' if text else b''
            text += entry
        return text

    def _stored_entries(self) -> Iterator[tuple[int, bytes]]:
        unit = self._unit.encode()
        for numbers, first in sorted(self._stored, key=lambda stored: stored[0][0]):
            for id, number in enumerate(numbers, first):
                yield number, b'{"%b":%d,"id":%d}' % (unit, number, id)

    def _failed_entries(self) -> Iterator[tuple[int, bytes]]:
        for number, kind, message in sorted([*self._refused, *self._bad]):
            error = {'type': kind, 'message': printable(message)}
            yield number, orjson.dumps({self._unit: number, 'error': error})


def _halves(part: Part) -> Iterator[Part]:
    """Yield halves of a submission with a record that the engine refuses, to find it."""
    middle = len(part.records) // 2
    for name, half in (('a', slice(None, middle)), ('b', slice(middle, None))):
        key = part.key
        if key is not None:
            key = BatchKey(key.owner, key.part + name, key.digest)
        yield Part(part.records[half], part.size // 2, key, True, part.numbers[half])
