"""Makes blocks of records; little work is done for each record, most of it in C."""

import math
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from chronologer.query.tree import Path, format_step
from chronologer.search import fold, searchable_texts
from chronologer.storage.fields import MAX_FIELD_NAME, TYPES, Fields
from chronologer.storage.sql.dialect import Row
from chronologer.storage.sql.index.block import Block

DATA_CRC = zlib.crc32(b'data')

Shape = tuple[Any, ...]  # section of logrec, its keys, the types of their values
Limits = tuple[float, float, float]  # records, bytes of text and tokens, characters of source

NO_LIMITS = (math.inf, math.inf, math.inf)


def token(path: Path, value: str | float | bool) -> int:
    """
    Return 16 bits for a field with its value; other fields may have the same.

    A number is the same as integer and as float.
    """
    name = ''.join(map(format_step, path.steps)).removeprefix('.')
    return _token(zlib.crc32(name.encode()), value)


def _token(crc: int, value: str | float | bool) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return zlib.crc32(f'={value}'.encode(), crc) & 0xFFFF


class Builder:
    """Gathers records for a block, in the order of their ids."""

    def __init__(self) -> None:
        self._size = 0  # of text, in bytes
        self._source_size = 0  # of message and logrec, in characters
        self._rows: list[tuple[int, int, int, int]] = []  # id, ts, level, logger
        self._texts: list[str] = []
        self._tokens: list[int] = []
        self._token_ends: list[int] = []
        self._shapes: set[Shape] = set()
        self._nested: Fields = set()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> list[int]:
        """The ids of the records."""
        return [row[0] for row in self._rows]

    def fill(self, rows: Iterator[Row], limits: Limits = NO_LIMITS) -> bool:
        """Add records until there are enough for a block, or no more; return whether it is full."""
        max_records, max_size, max_source_size = limits
        shapes, tokens = self._shapes, self._tokens
        for id, ts, level, logger, message, source, logrec in rows:
            for section, fields in logrec.items():
                if isinstance(fields, dict):
                    shape = (section, *fields, *map(type, fields.values()))
                    if shape not in shapes:
                        shapes.add(shape)
            if data := logrec.get('data'):
                self._add_tokens(data)
            text = '\0'.join(searchable_texts(message, logrec))
            self._rows.append((id, ts, level, logger))
            self._texts.append(text)
            self._token_ends.append(len(tokens))
            self._size += len(text) if text.isascii() else len(text.encode())
            self._source_size += len(message) + len(source)
            is_large = self._size + 2 * len(tokens) >= max_size
            if is_large or self._source_size >= max_source_size or len(self) >= max_records:
                return True
        return False

    def _add_tokens(self, data: Any) -> None:
        if not isinstance(data, dict):  # of a raw record
            return
        add, crc32 = self._tokens.append, zlib.crc32
        for key, value in data.items():
            if type(value) is str:  # most values are of these types, and a call costs more
                add(crc32(b'=' + value.encode(), _crc(key)) & 0xFFFF)
            elif type(value) is int:
                add(crc32(b'=%d' % value, _crc(key)) & 0xFFFF)
            elif isinstance(value, (dict, list)):
                name = 'data' + format_step(key)
                _gather(name, _crc(key), value, self._tokens, self._nested)
            elif value is not None:
                add(_token(_crc(key), value))

    @property
    def fields(self) -> Fields:
        """The fields of the records, each with its types."""
        fields = set(self._nested)
        for section, *rest in self._shapes:
            keys, types = rest[: len(rest) // 2], rest[len(rest) // 2 :]
            for key, type in zip(keys, types, strict=True):
                name = format_step(section)[1:] + format_step(key)
                if type in TYPES and len(name) <= MAX_FIELD_NAME:
                    fields.add((name, TYPES[type]))
        return fields

    def build(self) -> Block:
        """Make a block of the records."""
        source = '\0'.join([*self._texts, ''])
        text, is_ascii = fold(source), source.isascii()  # ß is none, its folded form is
        lengths = [len(one if is_ascii else fold(one).encode()) + 1 for one in self._texts]
        columns = np.array(self._rows, np.int64).reshape(-1, 4).T
        text_ends = np.cumsum(lengths, dtype=np.int64)
        token_ends = np.array(self._token_ends, np.int64)
        tokens = np.array(self._tokens, np.uint16)
        return Block.of((*columns, text_ends, token_ends), text.encode(), tokens)


def make_block(rows: Iterable[Row]) -> Block:
    """Make a block of records, in the order of their ids."""
    builder = Builder()
    builder.fill(iter(rows))
    return builder.build()


@lru_cache(1024)
def _crc(key: str) -> int:
    """Return the checksum of the path of a field of ``data``."""
    return zlib.crc32(format_step(key).encode(), DATA_CRC)


def _gather(path: str, crc: int, value: Any, tokens: list[int], fields: Fields) -> None:
    """Add tokens and names; a path is passed on as its checksum, and as text if it is short."""
    path = path if len(path) <= MAX_FIELD_NAME else ''
    if isinstance(value, dict):
        for key, item in value.items():
            step = format_step(key)
            name = path + step if path else ''
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
