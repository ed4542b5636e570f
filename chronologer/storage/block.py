"""
Blocks of the search index: what is asked of about a thousand records, by columns.

A block has the records' times, levels and loggers, their searchable text, and a token for each
field of ``data`` with its value. Texts are looked for with the speed of ``bytes.find``; what a
record does not hold costs nothing to skip. Compressed, a block takes some 30 bytes per record.
"""

import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.query import Path, format_path, format_step
from chronologer.search import searchable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TYPES = {int: 'number', float: 'number', str: 'text', bool: 'boolean', list: 'array'}
MAX_FIELD_NAME = 200  # characters of a name that is remembered
DATA_CRC = zlib.crc32(b'data')
SPARSE = 8  # records are looked at one by one if at most one in so many is left

# How each column is packed; differences pack better than what grows.
COLUMNS = (
    ('<i8', True), ('<i8', True), ('<i4', False), ('<u4', False), ('<u4', True), ('<u4', True),
)  # fmt: skip

Numbers = NDArray[np.int64]
Tokens = NDArray[np.uint16]
Mask = NDArray[np.bool_]  # which records of a block are meant
Fields = set[tuple[str, str]]  # names, as in a query, and types
# id, ts (µs), level, logger, message, logrec, size of the two last ones in characters
Row = tuple[int, int, int, int, str, dict[str, Any], int]


class Block:
    """Records in the order of their ids; each part is unpacked when it is asked for."""

    def __init__(self, columns: bytes, text: bytes | None, tokens: bytes | None):
        """Take what `pack` has returned; text or tokens may be left out."""
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
        """The block without the records of *ids*."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        texts = [self.text[start:end] for start, end in _spans(self.text_ends, kept)]
        tokens = [self.tokens[start:end] for start, end in _spans(self.token_ends, kept)]
        ends = [np.cumsum([len(one) for one in some], dtype=np.int64) for some in (texts, tokens)]
        columns = (*(column[kept] for column in self.columns[:4]), *ends)
        return Block.of(columns, b''.join(texts), np.concatenate([self.tokens[:0], *tokens]))

    def has(self, texts: Iterable[bytes], tokens: Iterable[int]) -> bool:
        """Whether all of that is somewhere in the block, maybe in different records."""
        return all((self.tokens == np.uint16(token)).any() for token in tokens) and all(
            text in self.text for text in texts
        )

    def having_token(self, mask: Mask, token: int) -> Mask:
        """Those of the records in *mask* that have a token."""
        hits = np.flatnonzero(self.tokens == np.uint16(token))
        return self._both(mask, np.searchsorted(self.token_ends, hits, side='right'))

    def having_text(self, mask: Mask, text: bytes) -> Mask:
        """Those of the records in *mask* that contain a text."""
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


def token(path: Path, value: str | float | bool) -> int:
    """
    A field with its value, as 16 bits; others may have the same.

    A number is the same as integer and as float.
    """
    return _token(zlib.crc32(format_path(path).encode()), value)


def _token(crc: int, value: str | float | bool) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return zlib.crc32(f'={value}'.encode(), crc) & 0xFFFF


class Builder:
    """Gathers records for a block, in the order of their ids."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.size = 0  # of text and tokens, in bytes
        self.source_size = 0  # of message and logrec, in characters
        self._columns: tuple[list[int], ...] = (self.ids, [], [], [], [], [])
        self._text: list[bytes] = []
        self._text_size = 0
        self._tokens: list[int] = []
        self._data_fields: Fields = set()
        self._other_fields: set[tuple[str, str, type]] = set()

    def add(self, row: Row) -> None:
        """Add a record."""
        id, ts, level, logger, message, logrec, size = row
        self.source_size += size
        text = searchable(message, logrec).encode() + b'\0'
        self._text.append(text)
        self._text_size += len(text)
        for section, fields in logrec.items():
            if section == 'data':
                _gather('data', DATA_CRC, fields, self._tokens, self._data_fields)
            elif isinstance(fields, dict):
                self._other_fields.update(
                    (section, name, type(value))
                    for name, value in fields.items()
                    if len(name) < MAX_FIELD_NAME
                )
        values = id, ts, level, logger, self._text_size, len(self._tokens)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        self.size = self._text_size + 2 * len(self._tokens)

    @property
    def fields(self) -> Fields:
        """The fields of the records, each with its types."""
        others = {
            (section + format_step(key), TYPES[type])
            for section, key, type in self._other_fields
            if type in TYPES
        }
        return self._data_fields | others

    def build(self) -> Block:
        """Make a block of them."""
        columns = tuple(np.array(column, np.int64) for column in self._columns)
        return Block.of(columns, b''.join(self._text), np.array(self._tokens, np.uint16))


def make_block(rows: Iterable[Row]) -> Block:
    """Make a block of records, in the order of their ids."""
    builder = Builder()
    for row in rows:
        builder.add(row)
    return builder.build()


def _gather(path: str, crc: int, value: Any, tokens: list[int], fields: Fields) -> None:
    """Add tokens and names; a path is carried on as its checksum, and as text if it is short."""
    if isinstance(value, dict):
        for key, item in value.items():
            step = format_step(key)
            name = path + step if path and len(path) + len(step) <= MAX_FIELD_NAME else ''
            _gather(name, zlib.crc32(step.encode(), crc), item, tokens, fields)
    elif isinstance(value, list):
        if path:
            fields.add((path, 'array'))
        for index, item in enumerate(value):
            _gather('', zlib.crc32(format_step(index).encode(), crc), item, tokens, fields)
    elif value is not None:
        if path:
            fields.add((path, TYPES[type(value)]))
        tokens.append(_token(crc, value))
