"""
Signatures: which blocks, of 64 in a group, may contain a piece of text or a token.

A signature is a table of 64-bit words, one for each value of a hash; bit *b* of a word says that
block *b* has a text or token with that hash. Text has hashes for every four and every five bytes in
a row, so that a term, wherever it begins, is in no block that lacks one of its hashes. A search
reads a handful of words of each group, however many records there are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.storage.sql.index.block import Block

BITS = 18  # of a hash; a block of 1,000 short messages then sets a third of its bits
GROUP = 64  # blocks
WORD = 8  # bytes
PAGE_BITS = 8
PAGE_SIZE = WORD << PAGE_BITS  # bytes, as the words of a signature are stored
MAX_GRAMS = 8  # hashes of one term that are tested

SHORT = 4  # bytes
MULTIPLIER = np.uint32(2654435761)  # 2**32 by the golden ratio
SECOND_MULTIPLIER = np.uint32(2246822519)  # of xxHash


def make_signature(blocks: Sequence[Block | None]) -> bytes:
    """Make the signature of a group; None stands for a block that may contain anything."""
    words = np.zeros(1 << BITS, np.uint64)
    for number, block in enumerate(blocks):
        if block is None:
            words |= np.uint64(1 << number)
            continue
        # Three times as fast as to set bits in words: small, and indexed by integers of its own.
        is_set = np.zeros(1 << BITS, np.bool_)
        for numbers in (_grams(block.text), *_token_numbers(block.tokens)):
            for hashes in _hashes(numbers):
                is_set[hashes.astype(np.intp)] = True
        words |= is_set.astype(np.uint64) << np.uint64(number)
    return words.astype('<u8').tobytes()


def text_hashes(term: bytes) -> list[int]:
    """Return hashes that the signature of a text with *term* has; none if it is too short."""
    grams = np.unique(_grams(term))
    some = grams[:: -(-len(grams) // MAX_GRAMS)] if len(grams) else grams
    hashes: list[int] = np.unique(np.concatenate(_hashes(some))).tolist()
    return hashes


def token_hashes(token: int) -> list[int]:
    """Return the hashes that the signature of a block with *token* has."""
    numbers = _token_numbers(np.array([token]))
    return [int(hashes[0]) for number in numbers for hashes in _hashes(number)]


def locate(hash: int) -> tuple[int, int]:
    """Return the page of a signature that has the word of a hash, and its offset there."""
    return hash >> PAGE_BITS, (hash & (1 << PAGE_BITS) - 1) * WORD


def _grams(text: bytes) -> NDArray[Any]:
    """A number for every four bytes in a row, and one for these and the next."""
    if len(text) < SHORT:
        return np.empty(0, np.uint32)
    short = np.empty(len(text) - SHORT + 1, np.uint32)
    for offset in range(SHORT):
        short[offset::SHORT] = np.frombuffer(text, '<u4', (len(text) - offset) // SHORT, offset)
    short *= MULTIPLIER
    fifth = np.frombuffer(text, np.uint8, offset=SHORT).astype(np.uint32) + np.uint32(1)
    return np.concatenate([short, short[:-1] ^ fifth * MULTIPLIER])


def _token_numbers(tokens: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two numbers for each token: tokens are few, and a term has several pieces too."""
    numbers = tokens.astype(np.uint32)
    return (numbers << np.uint32(16)) + np.uint32(1), (numbers << np.uint32(16)) + np.uint32(2)


def _hashes(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two hashes for each number, because a third of the bits are set."""
    mixed = numbers >> np.uint32(15)
    mixed ^= numbers
    mixed *= MULTIPLIER
    first = mixed >> np.uint32(32 - BITS)
    mixed ^= mixed >> np.uint32(13)
    mixed *= SECOND_MULTIPLIER
    mixed >>= np.uint32(32 - BITS)
    return first, mixed
