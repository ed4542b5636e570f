"""
``application/x-ndjson``: a record in each line, decoded as the lines arrive.

Records leave in slices, each of which is stored in one transaction. A slice is held back until what
follows it is seen, so that the last one is known to be the last.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from chronologer.errors import ChronologerError, LimitError
from chronologer.ingest.json_text import is_plain
from chronologer.model import Record

SLICE_RECORDS, SLICE_BYTES = 1000, 8 * 2**20  # after either, the next slice begins
MAX_BAD_LINES = 100_000  # in one body; each costs memory until it is answered
DIGEST_SIZE = 16  # bytes


@dataclass(slots=True)
class Slice:
    """Lines that are stored together."""

    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # where the records stood, from 1
    size: int = 0  # bytes of these lines
    digest: bytes = b''  # 16 bytes, of the body up to the next slice, if asked for


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
    ):
        self.bad_lines: list[BadLine] = []
        self._decode = decode
        self._max_bytes = max_record_bytes
        self._pieces: list[bytes] = []  # of the line that has no end yet
        self._length = 0  # of these pieces, and of what was dropped of a line that is too long
        self._line = 0
        self._slice = Slice()
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
        plain = is_plain(data)
        for line in whole:
            yield from self._take(line, len(line), plain)
        self._pieces, self._length = [], 0
        self._keep(last)

    def finish(self) -> Iterator[Slice]:
        """Decode the rest; a last slice is not mistaken for one of a longer body."""
        if self._length:
            yield from self._take(b''.join(self._pieces), self._length)
        if self._slice.records:
            if self._digest is not None:
                self._digest.update(b'end of body')
            yield self._close()

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._max_bytes:
            self._pieces = []
        elif piece:
            self._pieces.append(piece)

    def _take(self, line: bytes, length: int, plain: bool = False) -> Iterator[Slice]:
        self._line += 1
        if self._digest is not None:
            self._digest.update(b'%d:' % length)
            self._digest.update(line if length <= self._max_bytes else b'')
        if length <= self._max_bytes and (length == 0 or line.isspace()):
            return
        try:
            if length > self._max_bytes:
                raise LimitError(f'a record has {length:,} bytes, the limit is {self._max_bytes:,}')
            record = self._decode(line, plain)
        except ChronologerError as ex:
            self._note(ex)
            return
        if self._is_full(length):
            yield self._close()
        slice = self._slice
        slice.records.append(record)
        slice.lines.append(self._line)
        slice.size += length

    def _is_full(self, length: int) -> bool:
        """Whether the next line, of that length, begins another slice."""
        records, size = self._slice.records, self._slice.size
        return len(records) >= SLICE_RECORDS or (bool(records) and size + length > SLICE_BYTES)

    def _note(self, error: ChronologerError) -> None:
        if len(self.bad_lines) >= MAX_BAD_LINES:
            rest = f'what follows line {self._line:,} was not read'
            raise LimitError(f'more than {MAX_BAD_LINES:,} bad lines; {rest}')
        self.bad_lines.append(bad_line(self._line, error))

    def _close(self) -> Slice:
        done, self._slice = self._slice, Slice()
        if self._digest is not None:
            done.digest = self._digest.digest()
        return done
