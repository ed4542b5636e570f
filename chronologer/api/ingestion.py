"""
What becomes of a ``POST /api/v1/record``, apart from reading and writing.

A `Reception` is fed the body as it arrives, gives what is to be stored, is told of the outcomes,
and in the end knows the answer. Who feeds it is `chronologer.front`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import orjson

from chronologer.api.params import check_known, parse_query_string
from chronologer.api.report import Report
from chronologer.api.respond import JSON, Answer, error_response
from chronologer.auth import Auth
from chronologer.configuration import Configuration
from chronologer.errors import (
    ChronologerError,
    InputError,
    LengthRequiredError,
    LimitError,
    MediaTypeError,
    RefusedError,
    shown,
)
from chronologer.ingest.encoding import Identity, find_encoding
from chronologer.ingest.logrecord import decode_form, decode_json
from chronologer.ingest.ndjson import DIGEST_SIZE, SLICE_RECORDS, Decoder, Slice
from chronologer.ingest.raw import decode_raw
from chronologer.ingest.writer import Submission
from chronologer.model import Record
from chronologer.parse import OFFSET_MAX, parse_integer
from chronologer.storage import Outcome, Recalled, RetryKey, Storage

FORM, NDJSON = 'application/x-www-form-urlencoded', 'application/x-ndjson'
MAX_KEY_LENGTH = 255
LONG_REPORT = 10_000  # lines


class RecordIngestion:
    """Decides how a request is taken, before its body is read."""

    def __init__(self, conf: Configuration, auth: Auth, storage: Storage):
        self._conf, self._auth, self._storage = conf, auth, storage

    def may_wait(self, headers: dict[str, str]) -> bool:
        """Whether `begin` has to ask the storage."""
        return self._auth.may_wait(headers)

    def begin(self, headers: dict[str, str], query_string: str) -> 'Reception':
        """
        Check all that can be checked beforehand; return what takes the body.

        The names of *headers* are in lower case.

        Raises:
            ChronologerError: The request is refused: credentials, parameters, format or length.
        """
        user = self._auth.check('POST', headers)
        is_raw = bool(query_string) and _take_raw(query_string)
        media_type = headers.get('content-type', '').partition(';')[0].strip().lower()
        decode = _find_decoder(media_type, is_raw)
        encoding = find_encoding(headers.get('content-encoding', ''))
        conf = self._conf
        is_ndjson = media_type == NDJSON
        limit = conf.max_ndjson_bytes if is_ndjson else conf.max_request_bytes
        length = _parse_length(headers.get('content-length'), limit)
        retry = _parse_key(headers.get('idempotency-key'), length, user, media_type, is_raw)
        body = Body(length, limit, encoding(limit if is_ndjson else conf.max_decoded_bytes))
        if is_ndjson:
            return Several(body, decode, conf.max_record_bytes, retry, storage=self._storage)
        return Single(body, decode, conf.max_record_bytes, retry, find=self._storage.get)


def _take_raw(query_string: str) -> bool:
    params = parse_query_string(query_string)
    raw = params.pop('raw', '0')
    check_known(params, 'raw')
    if raw not in ('0', '1'):
        raise InputError(f'raw: expected 0 or 1, got {shown(raw)}')
    return raw == '1'


def _find_decoder(media_type: str, is_raw: bool) -> Callable[..., Record]:
    if media_type == FORM:
        if is_raw:
            raise InputError(f'raw: a JSON object is taken whole, {FORM} is none')
        return decode_form
    if media_type in (JSON, NDJSON):
        return decode_raw if is_raw else decode_json
    wanted = ', '.join((FORM, JSON, NDJSON))
    raise MediaTypeError(f'Content-Type: expected one of {wanted}, got {shown(media_type)}')


def _parse_length(declared: str | None, limit: int) -> int | None:
    if declared is None:
        return None
    length = parse_integer('Content-Length', declared, 0, OFFSET_MAX, 'a number of bytes')
    if length > limit:
        raise LimitError(f'the body has {length:,} bytes, the limit is {limit:,}')
    return length


def _parse_key(key: str | None, length: int | None, *request: Any) -> 'Retry | None':
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        wanted = f'expected up to {MAX_KEY_LENGTH} printable ASCII characters'
        raise InputError(f'Idempotency-Key: {wanted}, got {shown(key)}')
    if length is None:
        raise LengthRequiredError(
            'Idempotency-Key needs a Content-Length: nobody could tell if a chunked body was cut'
        )
    user, *form = request
    return Retry(_digest(f'{user}\0{key}'.encode()), repr(form).encode())


def _digest(*pieces: bytes) -> bytes:
    digest = blake2b(digest_size=DIGEST_SIZE)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Retry:
    """A request that may be sent again."""

    owner: bytes
    form: bytes  # in which it is read, which makes it another request

    def key(self, part: str, digest: bytes) -> RetryKey:
        """That of one of its submissions."""
        return RetryKey(self.owner, part, _digest(self.form, digest))


class Body:
    """Counts what arrives, and decompresses it."""

    def __init__(self, length: int | None, limit: int, encoding: Identity):
        self.length = length  # declared, in bytes
        self._limit, self._encoding = limit, encoding
        self._received = 0

    def is_small(self, size: int) -> bool:
        """Whether no more than *size* will come of it."""
        return self.length is not None and self.length <= size and not self._encoding.window

    @property
    def held(self) -> int:
        """Bytes that are kept to decompress what follows."""
        return self._encoding.window if self._received else 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the pieces that *data* holds; see `Identity.feed`."""
        self._received += len(data)
        if self._received > self._limit:
            raise LimitError(f'the body has more than {self._limit:,} bytes, which is the limit')
        return self._encoding.feed(data)

    def finish(self) -> None:
        """Make sure that all has arrived."""
        if self.length is not None and self._received != self.length:
            raise InputError(
                f'the body ended after {self._received:,} bytes of the {self.length:,} declared'
            )
        self._encoding.finish()


class Reception(ABC):
    """Takes one request."""

    held = 0  # bytes that it keeps until more arrives
    is_slow = False  # whether to make the answer may take time

    def __init__(
        self,
        body: Body,
        decode: Callable[..., Record],
        max_record_bytes: int,
        retry: Retry | None,
    ):
        self.body, self._decode = body, decode
        self._max_record_bytes, self._retry = max_record_bytes, retry

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[Submission]:
        """Yield what is to be stored of what has arrived."""

    @abstractmethod
    def finish(self) -> Iterator[Submission]:
        """Yield what is left to be stored, now that the body has ended."""

    @abstractmethod
    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        """
        Take the outcome of a submission; yield what is to be tried instead.

        Raises:
            ChronologerError: There is no use in going on.
        """

    @abstractmethod
    def answer(self, error: Exception | None) -> Answer:
        """Say what has become of the request, which *error* has ended before its time."""


class Single(Reception):
    """A body that is one record; the answer has it whole."""

    def __init__(self, *args: Any, find: Callable[[int], Record | None]):
        super().__init__(*args)
        self._find = find
        self._pieces: list[bytes] = []
        self._record: Record | None = None

    def feed(self, data: bytes) -> Iterator[Submission]:
        for piece in self.body.feed(data):
            self.held += len(piece)
            if self.held > self._max_record_bytes:
                limit = f'the limit is {self._max_record_bytes:,}'
                raise LimitError(f'the record has more than {self.held:,} bytes, {limit}')
            self._pieces.append(piece)
        return iter(())

    def finish(self) -> Iterator[Submission]:
        self.body.finish()
        text = b''.join(self._pieces)
        self._pieces = []
        self._record = self._decode(text)
        key = self._retry.key('', _digest(text)) if self._retry else None
        yield Submission((self._record,), len(text), key)

    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        if isinstance(outcome, ChronologerError):
            raise outcome
        assert self._record is not None
        self._record = self._record._replace(id=outcome[0])
        self.is_slow = isinstance(outcome, Recalled)
        return iter(())

    def answer(self, error: Exception | None) -> Answer:
        if error is not None:
            return error_response(error, 'POST')
        assert self._record is not None
        if self.is_slow and self._record.id is not None:
            self._record = self._find(self._record.id) or self._record  # its time may be another
        return 201, [('content-type', JSON)], orjson.dumps(self._record.as_dict())


@dataclass(frozen=True, slots=True)
class Lines(Submission):
    """A slice of a body, or half of one that was refused."""

    numbers: tuple[int, ...] = ()  # of the lines that hold the records


class Several(Reception):
    """A body with a record in each line; a bad one does not cost its neighbours."""

    def __init__(self, *args: Any, storage: Storage):
        super().__init__(*args)
        is_usual = self._decode is decode_json and storage.slice_records > SLICE_RECORDS
        self._decoder = Decoder(
            self._decode,
            self._max_record_bytes,
            self._retry is not None,
            partial(storage.prepare, decode=decode_json) if is_usual else None,
            storage.slice_records,
        )
        self._report = Report(self._decoder.bad_lines)
        self._slices = 0

    @property
    def held(self) -> int:  # type: ignore[override]
        """Of the line that has not ended and of the slice that is not complete."""
        return self._decoder.held + self.body.held

    @property
    def is_slow(self) -> bool:  # type: ignore[override]
        """A long list."""
        return len(self._report) > LONG_REPORT

    def feed(self, data: bytes) -> Iterator[Submission]:
        for piece in self.body.feed(data):
            yield from map(self._submission, self._decoder.feed(piece))

    def finish(self) -> Iterator[Submission]:
        self.body.finish()
        yield from map(self._submission, self._decoder.finish())

    def _submission(self, slice: Slice) -> Lines:
        key = self._retry.key(str(self._slices or ''), slice.digest) if self._retry else None
        self._slices += 1
        return Lines(slice.records, slice.size, key, tuple(slice.lines))

    def note(self, submission: Submission, outcome: Outcome) -> Iterator[Submission]:
        assert isinstance(submission, Lines)
        if not isinstance(outcome, ChronologerError):
            self._report.add_stored(submission.numbers, outcome)
        elif not isinstance(outcome, (LimitError, RefusedError)):
            raise outcome
        elif len(submission.records) == 1:
            self._report.add_refused(submission.numbers[0], outcome)
        else:
            yield from self._halves(submission)

    def _halves(self, lines: Lines) -> Iterator[Lines]:
        """The engine refuses one of the records: what is next to it shall not pay for it."""
        middle = len(lines.records) // 2
        for name, part in (('a', slice(None, middle)), ('b', slice(middle, None))):
            key = lines.key
            if key is not None:
                key = RetryKey(key.owner, key.part + name, key.digest)
            yield Lines(lines.records[part], lines.size // 2, key, lines.numbers[part])

    def answer(self, error: Exception | None) -> Answer:
        return self._report.answer(error)
