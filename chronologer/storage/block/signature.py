"""
Signatures: which blocks, of 16 in a group, may contain a piece of text.

A block's own signature has a bit for each value of a hash. Each four and each five bytes in a row
of the block's folded texts have a hash. Columns of hexadecimal digits are random, so all four
digits are in every block, and hashes of all of their pieces would fill the signature. So only some
five digits in a row, which their hash chooses, are in it.

When a group is complete, its signature has a word for each value instead, with a bit for each
block. A search for a term reads the few words of the term's pieces in each group, however many
records there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.search import fold
from chronologer.storage.block.column import Digits

BITS = 18  # of a hash
GROUP = 16  # blocks
WORD = 2  # bytes
PAGE_BITS = 10
MAX_LONG, MAX_SHORT = 6, 2  # pieces of one term, of five and of four bytes, that are looked up

SHORT = 4  # bytes
PIECE = 2**19  # bytes of a text that are hashed together, with 20 times the memory
# 2**32 by the golden ratio, and multipliers of xxHash and MurmurHash
FIRST, SECOND, NEXT = np.uint32(2654435761), np.uint32(2246822519), np.uint32(3432918353)
UNSAMPLED = np.uint32(3 << 12)  # bits, which are no part of the hash, of five digits that are left
HAS_DIGITS = 0  # stands for any column of digits

Numbers = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Hashes:
    """What the signature of a block has if the block has a term."""

    term: str
    of_texts: Sequence[int]  # if the term is in a text
    of_digits: Sequence[int] | None  # if it is in a column of digits; None: it cannot be


def sign(texts: Iterable[str], digits: Iterable[str]) -> bytes:
    """Return the signature of a block with *texts*, and *digits* in columns of their own."""
    is_set = np.zeros(1 << BITS, np.bool_)
    for piece in _pieces(fold('\0'.join(texts)).encode()):
        short, long = _mixed(piece)
        is_set[_hashes(short)] = True
        is_set[_hashes(long)] = True
    joined = '\0'.join(digits).encode()
    if joined:
        is_set[HAS_DIGITS] = True
    for piece in _pieces(joined):
        is_set[_hashes(_sampled(_mixed(piece)[1]))] = True
    return np.packbits(is_set, bitorder='little').tobytes()


def combine(signatures: Sequence[bytes]) -> bytes:
    """Return the signature of a group of blocks."""
    words = np.zeros(1 << BITS, np.uint16)
    for number, signature in enumerate(signatures):
        bits = np.unpackbits(np.frombuffer(signature, np.uint8), bitorder='little')
        words |= bits.astype(np.uint16) << np.uint16(number)
    return words.astype('<u2').tobytes()


def hashes_of(term: str) -> Hashes:
    """Return hashes of a term, case-folded; there are none if it is shorter than four bytes."""
    data = term.encode()
    short, long = map(np.unique, _mixed(data))
    some = np.concatenate([_some(long, MAX_LONG), _some(short, MAX_SHORT)])
    of_texts: list[int] = np.unique(_hashes(some)).tolist()
    if not Digits.CHARACTERS.issuperset(data):
        return Hashes(term, of_texts, None)
    of_digits = _hashes(_some(_sampled(long), MAX_LONG)).tolist()
    return Hashes(term, of_texts, [HAS_DIGITS, *of_digits])


def locate(hash: int) -> tuple[int, int]:
    """Return the page of a group's signature that has the word of a hash, and its offset there."""
    return hash >> PAGE_BITS, (hash & (1 << PAGE_BITS) - 1) * WORD


def has(signature: bytes, hashes: Iterable[int]) -> bool:
    """Whether the signature of a block has all *hashes*."""
    return all(signature[hash >> 3] >> (hash & 7) & 1 for hash in hashes)


def pages(signature: bytes) -> list[bytes]:
    """Return the pages of a group's signature."""
    size = WORD << PAGE_BITS
    return [signature[start : start + size] for start in range(0, len(signature), size)]


def _pieces(text: bytes) -> Iterator[bytes]:
    """Yield pieces of a long text, which overlap so that they have all bytes in a row."""
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE + SHORT]


def _mixed(text: bytes) -> tuple[Numbers, Numbers]:
    """Return a well mixed number for every four, and for every five, bytes in a row."""
    if len(text) < SHORT:
        return np.empty(0, np.uint32), np.empty(0, np.uint32)
    short = np.empty(len(text) - SHORT + 1, np.uint32)
    for offset in range(min(SHORT, len(short))):
        short[offset::SHORT] = np.frombuffer(text, '<u4', (len(text) - offset) // SHORT, offset)
    short *= FIRST
    long = np.frombuffer(text, np.uint8, offset=SHORT).astype(np.uint32)
    long += np.uint32(1)
    long *= NEXT
    long ^= short[:-1]
    return _mix(short), _mix(long)


def _mix(numbers: Numbers) -> Numbers:
    numbers ^= numbers >> np.uint32(15)
    mixed: Numbers = numbers * SECOND
    return mixed


def _sampled(long: Numbers) -> Numbers:
    sampled: Numbers = long[(long & UNSAMPLED) == 0]
    return sampled


def _some(numbers: Numbers, count: int) -> Numbers:
    some: Numbers = numbers[:: -(-len(numbers) // count) or 1]
    return some


def _hashes(mixed: Numbers) -> NDArray[Any]:
    return (mixed >> np.uint32(32 - BITS)).astype(np.intp)
