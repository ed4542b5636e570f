"""Texts and tokens that a search or a query requires of a record."""

from dataclasses import dataclass

from chronologer.model import Filter
from chronologer.query.tree import Literal, Path
from chronologer.search import fold
from chronologer.storage.render import required_equalities, required_texts
from chronologer.storage.sql.index.builder import token

MIN_HINT = 3  # characters that a query must require for the index to help
EXACT = 2**53  # integers below it are the same as floats


@dataclass(frozen=True, slots=True)
class Needle:
    """Texts and tokens that a record must contain, and texts that it must not contain."""

    texts: tuple[bytes, ...]  # the longest, which is likely the rarest, first
    tokens: tuple[int, ...]
    unwanted: tuple[bytes, ...]

    @classmethod
    def of(cls, filter: Filter) -> 'Needle | None':
        """Return the needle of *filter*, or None if the index does not help."""
        texts: set[str] = set()
        tokens: set[int] = set()
        if filter.search is not None:
            texts.update(filter.search.wanted)
        if filter.query is not None:
            required = map(fold, required_texts(filter.query))
            texts.update(text for text in required if len(text) >= MIN_HINT and '\0' not in text)
            for path, literal in required_equalities(filter.query):
                if _is_indexed(path) and (value := _indexed(literal)) is not None:
                    tokens.add(token(path, value))
        if filter.search is None and not texts and not tokens:
            return None
        return cls(
            tuple(text.encode() for text in sorted(texts, key=len, reverse=True)),
            tuple(sorted(tokens)),
            tuple(text.encode() for text in filter.search.unwanted) if filter.search else (),
        )


def _is_indexed(path: Path) -> bool:
    """Whether it is a field of ``data``, which may also be an array or a value of a raw record."""
    return path.steps[0] == 'data' and isinstance((*path.steps, None)[1], str)


def _indexed(literal: Literal) -> str | float | bool | None:
    value = literal.value
    if isinstance(value, (str, bool)):
        return value
    return value if isinstance(value, (int, float)) and abs(value) < EXACT else None
