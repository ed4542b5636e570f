"""Statements that differ between engines; all other SQL is the same for all of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from chronologer.storage.database import Connection
from chronologer.storage.render import Renderer

# id, ts (µs), level, logger, message, logrec as text, and logrec
Row = tuple[int, int, int, int, str, str, dict[str, Any]]


class Dialect(ABC):
    """Statements on loggers and counters, whatever the format of records is."""

    # Whether the name of a logger begins with a text, given the text's length and the text
    has_prefix: str
    # Joins count_by_logger with loggers on its left, by its key, in this order
    then_counters: str
    # Continues an INSERT, for counters that are there already
    add_to_n: str

    @abstractmethod
    def find_logger(self, db: Connection, name: str) -> int | None:
        """Return the id of a logger, or None if it has none."""

    @abstractmethod
    def add_logger(self, db: Connection, name: str) -> int:
        """Give a logger an id, and return it."""


class RowDialect(Dialect):
    """Also statements on records that are rows."""

    renderer: Renderer  # of queries
    records_by_ts: str  # the table of records, to be read by its index on ts
    records_by_id: str  # likewise, by id
    ts: str  # microseconds since the epoch, of a row
    at: str  # an instant to compare ts with, given in such microseconds
    # Errors by which the engine refuses a record; others end the transaction
    batch_errors: tuple[type[Exception], ...]

    @abstractmethod
    def take_ids(self, db: Connection, count: int) -> int:
        """
        Reserve ids without gaps, in the order of commits; return the first.

        This is the first statement of a transaction on records: it waits for other transactions.
        """

    @abstractmethod
    def insert_records(self, db: Connection, rows: Sequence[Row]) -> None:
        """Insert into ``record``, which has no column for the last value of a row."""
