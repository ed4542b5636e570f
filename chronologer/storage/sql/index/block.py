"""
Blocks of the search index: the searchable parts of about a thousand records, by columns.

A block has the records' times, levels and loggers, their searchable text, and a token for each
field of ``data`` with its value. Texts are searched at the speed of ``bytes.find``. Compressed, a
block has about 30 bytes per record.
"""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SPARSE = 8  # records are examined one by one if at most one in so many is left

# How each column is packed; differences pack better than what grows.
COLUMNS = (
    ('<i8', True), ('<i8', True), ('<i4', False), ('<u4', False), ('<u4', True), ('<u4', True),
)  # fmt: skip

Numbers = NDArray[np.int64]
Tokens = NDArray[np.uint16]
Mask = NDArray[np.bool_]  # for each record of a block, whether it matches


class Block:
    """Records in the order of their ids; each part is unpacked when it is first used."""

    def __init__(self, columns: bytes, text: bytes | None, tokens: bytes | None):
        """Accept the result of `pack`; text or tokens may be left out."""
        self._packed = columns, text, tokens

    @classmethod
    def of(cls, columns: tuple[Numbers, ...], text: bytes, tokens: Tokens) -> 'Block':
        """Make a block of its parts."""
        block = cls(b'', None, None)
        block.columns, block.text, block.tokens = columns, text, tokens
        return block

    @cached_property
    def columns(self) -> tuple[Numbers, ...]:
        """See the properties below."""
        data = zstd.decompress(self._packed[0])
        count = len(data) // sum(np.dtype(type).itemsize for type, _ in COLUMNS)
        columns: list[Numbers] = []
        offset = 0
        for type, grows in COLUMNS:
            column = np.frombuffer(data, type, count, offset).astype(np.int64)
            columns.append(np.cumsum(column) if grows else column)
            offset += count * np.dtype(type).itemsize
        return tuple(columns)

    @cached_property
    def text(self) -> bytes:
        """The searchable text of all records, each with a NUL at its end."""
        text = self._packed[1]
        return b'' if text is None else zstd.decompress(text)

    @cached_property
    def tokens(self) -> Tokens:
        """Of the fields of all records."""
        tokens = self._packed[2]
        return np.frombuffer(b'' if tokens is None else zstd.decompress(tokens), '<u2')

    @property
    def ids(self) -> Numbers:
        """Ascending."""
        return self.columns[0]

    @property
    def ts(self) -> Numbers:
        """Microseconds since the epoch."""
        return self.columns[1]

    @property
    def levels(self) -> Numbers:
        """Levels."""
        return self.columns[2]

    @property
    def loggers(self) -> Numbers:
        """Ids of loggers."""
        return self.columns[3]

    @property
    def text_ends(self) -> Numbers:
        """Where each record's text ends; it begins where the one before has ended."""
        return self.columns[4]

    @property
    def token_ends(self) -> Numbers:
        """Likewise for tokens."""
        return self.columns[5]

    def __len__(self) -> int:
        return len(self.ids)

    def pack(self) -> tuple[bytes, bytes, bytes]:
        """Columns, text and tokens, compressed."""
        columns = b''.join(
            (np.diff(column, prepend=0) if grows else column).astype(type).tobytes()
            for column, (type, grows) in zip(self.columns, COLUMNS, strict=True)
        )
        tokens = self.tokens.astype('<u2').tobytes()
        return zstd.compress(columns), zstd.compress(self.text), zstd.compress(tokens)

    def without(self, ids: Numbers) -> 'Block':
        """Return the block without the records of *ids*."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        texts = [self.text[start:end] for start, end in _spans(self.text_ends, kept)]
        tokens = [self.tokens[start:end] for start, end in _spans(self.token_ends, kept)]
        ends = [np.cumsum([len(one) for one in some], dtype=np.int64) for some in (texts, tokens)]
        columns = (*(column[kept] for column in self.columns[:4]), *ends)
        return Block.of(columns, b''.join(texts), np.concatenate([self.tokens[:0], *tokens]))

    def has(self, texts: Iterable[bytes], tokens: Iterable[int]) -> bool:
        """Whether the block has all texts and tokens, maybe in different records."""
        return all((self.tokens == np.uint16(token)).any() for token in tokens) and all(
            text in self.text for text in texts
        )

    def having_token(self, mask: Mask, token: int) -> Mask:
        """Return the records in *mask* that have a token."""
        hits = np.flatnonzero(self.tokens == np.uint16(token))
        return self._both(mask, np.searchsorted(self.token_ends, hits, side='right'))

    def having_text(self, mask: Mask, text: bytes) -> Mask:
        """Return the records in *mask* that contain a text."""
        if np.count_nonzero(mask) * SPARSE > len(self):
            return self._both(mask, list(self._records_with(text)))
        positions = np.flatnonzero(mask)
        find = self.text.find
        spans = zip(positions.tolist(), _spans(self.text_ends, positions), strict=True)
        having = [position for position, (start, end) in spans if find(text, start, end) >= 0]
        return self._both(mask, having)

    def _both(self, mask: Mask, positions: Numbers | list[int]) -> Mask:
        having = np.zeros(len(self), np.bool_)
        having[positions] = True
        return mask & having

    def _records_with(self, term: bytes) -> Iterator[int]:
        ends = self.text_ends.tolist()
        find = self.text.find
        at = find(term)
        while at >= 0:
            record = bisect_right(ends, at)
            yield record
            at = find(term, ends[record])


def _spans(ends: NDArray[np.int64], positions: Numbers) -> list[tuple[int, int]]:
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return list(zip(starts[positions].tolist(), ends[positions].tolist(), strict=True))
