"""Searches the texts of a block: see `chronologer.search` for which of them, and how."""

import numpy as np

from chronologer.search import STRUCTURE, UNSEARCHED, Search, fold, searchable_texts
from chronologer.storage.block.block import Block
from chronologer.storage.block.column import Choices, Column, Digits, Items, Mask, Texts
from chronologer.storage.block.encoding import DIGITS
from chronologer.storage.block.signed import ANYWHERE, Place, Places
from chronologer.storage.block.table import MESSAGE, REST, Key

NUMBERS = frozenset(['int', 'decimal', 'float', 'milliseconds', 'since'])  # kinds without texts
EXC_TEXT = ('error', 'exc_text')


def matching(block: Block, search: Search, mask: Mask, places: Places) -> Mask:
    """Return the records in *mask* that have every wanted term and no unwanted one."""
    for term in sorted(search.wanted, key=len, reverse=True):  # the longest is likely the rarest
        mask = mask & _having(block, term, places.get(term, ANYWHERE))
        if not mask.any():
            return mask
    for term in search.unwanted:
        mask = mask & ~_having(block, term, places.get(term, ANYWHERE))
    return mask


def _having(block: Block, term: str, place: Place) -> Mask:
    hits = np.zeros(len(block), np.bool_)
    if '\0' in term:  # which no text has
        return hits
    raw = block.raw
    keys: list[Key] = [MESSAGE, *block.keys]
    for key in keys:
        block.check()
        if (key[:1] == (UNSEARCHED,) and raw is None) or block.kind(key) in NUMBERS:
            continue
        has_digits = key != MESSAGE and block.kind(key) in DIGITS
        if (Place.DIGITS if has_digits else Place.TEXTS) not in place:
            continue
        column = block.column(key)
        assert column is not None
        if key == REST:
            hits |= _in_rest(block, column, term)
            continue
        found = column.spread(_in_column(block, key, column, term))
        if key[0] == UNSEARCHED and raw is not None:
            found &= raw
        if key == STRUCTURE:
            found &= ~_with_text(block, column)
        hits |= found
    return hits


def _in_column(block: Block, key: Key, column: Column, term: str) -> Mask:
    if isinstance(column, Digits):  # of lower case
        return column.containing(term.encode())
    if isinstance(column, Texts):
        if column.is_ascii and term == term.upper():  # digits, not letters
            return column.containing(term.encode())
        return column.containing(term.encode(), _folded(block, key, column))
    if isinstance(column, Choices):
        return column.having(lambda value: _is_in(term, value))
    if isinstance(column, Items):
        return np.fromiter((_is_in(term, item) for item in column.items), np.bool_, column.count)
    return np.zeros(column.count, np.bool_)  # numbers


def _folded(block: Block, key: Key, column: Texts) -> bytes:
    """Return the texts of a column, case-folded."""
    if column.is_ascii:
        return column.data.lower()
    return block.once(('folded', key), lambda: fold(column.data.decode()).encode())


def _is_in(term: str, value: object) -> bool:
    if isinstance(value, str):
        return term in fold(value)
    if isinstance(value, (list, dict)):
        return any(term in fold(text) for text in searchable_texts('', {'': value}))
    return False


def _with_text(block: Block, structures: Column) -> Mask:
    """Return the records whose exception has a text and a structure, which is not searched."""
    column, rest = block.column(EXC_TEXT), block.column(REST)
    has_text = np.zeros(len(block), np.bool_) if column is None else column.present.copy()
    if rest is not None:
        errors = [logrec.get('error') for logrec in rest.values()]
        hits = [isinstance(error, dict) and 'exc_text' in error for error in errors]
        has_text |= rest.spread(np.array(hits, np.bool_))
    is_structure = [isinstance(value, dict) for value in structures.values()]
    return has_text & structures.spread(np.array(is_structure, np.bool_))


def _in_rest(block: Block, column: Column, term: str) -> Mask:
    """Search the fields of records that have too many; whether they are raw decides by record."""
    raw = block.raw
    positions = np.flatnonzero(column.present)
    is_raw = np.zeros(len(positions), np.bool_) if raw is None else raw[positions]
    has_text = block.column(EXC_TEXT)
    with_text = (
        np.zeros(len(positions), np.bool_) if has_text is None else has_text.present[positions]
    )
    hits = []
    for logrec, one_is_raw, one_has_text in zip(column.values(), is_raw, with_text, strict=True):
        logrec = {key: value for key, value in logrec.items() if one_is_raw or key != UNSEARCHED}
        error = logrec.get('error')
        if isinstance(error, dict) and isinstance(error.get('exc_info'), dict):
            is_structure = one_has_text or 'exc_text' in error
            logrec['error'] = {
                key: value
                for key, value in error.items()
                if not (is_structure and key == 'exc_info')
            }
        hits.append(_is_in(term, logrec))
    return column.spread(np.array(hits, np.bool_))
