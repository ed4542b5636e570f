"""
The parameter ``search``: words, "exact phrases" and -exclusions.

A term is a text. It matches anywhere in a record's message or in the text values of its ``logrec``
except ``meta``, also within words and in either case: in ``error`` (the exception) and ``data``, or
in any field of a raw record, ``meta`` too. A record matches if it has every wanted term and no
unwanted one.
"""

import re
from dataclasses import dataclass
from typing import Any

from chronologer.errors import InputError, shown

MAX_LENGTH = 1000  # characters
MAX_TERMS = 20
COUNT = f'expected 1 to {MAX_TERMS} words or phrases'
SECTIONS = frozenset(['data', 'meta', 'error'])  # of the logrec of a LogRecord
UNSEARCHED = 'meta'  # of them
STRUCTURE = ('error', 'exc_info')  # path of what is not searched if the exception has a text

TERM = re.compile(r'(-?)(?:"((?:[^"\\]|\\"|\\(?!"))*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Search:
    """Wanted and unwanted terms, case-folded."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        """Whether a record with this `searchable` text matches."""
        return all(term in text for term in self.wanted) and not any(
            term in text for term in self.unwanted
        )


def parse_search(text: str) -> Search:
    r"""
    Parse what a user has typed. Within a phrase ``\"`` is a quotation mark.

    Raises:
        InputError: There is no term, an empty one, too many, or a phrase without its end.
    """
    wanted, unwanted = typed_terms(text)
    return Search(tuple(wanted), tuple(unwanted))


def typed_terms(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """
    Return the wanted and the unwanted terms as they were typed, by their case-folded form.

    Raises:
        InputError: As `parse_search`.
    """
    if len(text) > MAX_LENGTH:
        limit = f'at most {MAX_LENGTH:,} characters'
        raise InputError(f'search: {limit}, got {len(text):,}', MAX_LENGTH + 1)
    wanted: dict[str, str] = {}
    unwanted: dict[str, str] = {}
    for term in TERM.finditer(text):
        minus, phrase, word = term.groups()
        if phrase is None and word.startswith('"'):
            column = term.start(3) + 1
            raise InputError(f'search: the quotation mark at column {column} is not closed', column)
        if phrase == '':
            column = term.start() + 1
            raise InputError(f'search: an empty phrase at column {column}', column)
        typed = word or phrase.replace(r'\"', '"')
        (unwanted if minus else wanted).setdefault(fold(typed), typed)
        if len(wanted) + len(unwanted) > MAX_TERMS:
            raise InputError(f'search: {COUNT}, got {shown(text)}', term.start() + 1)
    if not (wanted or unwanted):
        raise InputError(f'search: {COUNT}, got {shown(text)}')
    return wanted, unwanted


def searchable(message: str, logrec: dict[str, Any]) -> str:
    """Return a record's texts, case-folded, with NUL, which no text has, between them."""
    return fold('\0'.join(searchable_texts(message, logrec)))


def searchable_texts(message: str, logrec: dict[str, Any]) -> list[str]:
    """Return the texts of a record that are searched, as they are stored."""
    texts = [message]
    unsearched = UNSEARCHED if logrec.keys() <= SECTIONS else None  # a raw record has its own meta
    for section, value in logrec.items():
        if section == 'error':
            value = _without_structure(value)
        if section != unsearched:
            _gather(value, texts)
    return texts


def _without_structure(error: Any) -> Any:
    """Return ``error`` without the structure of an exception, if its text is there too."""
    if isinstance(error, dict) and isinstance(error.get('exc_info'), dict) and 'exc_text' in error:
        return {key: value for key, value in error.items() if key != 'exc_info'}
    return error


def fold(text: str) -> str:
    """
    Fold the case of each character as Unicode defines it; accents stay.

    Except that of İ, which folds to i and a dot above, which nobody types.
    """
    folded = text.casefold()
    return folded if text.isascii() else folded.replace('i\u0307', 'i')


def _gather(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, str):  # most texts are ASCII, and a call costs more
                texts.append(item)
            elif isinstance(item, (dict, list)):
                _gather(item, texts)
