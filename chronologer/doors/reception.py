"""
How the body of a request becomes submissions, apart from reading and writing.

A `Reception` is fed the body as it arrives and yields submissions; its `Report` gets the outcomes
and renders the answer. There are three: a body is one record (`Single`), a stream of lines
(`Several`), or one text that holds many records (`Document`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from chronologer.doors.report import ItemReport, Part, Report
from chronologer.errors import InputError, LimitError
from chronologer.ingest.bounds import FREE_LINES, LINES_PER_BYTE, SLICE_BYTES
from chronologer.ingest.encoding import Identity
from chronologer.ingest.json_array import Item
from chronologer.ingest.ndjson import DIGEST_SIZE, Decoder, Slice
from chronologer.ingest.writer import Submission
from chronologer.model import Record
from chronologer.storage import BatchKey, Outcome


def digest_of(*pieces: bytes) -> bytes:
    digest = blake2b(digest_size=DIGEST_SIZE)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Retry:
    """A request that may be sent again."""

    owner: bytes
    form: bytes  # format and parameters; with others it is another request

    def key(self, part: str, digest: bytes) -> BatchKey:
        """Return the key of one of its submissions."""
        return BatchKey(self.owner, part, digest_of(self.form, digest))


class Body:
    """Counts and decompresses the bytes of a body."""

    def __init__(self, length: int | None, limit: int, encoding: Identity):
        self.length = length  # declared, in bytes
        self._limit, self._encoding = limit, encoding
        self.received = 0  # bytes

    def is_small(self, size: int) -> bool:
        """Whether it has no more than *size* bytes, decompressed."""
        return self.length is not None and self.length <= size and not self._encoding.window

    @property
    def held(self) -> int:
        """Bytes that are held to decompress more."""
        return self._encoding.window if self.received else 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed pieces of *data*; see `Identity.feed`."""
        self.received += len(data)
        if self.received > self._limit:
            raise LimitError(f'the body has more than {self._limit:,} bytes, which is the limit')
        return self._encoding.feed(data)

    def finish(self) -> None:
        """Make sure that the body is complete."""
        if self.length is not None and self.received != self.length:
            raise InputError(
                f'the body ended after {self.received:,} bytes of the {self.length:,} declared'
            )
        self._encoding.finish()


class Reception(ABC):
    """Accepts the body of one request."""

    body: Body
    report: Report
    held = 0  # bytes in memory until more arrives

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[Submission]:
        """Yield the submissions that *data* completes."""

    @abstractmethod
    def finish(self) -> Iterator[Submission]:
        """Yield the last submissions after the end of the body."""

    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        """See `Report.note`."""
        return self.report.note(submission, outcome)


class Whole(Reception):
    """A body that is decoded when it is complete, of at most *max_bytes*."""

    what: str  # the body is, for the message of an error

    def __init__(self, body: Body, retry: Retry | None, report: Report, max_bytes: int):
        self.body, self.report = body, report
        self._retry, self._max_bytes = retry, max_bytes
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[Submission]:
        for piece in self.body.feed(data):
            self.held += len(piece)
            if self.held > self._max_bytes:
                limit = f'the limit is {self._max_bytes:,}'
                raise LimitError(f'{self.what} has more than {self.held:,} bytes, {limit}')
            self._pieces.append(piece)
        return iter(())

    def finish(self) -> Iterator[Submission]:
        self.body.finish()
        text = b''.join(self._pieces)
        self._pieces = []
        return self._submissions(text)

    @abstractmethod
    def _submissions(self, text: bytes) -> Iterator[Submission]:
        """Decode the body."""

    def _key(self, text: bytes) -> BatchKey | None:
        return self._retry.key('', digest_of(text)) if self._retry else None


class Single(Whole):
    """A body that is one record."""

    what = 'the record'

    def __init__(
        self,
        body: Body,
        retry: Retry | None,
        report: Report,
        max_bytes: int,
        decode: Callable[[bytes], Record],
    ):
        super().__init__(body, retry, report, max_bytes)
        self._decode = decode

    def _submissions(self, text: bytes) -> Iterator[Submission]:
        yield Submission((self._decode(text),), len(text), self._key(text))


class Document(Whole):
    """
    A body that holds many records, or is one, as *decode* finds.

    *make_report* makes the report if it holds many. A bad item does not affect the others.
    """

    what = 'the record or array'

    def __init__(
        self,
        body: Body,
        retry: Retry | None,
        report: Report,
        max_bytes: int,
        decode: Callable[[bytes], Record | list[Item]],
        make_report: Callable[[], ItemReport],
        slice_records: int,
    ):
        super().__init__(body, retry, report, max_bytes)
        self._decode, self._make_report, self._slice_records = decode, make_report, slice_records

    def _submissions(self, text: bytes) -> Iterator[Submission]:
        decoded = self._decode(text)
        if isinstance(decoded, Record):
            return iter((Submission((decoded,), len(text), self._key(text)),))
        self.report = report = self._make_report()
        return self._parts(decoded, report, len(text), self._key(text))

    def _parts(
        self, items: list[Item], report: ItemReport, size: int, key: BatchKey | None
    ) -> Iterator[Part]:
        """Slices of the records; *size* and *key* are those of the whole."""
        good: list[tuple[int, Record]] = []
        for number, item in enumerate(items):
            if isinstance(item, Record):
                good.append((number, item))
            else:
                report.add_refused(number, item)
        mean = max(1, size // max(1, len(items)))  # bytes of an item
        count = max(1, min(self._slice_records, SLICE_BYTES // mean))
        for index, start in enumerate(range(0, len(good), count)):
            numbers, records = zip(*good[start : start + count], strict=True)
            part_key = key and BatchKey(key.owner, str(index or ''), key.digest)
            yield Part(records, mean * len(records), part_key, index > 0, numbers)


class Several(Reception):
    """A body with a record in each line; a bad line does not affect the others."""

    def __init__(self, body: Body, retry: Retry | None, report: ItemReport, decoder: Decoder):
        self.body, self.report = body, report
        self._retry, self._decoder = retry, decoder
        self._slices = 0

    @property
    def held(self) -> int:  # type: ignore[override]
        """Bytes of the incomplete line and the incomplete slice."""
        return self._decoder.held + self.body.held

    def feed(self, data: bytes) -> Iterator[Submission]:
        for piece in self.body.feed(data):
            yield from map(self._part, self._decoder.feed(piece))
            most = FREE_LINES + LINES_PER_BYTE * self.body.received
            if self._decoder.lines > most:
                raise LimitError(f'more than {most:,} lines in {self.body.received:,} bytes sent')

    def finish(self) -> Iterator[Submission]:
        self.body.finish()
        yield from map(self._part, self._decoder.finish())

    def _part(self, slice: Slice) -> Part:
        key = self._retry.key(str(self._slices or ''), slice.digest) if self._retry else None
        self._slices += 1
        is_next = self._slices > 1
        return Part(slice.records, slice.size, key, is_next, tuple(slice.lines))
