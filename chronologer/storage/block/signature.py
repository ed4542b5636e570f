"""
Signatures: which blocks, of 16 in a group, may contain a piece of text.

A block's own signature has a bit for each value of a hash: whether four bytes in a row of its
folded texts have that hash. When a group is complete, its signature has a word for each value
instead, with a bit for each block. A search for a term reads the few words of the term's pieces in
each group, however many records there are.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.search import fold

BITS = 18  # of a hash
GROUP = 16  # blocks
WORD = 2  # bytes
PAGE_BITS = 10
MAX_GRAMS = 8  # hashes of one term that are looked up

SHORT = 4  # bytes
# 2**32 by the golden ratio, and a multiplier of xxHash
FIRST, SECOND = np.uint32(2654435761), np.uint32(2246822519)


def sign(texts: Iterable[str]) -> bytes:
    """Return the signature of a block with *texts*."""
    is_set = np.zeros(1 << BITS, np.bool_)
    is_set[_hashes(_grams(fold('\0'.join(texts)).encode())).astype(np.intp)] = True
    return np.packbits(is_set, bitorder='little').tobytes()


def combine(signatures: Sequence[bytes]) -> bytes:
    """Return the signature of a group of blocks."""
    words = np.zeros(1 << BITS, np.uint16)
    for number, signature in enumerate(signatures):
        bits = np.unpackbits(np.frombuffer(signature, np.uint8), bitorder='little')
        words |= bits.astype(np.uint16) << np.uint16(number)
    return words.astype('<u2').tobytes()


def hashes_of(term: bytes) -> list[int]:
    """Return hashes that the signature of each text with *term* has; none if it is too short."""
    grams = np.unique(_grams(term))
    hashes: list[int] = np.unique(_hashes(grams[:: -(-len(grams) // MAX_GRAMS) or 1])).tolist()
    return hashes


def locate(hash: int) -> tuple[int, int]:
    """Return the page of a group's signature that has the word of a hash, and its offset there."""
    return hash >> PAGE_BITS, (hash & (1 << PAGE_BITS) - 1) * WORD


def may_have(signature: bytes, hashes: Iterable[int]) -> bool:
    """Whether a block with this signature of its own may have a term with *hashes*."""
    return all(signature[hash >> 3] >> (hash & 7) & 1 for hash in hashes)


def pages(signature: bytes) -> list[bytes]:
    """Return the pages of a group's signature."""
    size = WORD << PAGE_BITS
    return [signature[start : start + size] for start in range(0, len(signature), size)]


def _grams(text: bytes) -> NDArray[Any]:
    """Return a number for every four bytes in a row."""
    if len(text) < SHORT:
        return np.empty(0, np.uint32)
    grams = np.empty(len(text) - SHORT + 1, np.uint32)
    for offset in range(min(SHORT, len(grams))):
        grams[offset::SHORT] = np.frombuffer(text, '<u4', (len(text) - offset) // SHORT, offset)
    return grams


def _hashes(grams: NDArray[Any]) -> NDArray[Any]:
    mixed = grams * FIRST
    mixed ^= mixed >> np.uint32(15)
    mixed *= SECOND
    mixed >>= np.uint32(32 - BITS)
    return mixed
