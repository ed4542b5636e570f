"""
``application/x-ndjson``: a record in each line, decoded as the lines arrive.

Records are stored in slices, each in one transaction. A slice is held back until more data follows,
so that the last slice can be marked as the last.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from chronologer.errors import ChronologerError, LimitError
from chronologer.ingest.bounds import SLICE_BYTES
from chronologer.ingest.json_text import is_plain
from chronologer.model import Record

MAX_BAD_LINES = 100_000  # in one body; each costs memory until it is answered
MAX_EMPTY_LINES = 1_000_000  # in one body; each costs time
DIGEST_SIZE = 16  # bytes


@dataclass(slots=True)
class Slice:
    """Lines that are stored together."""

    records: Any = field(default_factory=list)  # a sequence of Record
    lines: list[int] = field(default_factory=list)  # line numbers of the records, from 1
    size: int = 0  # bytes of these lines
    digest: bytes = b''  # 16 bytes, of the body up to the next slice, if asked for


# Decodes many lines together, or returns None.
Prepare = Callable[[list[bytes]], Sequence[Record] | None]

# Line number, and type and message of the error: a traceback would keep the line in memory.
BadLine = tuple[int, str, str]


def bad_line(number: int, error: ChronologerError) -> BadLine:
    """Return what is reported about a line that cannot be stored."""
    return number, type(error).__name__, error.message


class Decoder:
    """Decodes a body piece by piece into slices; used by one thread at a time."""

    def __init__(
        self,
        decode: Callable[[bytes, bool], Record],
        max_record_bytes: int,
        slice_records: int,
        has_digest: bool = False,
        prepare: Prepare | None = None,
    ):
        self.bad_lines: list[BadLine] = []
        self._decode = decode
        self._max_bytes = max_record_bytes
        self._pieces: list[bytes] = []  # of the line that has no end yet
        self._length = 0  # of these pieces, and of the dropped part of a line that is too long
        self.lines = 0  # that are complete
        self._empty_lines = 0
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
        Decode the lines that *data* completes.

        Raises:
            LimitError: There are too many bad or empty lines.
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
        """Decode the rest; the digest of the last slice differs from that in a longer body."""
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
        self.lines += 1
        if self._digest is not None:
            self._digest.update(line if length <= self._max_bytes else b'%d bytes' % length)
            self._digest.update(b'\n')
        if length <= self._max_bytes and (length == 0 or line.isspace()):
            self._empty_lines += 1
            if self._empty_lines > MAX_EMPTY_LINES:
                raise LimitError(f'more than {MAX_EMPTY_LINES:,} empty lines')
            return
        try:
            if length > self._max_bytes:
                raise LimitError(f'a record has {length:,} bytes, the limit is {self._max_bytes:,}')
            record = self._decode(line, plain) if self._prepare is None else None
        except ChronologerError as ex:
            self._note(ex, self.lines)
            return
        if self._is_full(length):
            yield from self._close()
        slice = self._slice
        if record is None:
            self._texts.append(line)
        else:
            slice.records.append(record)
        slice.lines.append(self.lines)
        slice.size += length

    def _is_full(self, length: int) -> bool:
        """Whether the next line, of that length, begins another slice."""
        count, size = len(self._slice.lines), self._slice.size
        return count >= self._slice_records or (bool(count) and size + length > SLICE_BYTES)

    def _note(self, error: ChronologerError, line: int) -> None:
        if len(self.bad_lines) >= MAX_BAD_LINES:
            rest = f'what follows line {line:,} was not read'
            raise LimitError(f'more than {MAX_BAD_LINES:,} bad lines; {rest}')
        insort(self.bad_lines, bad_line(line, error))  # lines that are too long were found before

    def _gather(self, lines: list[bytes]) -> Iterator[Slice]:
        """Add many lines together, as long as none of them is bad."""
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
            self._slice.lines += range(self.lines + 1, self.lines + 1 + len(some))
            self._slice.size += sum(lengths)
            self.lines += len(some)
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
        """Decode lines that are not prepared; bad lines are left out of the slice."""
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
