"""
``Content-Encoding``: bodies decompressed piece by piece, within limits.

A decompression bomb costs the memory of one piece, and no more time than the limit allows. The
limit grows with the bytes that are sent.
"""

import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from chronologer.errors import InputError, LimitError, MediaTypeError, shown

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 2**18  # bytes of a decompressed piece
STEP = 2**14  # bytes that are decompressed together: the rest after a frame is copied
MANY_FRAMES, SMALL_FRAME = 1000, 100  # beyond that many, they have so many bytes on average
FREE, MAX_RATIO = 8 * 2**20, 200  # bytes that may be decoded; beyond them, times the bytes sent
MAX_WINDOW_LOG = 23  # 8 MiB, which RFC 8878 asks every decoder to support


class Identity:
    """An uncompressed body, whose bytes are counted."""

    window = 0  # decompressed bytes that are held

    def __init__(self, limit: int):
        self._limit = limit
        self._size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Yield the body's next pieces.

        Raises:
            InputError: It is not in its declared encoding.
            LimitError: It has more bytes than the limit.
        """
        self._count(data)
        yield data

    def finish(self) -> None:
        """
        Check the end of the body.

        Raises:
            InputError: The compressed body is not complete.
        """

    def _count(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise LimitError(f'the body has more than {self._limit:,} bytes, which is the limit')


class Compressed(Identity, ABC):
    """A body in frames, one after the other."""

    name: str

    def __init__(self, limit: int):
        super().__init__(limit)
        self._frame = self._new_frame()
        self._frames = self._received = 0
        self._is_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), STEP):
            yield from self._feed(data[start : start + STEP])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        self._received += len(data)
        has_more = True
        while has_more:
            if self._frame.eof:
                self._begin_frame()
            self._is_begun = True
            try:
                piece = self._frame.decompress(data, PIECE)
            except (zlib.error, zstd.ZstdError) as ex:
                raise InputError(f'Content-Encoding: the body is not {self.name}: {ex}') from ex
            self._count(piece)
            if self._size > FREE and self._size > self._received * MAX_RATIO:
                limit = f'more than {MAX_RATIO} times the {self._received:,} bytes sent'
                raise LimitError(f'Content-Encoding: the body has {limit}')
            if piece:
                yield piece
            data, has_more = self._rest(piece)
            if self._frame.eof:
                data = self._frame.unused_data
                has_more = bool(data)

    def _begin_frame(self) -> None:
        self._frames += 1
        if self._frames > MANY_FRAMES and self._received < self._frames * SMALL_FRAME:
            raise LimitError(f'Content-Encoding: the body has too many {self.name} frames')
        self._frame = self._new_frame()

    def finish(self) -> None:
        if not (self._is_begun and self._frame.eof):
            raise InputError(f'Content-Encoding: the {self.name} body ends before its end')

    @abstractmethod
    def _new_frame(self) -> Any: ...

    @abstractmethod
    def _rest(self, piece: bytes) -> tuple[bytes, bool]:
        """What to decompress next, and whether there is anything, within the frame."""


class Gzip(Compressed):
    """RFC 1952."""

    name = 'gzip'
    window = 2**15

    def _new_frame(self) -> Any:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def _rest(self, piece: bytes) -> tuple[bytes, bool]:
        rest = self._frame.unconsumed_tail
        return rest, bool(rest) or len(piece) == PIECE


class Zstd(Compressed):
    """RFC 8878."""

    name = 'zstd'
    window = 2**MAX_WINDOW_LOG

    def _new_frame(self) -> Any:
        limits = {int(zstd.DecompressionParameter.window_log_max): MAX_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=limits)

    def _rest(self, piece: bytes) -> tuple[bytes, bool]:
        return b'', not self._frame.needs_input


ENCODINGS: dict[str, type[Identity]] = {
    '': Identity, 'identity': Identity, 'gzip': Gzip, 'x-gzip': Gzip, 'zstd': Zstd,
}  # fmt: skip


def find_encoding(name: str) -> type[Identity]:
    """
    Return the decompressor of a ``Content-Encoding``.

    Raises:
        MediaTypeError: The encoding is unknown, or there are several.
    """
    encoding = ENCODINGS.get(name.strip().lower())
    if encoding is None:
        raise MediaTypeError(f'Content-Encoding: expected gzip or zstd, got {shown(name)}')
    return encoding
