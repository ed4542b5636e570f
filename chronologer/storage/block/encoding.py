"""
Encodes the values of one field in many records, as small and as fast to compare as possible.

A column is encoded as a *kind*, which is JSON, and bytes. The kind is a list: a name and its
parameters. The names are:

``same``       one value for all records; no bytes
``int``        64-bit integers: offset, width; bytes of the differences, plane by plane
``decimal``    floats with few decimals, as such integers: decimals, offset, width
``float``      64-bit floats
``choice``     few distinct values: size of their JSON, bytes of a number; the numbers of values
``hex``        texts of lower-case hexadecimal digits: their length; as bytes
``uuid``       UUIDs in lower case; as bytes
``text``       texts with NUL between them, in UTF-8
``json``       an array of any values
``some``       not all records have the field: how many do, their kind; a bit for each record first

`encode` restores each value with its type: 387 and 387.0, null and a missing field differ.
"""

import enum
from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.storage.block.column import (
    Choices,
    Column,
    Digits,
    Items,
    Numbers,
    Texts,
    choices_of_one,
)

Kind = list[Any]

MAX_CHOICES = 2**16
MAX_SAME = 200  # characters of a text that is part of the kind
CHOICE_SHARE = 4  # records that share a value, on average, for it to be a choice
DECIMALS = (0, 3, 6)
EXACT = 2.0**52  # floats below have a distance of less than one
MIN_HEX = 16  # digits
UUID_LENGTH, UUID_DASHES = 36, (8, 13, 18, 23)
HEX_DIGITS = frozenset('0123456789abcdef')
SCALARS = frozenset([str, int, float, bool, type(None)])
DIGITS = frozenset(['hex', 'uuid'])  # names of kinds


class Absent(enum.Enum):
    """The type of `ABSENT`."""

    ABSENT = enum.auto()


ABSENT: Final = Absent.ABSENT  # stands for the value of a record that lacks the field


def encode(values: Sequence[Any]) -> tuple[Kind, bytes]:
    """
    Encode the values of a field, at least one of which is not `ABSENT`.

    Raises:
        TypeError: A value has no JSON.
    """
    if ABSENT not in values:
        return _encode_present(values)
    is_present = [value is not ABSENT for value in values]
    present = [value for value in values if value is not ABSENT]
    kind, data = _encode_present(present)
    return ['some', len(present), kind], np.packbits(np.array(is_present)).tobytes() + data


def decode(kind: Kind, data: bytes, count: int) -> Column:
    """Decode a column of *count* records."""
    if kind[0] != 'some':
        return _decode_present(kind, data, count)
    _, present, inner = kind
    size = (count + 7) // 8
    bits = np.frombuffer(data, np.uint8, size)
    column = _decode_present(inner, data[size:], present)
    return column.among(np.unpackbits(bits, count=count).astype(np.bool_))


def name_of(kind: Kind) -> str:
    """Return the name of the kind of the values that there are."""
    return str(kind[2][0] if kind[0] == 'some' else kind[0])


def _encode_present(values: Sequence[Any]) -> tuple[Kind, bytes]:
    types = set(map(type, values))
    is_alike = len(types) == 1 and types <= SCALARS and types != {float}  # 0.0 equals -0.0
    is_short = type(values[0]) is not str or len(values[0]) <= MAX_SAME
    if is_alike and is_short and values.count(values[0]) == len(values):
        return ['same', values[0]], b''
    encoded = None
    if types == {int}:
        encoded = _encode_integers(values)
    elif types == {float}:
        encoded = _encode_floats(np.array(values))
    elif types <= SCALARS:
        encoded = _encode_choices(values, types)
        if encoded is None and types == {str}:
            encoded = encode_texts(values)
    return encoded or (['json'], orjson.dumps(values))


def _decode_present(kind: Kind, data: bytes, count: int) -> Column:
    name, *parameters = kind
    if name == 'same':
        return choices_of_one(parameters[0], count)
    if name == 'int':
        low, width = parameters
        return Numbers(count, from_planes(low, width, data, count))
    if name == 'decimal':
        decimals, low, width = parameters
        return Numbers(count, from_planes(low, width, data, count) / 10.0**decimals)
    if name == 'float':
        return Numbers(count, np.frombuffer(data, '<f8'))
    if name == 'choice':
        size, width = parameters
        codes = np.frombuffer(data, f'<u{width}', offset=size)
        return Choices(count, codes.astype(np.intp), orjson.loads(data[:size]))
    if name == 'hex':
        return Digits(count, data, lambda: _from_hex(data, count))
    if name == 'uuid':
        return Digits(count, data, lambda: _from_uuids(data, count))
    if name == 'text':
        return Texts(count, data)
    return Items(count, orjson.loads(data))


def planes(numbers: NDArray[Any]) -> tuple[int, int, bytes]:
    """Return the lowest of 64-bit integers, the width of their differences to it, and these."""
    low = int(numbers.min())
    # Differences may be beyond signed integers.
    differences = numbers.astype(np.uint64) - np.uint64(low & 2**64 - 1)
    width = (int(differences.max()).bit_length() + 7) // 8
    each = differences.astype('<u8').view(np.uint8).reshape(-1, 8)[:, :width]
    return low, width, each.T.tobytes()


def from_planes(low: int, width: int, data: bytes, count: int) -> NDArray[np.int64]:
    """Return the integers of `planes`."""
    each = np.zeros((count, 8), np.uint8)
    if width:
        each[:, :width] = np.frombuffer(data, np.uint8, width * count).reshape(width, count).T
    return (each.reshape(-1).view('<u8') + np.uint64(low & 2**64 - 1)).astype(np.int64)


def _encode_integers(values: Sequence[int]) -> tuple[Kind, bytes] | None:
    try:
        numbers = np.frombuffer(array('q', values), np.int64)
    except OverflowError:
        return None
    low, width, data = planes(numbers)
    return ['int', low, width], data


def _encode_floats(numbers: NDArray[np.float64]) -> tuple[Kind, bytes] | None:
    if not np.isfinite(numbers).all():
        return None
    if not np.signbit(numbers[numbers == 0]).any():
        for decimals in DECIMALS:
            if (scaled := scale(numbers, decimals)) is not None:
                low, width, data = planes(scaled)
                return ['decimal', decimals, low, width], data
    return ['float'], numbers.astype('<f8').tobytes()


def scale(numbers: NDArray[np.float64], decimals: int) -> NDArray[np.int64] | None:
    """Return floats times a power of ten as integers, if that is exact."""
    factor = 10.0**decimals
    with np.errstate(over='ignore', invalid='ignore'):
        scaled = np.rint(numbers * factor)
    if np.abs(scaled).max() < EXACT and (scaled / factor == numbers).all():
        return scaled.astype(np.int64)
    return None


def _encode_choices(values: Sequence[Any], types: set[type]) -> tuple[Kind, bytes] | None:
    is_mixed = len(types) > 1
    if float in types:  # 0.0 equals -0.0
        return None
    keys = list(zip(map(type, values), values, strict=True)) if is_mixed else values  # 1 is True
    distinct = dict.fromkeys(keys)
    if len(distinct) * CHOICE_SHARE > len(values) or len(distinct) > MAX_CHOICES:
        return None
    number = dict(zip(distinct, range(len(distinct)), strict=True))
    codes = array('B' if len(distinct) <= 2**8 else 'H', map(number.__getitem__, keys))
    text = orjson.dumps([key[1] if is_mixed else key for key in distinct])
    return ['choice', len(text), codes.itemsize], text + codes.tobytes()


def encode_texts(values: Sequence[str]) -> tuple[Kind, bytes] | None:
    """Encode texts, in a form that depends on what they have in common; None if one has NUL."""
    length = len(values[0])
    if length >= MIN_HEX and set(map(len, values)) == {length}:
        if HEX_DIGITS.issuperset(values[0]) and length % 2 == 0:
            if (data := _hex_bytes(''.join(values))) is not None:
                return ['hex', length], data
        elif length == UUID_LENGTH and (data := _uuid_bytes(''.join(values))) is not None:
            return ['uuid'], data
    joined = join_texts(values)
    return None if joined is None else (['text'], joined)


def join_texts(values: Sequence[str]) -> bytes | None:
    """Return texts in UTF-8 with NUL between them, or None if one has NUL."""
    text = '\0'.join(values)
    return text.encode() if text.count('\0') == len(values) - 1 else None


def _hex_bytes(text: str) -> bytes | None:
    """Return the bytes of digits, if these are their only form."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return data if data.hex() == text else None


def _from_hex(data: bytes, count: int) -> bytes:
    digits = np.frombuffer(data.hex().encode(), np.uint8).reshape(count, -1)
    return _joined(digits)


def _uuid_bytes(text: str) -> bytes | None:
    if not text.isascii():
        return None
    characters = np.frombuffer(text.encode(), np.uint8).reshape(-1, UUID_LENGTH)
    if not (characters[:, UUID_DASHES] == ord('-')).all():
        return None
    return _hex_bytes(np.delete(characters, UUID_DASHES, 1).tobytes().decode())


def _from_uuids(data: bytes, count: int) -> bytes:
    digits = np.frombuffer(data.hex().encode(), np.uint8).reshape(count, -1)
    offsets = [dash - number for number, dash in enumerate(UUID_DASHES)]
    return _joined(np.insert(digits, offsets, ord('-'), 1))


def _joined(texts: NDArray[np.uint8]) -> bytes:
    """Return texts of one length with NUL between them."""
    count, length = texts.shape
    with_nul = np.zeros((count, length + 1), np.uint8)
    with_nul[:, :length] = texts
    return with_nul.tobytes()[:-1]
