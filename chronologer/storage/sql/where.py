"""Conditions of filters, on records that are kept as rows and on counters."""

from collections.abc import Sequence

from chronologer.model import Filter
from chronologer.storage.bucket import Range
from chronologer.storage.render import SQL, join
from chronologer.storage.sql.dialect import Dialect, RowDialect


def conditions(dialect: RowDialect, filter: Filter, *others: SQL) -> SQL:
    """Return *others*, and what *filter* requires besides time and search, as one condition."""
    parts = [*others, *_of_columns(dialect, filter)]
    if filter.query is not None:
        renderer = dialect.renderer
        parts += [*renderer.hints(filter.query), renderer.render(filter.query)]
    return _all_of(parts)


def counter_conditions(dialect: Dialect, filter: Filter, *others: SQL) -> SQL:
    """Return the same for counters, which do not answer queries."""
    return _all_of([*others, *_of_columns(dialect, filter)])


def name_condition(dialect: Dialect, filter: Filter) -> SQL:
    """Whether the name of a logger is among those that *filter* admits."""
    has_prefix = ' OR '.join([dialect.has_prefix] * len(filter.names))
    values = [value for prefix in filter.names for value in (len(prefix), prefix)]
    return SQL(has_prefix, *values)


def within(dialect: RowDialect, span: Range) -> SQL:
    """Whether a record is within a time range."""
    return SQL(f'ts BETWEEN {dialect.at} AND {dialect.at}', span.low, span.high)


def has_id(ids: Sequence[int]) -> SQL:
    """Whether a record is one of those with *ids*."""
    return SQL(f'id IN ({", ".join("?" * len(ids))})', *ids)


def _of_columns(dialect: Dialect, filter: Filter) -> list[SQL]:
    """Conditions on columns that records and counters have in common."""
    parts = []
    if filter.level is not None:
        parts.append(SQL('level >= ?', filter.level))
    if filter.names:
        has_name = name_condition(dialect, filter)
        parts.append(join('logger IN (SELECT id FROM logger WHERE {})', has_name))
    return parts


def _all_of(parts: Sequence[SQL]) -> SQL:
    return join(' AND '.join(['{}'] * len(parts)), *parts)
