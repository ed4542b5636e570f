"""Records that wait in memory: lines become batches, compressed, within a bound."""

from __future__ import annotations

import json
import os
import zlib
from collections import deque

MAX_BATCH = 4 * 2**20  # bytes of lines; the server stores up to 8 MiB at once
LINE_COST = 48  # bytes that Python takes for a line beside its text
LEVEL = 1  # of compression: a tenth of the size for little time
GZIP = 16 + zlib.MAX_WBITS


def compress(lines: list[bytes]) -> bytes:
    """Return the body of a request, as gzip."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return compressor.compress(b'\n'.join(lines)) + compressor.flush()


class Batch:
    """
    Lines that are sent together, as they are or compressed.

    What was sent once stays the same: its key stands for it.
    """

    def __init__(self, lines: list[bytes], key: str = ''):
        self._lines: list[bytes] | None = lines
        self._body = b''
        self.count = len(lines)
        self.size = sum(map(len, lines)) + LINE_COST * len(lines)  # bytes of memory, about
        self.key = key or os.urandom(16).hex()
        self.is_sent = False
        self.is_thinned = False

    @property
    def is_compressed(self) -> bool:
        """Whether it takes no more memory than it must."""
        return self._lines is None

    @property
    def lines(self) -> list[bytes]:
        """The lines, decompressed if need be."""
        lines = self._lines
        return zlib.decompress(self._body, GZIP).split(b'\n') if lines is None else lines

    @property
    def body(self) -> bytes:
        """That of a request."""
        lines = self._lines
        return self._body if lines is None else compress(lines)

    def keep(self, body: bytes) -> None:
        """Keep the *body* instead of the lines."""
        self._body, self._lines, self.size = body, None, len(body) + LINE_COST


class Buffer:
    """
    Batches in the order in which their records came, the last of which is still being filled.

    Its owner sees to it that one thread at a time uses it.
    """

    def __init__(self, capacity: int, max_bytes: int, keep_level: int):
        self._capacity, self._max_bytes, self._keep_level = capacity, max_bytes, keep_level
        self._batches: deque[Batch] = deque()
        self._filling: list[bytes] = []
        self._size = self._filling_size = 0  # bytes of the batches, and of the lines beside them

    def __len__(self) -> int:
        """Records."""
        return sum(batch.count for batch in self._batches) + len(self._filling)

    @property
    def is_filling(self) -> bool:
        """Whether there are records that fill no batch yet."""
        return bool(self._filling)

    @property
    def first(self) -> Batch | None:
        """The oldest batch."""
        return self._batches[0] if self._batches else None

    def has_room(self, line: bytes) -> bool:
        """Whether *line* may be added."""
        return self._size + self._filling_size + len(line) + LINE_COST <= self._max_bytes

    def append(self, line: bytes) -> None:
        """Add a record; a batch that is full is closed."""
        size = len(line) + LINE_COST
        if self._filling_size + size > MAX_BATCH:
            self.close_batch()
        self._filling.append(line)
        self._filling_size += size
        if len(self._filling) >= self._capacity:
            self.close_batch()

    def close_batch(self) -> None:
        """Let what there is be a batch, full or not."""
        if self._filling:
            self._batches.append(Batch(self._filling))
            self._size += self._batches[-1].size
            self._filling, self._filling_size = [], 0

    def remove_first(self) -> None:
        """The first batch is sent, or kept elsewhere."""
        self._size -= self._batches.popleft().size

    def clear(self) -> int:
        """Give up everything; return how many records that was."""
        count = len(self)
        self._batches.clear()
        self._filling = []
        self._size = self._filling_size = 0
        return count

    def uncompressed(self) -> Batch | None:
        """The oldest batch that could take less memory."""
        return next((batch for batch in self._batches if not batch.is_compressed), None)

    def compressed(self, batch: Batch, body: bytes) -> None:
        """Keep *batch* as *body* from now on, if it is still here."""
        if not batch.is_compressed and batch in self._batches:
            self._size -= batch.size
            batch.keep(body)
            self._size += batch.size

    def compress_all(self) -> None:
        """Let nothing take more memory than it must."""
        self.close_batch()
        for batch in self._batches:
            if not batch.is_compressed:
                self.compressed(batch, batch.body)

    def make_room(self, line: bytes) -> int:
        """
        Give up the oldest records below the level to keep, and if that is not enough the oldest.

        Returns:
            How many were given up. Even then there may be no room: what was sent once is kept.
        """
        before = len(self)
        self.compress_all()
        for batch in [batch for batch in self._batches if not (batch.is_sent or batch.is_thinned)]:
            if self.has_room(line):
                break
            self._thin(batch)
        while not self.has_room(line) and self._batches and not self._batches[-1].is_sent:
            oldest = next(batch for batch in self._batches if not batch.is_sent)
            self._batches.remove(oldest)
            self._size -= oldest.size
        return before - len(self)

    def _thin(self, batch: Batch) -> None:
        """Keep of *batch* the records from the level to keep on."""
        kept = [line for line in batch.lines if json.loads(line)['levelno'] >= self._keep_level]
        place = self._batches.index(batch)
        self._size -= batch.size
        del self._batches[place]
        if kept:
            thinned = Batch(kept)
            thinned.keep(thinned.body)
            thinned.is_thinned = True
            self._size += thinned.size
            self._batches.insert(place, thinned)
