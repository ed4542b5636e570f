"""Records that wait in memory: lines become batches, compressed, within a bound."""

from __future__ import annotations

import os
import zlib
from collections import deque
from itertools import compress as compress_by

MAX_BATCH = 4 * 2**20  # bytes of lines; the server stores up to 8 MiB at once
LINE_COST = 48  # bytes of memory of a line besides its text
SLACK = 16  # share of memory: so much is dropped together when there is no room
PILE = 3  # batches that may wait uncompressed
LEVEL = 1  # level of compression: a tenth of the size for little time
GZIP = 16 + zlib.MAX_WBITS


def compress(lines: list[bytes]) -> bytes:
    """Return the body of a request, as gzip."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return compressor.compress(b'\n'.join(lines)) + compressor.flush()


class Batch:
    """
    Lines that are sent together, uncompressed or compressed.

    A batch that was sent once never changes, because its key identifies it.
    """

    def __init__(self, lines: list[bytes], key: str = '', marks: bytes = b''):
        self._lines: list[bytes] | None = lines
        self._body = b''
        self.count = len(lines)
        self.size = sum(map(len, lines)) + LINE_COST * len(lines)  # bytes of memory, about
        self.key = key or os.urandom(16).hex()
        self.marks = marks  # 1 for each line that is dropped later than others, else 0
        self.is_sent = False

    @property
    def is_compressed(self) -> bool:
        """Whether only its compressed form is in memory."""
        return self._lines is None

    @property
    def lines(self) -> list[bytes]:
        """The lines, decompressed if necessary."""
        lines = self._lines
        return zlib.decompress(self._body, GZIP).split(b'\n') if lines is None else lines

    @property
    def body(self) -> bytes:
        """The body of its request."""
        lines = self._lines
        return self._body if lines is None else compress(lines)

    def keep(self, body: bytes) -> None:
        """Store the *body* instead of the lines."""
        self._body, self._lines = body, None
        self.size = len(body) + len(self.marks) + LINE_COST

    def thinned(self) -> Batch | None:
        """Return the marked lines as another batch, if there are any."""
        if 1 not in self.marks:
            return None
        lines = list(compress_by(self.lines, self.marks))
        batch = Batch(lines, marks=b'\1' * len(lines))
        batch.keep(batch.body)
        return batch


class Buffer:
    """
    Batches in the order in which their records came, and the lines for the next one.

    Its owner makes sure that only one thread at a time uses it.
    """

    def __init__(self, capacity: int, max_bytes: int):
        self._capacity, self._max_bytes = capacity, max_bytes
        self._batches: deque[Batch] = deque()
        self._filling: list[bytes] = []
        self._marks = bytearray()
        self._size = self._filling_size = 0  # bytes of the batches, and of the other lines
        self._uncompressed = 0  # batches

    def __len__(self) -> int:
        """Records."""
        return sum(batch.count for batch in self._batches) + len(self._filling)

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self._size + self._filling_size

    @property
    def is_filling(self) -> bool:
        """Whether there are records that fill no batch yet."""
        return bool(self._filling)

    @property
    def is_piling_up(self) -> bool:
        """Whether too many batches wait uncompressed."""
        return self._uncompressed > PILE

    @property
    def first(self) -> Batch | None:
        """The oldest batch."""
        return self._batches[0] if self._batches else None

    def may_have_room(self, line: bytes) -> bool:
        """Whether *line* would have room in an empty buffer."""
        return len(line) + LINE_COST <= self._max_bytes

    def has_room(self, line: bytes) -> bool:
        """Whether *line* has room."""
        return self.size + len(line) + LINE_COST <= self._max_bytes

    def append(self, line: bytes, is_kept: bool) -> None:
        """Add a record, which is dropped later than others if *is_kept*."""
        size = len(line) + LINE_COST
        if self._filling_size + size > MAX_BATCH:
            self.close_batch()
        self._filling.append(line)
        self._marks.append(is_kept)
        self._filling_size += size
        if len(self._filling) >= self._capacity:
            self.close_batch()

    def close_batch(self) -> None:
        """Make a batch of the lines, full or not."""
        if self._filling:
            self._insert(len(self._batches), Batch(self._filling, marks=bytes(self._marks)))
            self._filling, self._filling_size = [], 0
            self._marks = bytearray()

    def remove_first(self) -> None:
        """Remove the first batch, which was sent or spooled."""
        self._remove(0)

    def clear(self) -> int:
        """Drop all records; return their number."""
        count = len(self)
        self._batches.clear()
        self._filling, self._marks = [], bytearray()
        self._size = self._filling_size = self._uncompressed = 0
        return count

    def uncompressed(self) -> Batch | None:
        """Return the newest batch that is not compressed, if any; it is near the end."""
        if not self._uncompressed:
            return None
        found = next((batch for batch in reversed(self._batches) if not batch.is_compressed), None)
        if found is None:
            self._uncompressed = 0
        return found

    def replace(self, batch: Batch, body: bytes) -> None:
        """Replace the lines of *batch* by *body*, if it is still here."""
        if not batch.is_compressed and batch in reversed(self._batches):
            self._size -= batch.size
            batch.keep(body)
            self._size += batch.size
            self._uncompressed -= 1

    def make_room(self, line: bytes) -> int:
        """
        Drop the oldest records below *keepLevel*, and if these are too few, the oldest records.

        More room is made than *line* needs, so that this is rare. Returns the number of dropped
        records. There may still be no room, because a batch that was sent once is kept.
        """
        before, needed = len(self), len(line) + LINE_COST
        self._count_again()
        if self.has_room(line) or not self.may_have_room(line):
            return 0
        goal = self._max_bytes - max(needed, self._max_bytes // SLACK)
        if not self._batches or self._batches[-1].is_sent:
            self.close_batch()
        for batch in list(self._batches):
            if self.size <= goal:
                break
            if 0 in batch.marks and not batch.is_sent:
                self._thin(batch)
        while self.size > goal and self._batches and not self._batches[-1].is_sent:
            self._remove(int(self._batches[0].is_sent))  # only the first batch may have been sent
        return before - len(self)

    def _count_again(self) -> None:
        """An exception of a signal handler may come between a change and its count."""
        self._size = sum(batch.size for batch in self._batches)
        self._filling_size = sum(map(len, self._filling)) + LINE_COST * len(self._filling)
        self._uncompressed = sum(not batch.is_compressed for batch in self._batches)

    def _thin(self, batch: Batch) -> None:
        """Replace *batch* by its marked lines."""
        place = self._batches.index(batch)
        self._remove(place)
        rest = batch.thinned()
        if rest is not None:
            self._insert(place, rest)

    def _insert(self, place: int, batch: Batch) -> None:
        self._batches.insert(place, batch)
        self._size += batch.size
        self._uncompressed += not batch.is_compressed

    def _remove(self, place: int) -> None:
        batch = self._batches[place]
        del self._batches[place]
        self._size -= batch.size
        self._uncompressed -= not batch.is_compressed
