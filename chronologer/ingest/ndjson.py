"""
``application/x-ndjson``: a record in each line, decoded as the lines arrive.

Records leave in slices, each of which is stored in one transaction. A slice is held back until what
follows it is seen, so that the last one is known to be the last.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from chronologer.errors import ChronologerError, LimitError
from chronologer.ingest.json_text import is_plain
from chronologer.model import Record

SLICE_RECORDS, SLICE_BYTES = 1000, 8 * 2**20  # after either, the next slice begins
MAX_BAD_LINES = 100_000  # in one body; each costs memory until it is answered
DIGEST_SIZE = 16  # bytes


@dataclass(slots=True)
class Slice:
    """Lines that are stored together."""

    records: Any = field(default_factory=list)  # a sequence of Record
    lines: list[int] = field(default_factory=list)  # where the records stood, from 1
    size: int = 0  # bytes of these lines
    digest: bytes = b''  # 16 bytes, of the body up to the next slice, if asked for


# What may make records of many lines at once, or not.
Prepare = Callable[[list[bytes]], Sequence[Record] | None]

# Its number, and the error by type and message: one with a traceback would keep the line itself.
BadLine = tuple[int, str, str]


def bad_line(number: int, error: ChronologerError) -> BadLine:
    """What is kept of a line that cannot be stored."""
    return number, type(error).__name__, error.message


class Decoder:
    """Takes a body piece by piece, gives slices; no other thread may do so meanwhile."""

    def __init__(
        self,
        decode: Callable[[bytes, bool], Record],
        max_record_bytes: int,
        has_digest: bool = False,
        prepare: Prepare | None = None,
        slice_records: int = SLICE_RECORDS,
    ):
        self.bad_lines: list[BadLine] = []
        self._decode = decode
        self._max_bytes = max_record_bytes
        self._pieces: list[bytes] = []  # of the line that has no end yet
        self._length = 0  # of these pieces, and of what was dropped of a line that is too long
        self._line = 0
        self._slice = Slice()
        self._prepare, self._slice_records = prepare, slice_records
        self._texts: list[bytes] = []  # of the slice, if they are to be prepared
        self._digest = blake2b(digest_size=DIGEST_SIZE) if has_digest else None

    @property
    def held(self) -> int:
        """Bytes of the line that has not ended, and of the slice that is not complete."""
        return min(self._length, self._max_bytes) + self._slice.size

    def feed(self, data: bytes) -> Iterator[Slice]:
        """
        Decode what *data* completes.

        Raises:
            LimitError: There are too many bad lines.
        """
        first, *others = data.split(b'\n')
        if not others:
            self._keep(first)
            return
        *whole, last = others
        self._keep(first)
        yield from self._take(b''.join(self._pieces), self._length)
        if self._prepare is not None:
            yield from self._gather(whole)
        else:
            plain = is_plain(data)
            for line in whole:
                yield from self._take(line, len(line), plain)
        self._pieces, self._length = [], 0
        self._keep(last)

    def finish(self) -> Iterator[Slice]:
        """Decode the rest; a last slice is not mistaken for one of a longer body."""
        if self._length:
            yield from self._take(b''.join(self._pieces), self._length)
        if self._slice.size:
            if self._digest is not None:
                self._digest.update(b'end of body')
            yield from self._close()

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._max_bytes:
            self._pieces = []
        elif piece:
            self._pieces.append(piece)

    def _take(self, line: bytes, length: int, plain: bool = False) -> Iterator[Slice]:
        self._line += 1
        if self._digest is not None:
            self._digest.update(line if length <= self._max_bytes else b'%d bytes' % length)
            self._digest.update(b'\n')
        if length <= self._max_bytes and (length == 0 or line.isspace()):
            return
        try:
            if length > self._max_bytes:
                raise LimitError(f'a record has {length:,} bytes, the limit is {self._max_bytes:,}')
            record = self._decode(line, plain) if self._prepare is None else None
        except ChronologerError as ex:
            self._note(ex, self._line)
            return
        if self._is_full(length):
            yield from self._close()
        slice = self._slice
        if record is None:
            self._texts.append(line)
        else:
            slice.records.append(record)
        slice.lines.append(self._line)
        slice.size += length

    def _is_full(self, length: int) -> bool:
        """Whether the next line, of that length, begins another slice."""
        count, size = len(self._slice.lines), self._slice.size
        return count >= self._slice_records or (bool(count) and size + length > SLICE_BYTES)

    def _note(self, error: ChronologerError, line: int) -> None:
        if len(self.bad_lines) >= MAX_BAD_LINES:
            rest = f'what follows line {line:,} was not read'
            raise LimitError(f'more than {MAX_BAD_LINES:,} bad lines; {rest}')
        insort(self.bad_lines, bad_line(line, error))  # too long ones are known sooner

    def _gather(self, lines: list[bytes]) -> Iterator[Slice]:
        """Take many lines at once, as long as there is nothing to be said of any."""
        position = 0
        while position < len(lines):
            some = lines[position : position + self._slice_records - len(self._slice.lines)]
            lengths = list(map(len, some))
            is_simple = all(lengths) and not any(map(bytes.isspace, some))
            has_room = some and self._slice.size + sum(lengths) < SLICE_BYTES
            if not (is_simple and has_room and max(lengths) <= self._max_bytes):
                yield from self._take(lines[position], len(lines[position]))
                position += 1
                continue
            if self._digest is not None:
                self._digest.update(b'\n'.join([*some, b'']))
            self._texts += some
            self._slice.lines += range(self._line + 1, self._line + 1 + len(some))
            self._slice.size += sum(lengths)
            self._line += len(some)
            position += len(some)

    def _close(self) -> Iterator[Slice]:
        done, self._slice = self._slice, Slice()
        if self._digest is not None:
            done.digest = self._digest.digest()
        if self._prepare is not None:
            texts, self._texts = self._texts, []
            plain = is_plain(b'\n'.join(texts))
            prepared = self._prepare(texts) if plain else None
            if prepared is None:
                self._decode_each(done, texts, plain)
            else:
                done.records = prepared
        if done.records:
            yield done

    def _decode_each(self, slice: Slice, texts: list[bytes], plain: bool) -> None:
        """Decode lines that are not prepared; those that are bad are none of the slice."""
        lines, slice.lines = slice.lines, []
        records: list[Record] = []
        size = 0
        for number, text in zip(lines, texts, strict=True):
            try:
                records.append(self._decode(text, plain))
            except ChronologerError as ex:
                self._note(ex, number)
            else:
                slice.lines.append(number)
                size += len(text)
        slice.records, slice.size = records, size
