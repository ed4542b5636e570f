"""The ids of loggers, by which counters and rows name them."""

from chronologer.storage.database import Connection
from chronologer.storage.sql.dialect import Dialect

MAX_CACHED, MAX_CACHED_NAME = 10_000, 200  # entries, characters


class Loggers:
    """Caches ids; to be cleared when a transaction that gave some was undone."""

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self.cached: dict[str, int] = {}  # ids by name

    def id_of(self, db: Connection, name: str) -> int:
        """Return the id of a logger, and give it one if it has none."""
        id = self.cached.get(name)
        if id is not None:
            return id
        id = self._dialect.find_logger(db, name)
        if id is None:
            id = self._dialect.add_logger(db, name)
        if len(name) <= MAX_CACHED_NAME:
            if len(self.cached) >= MAX_CACHED:
                self.cached.clear()
            self.cached[name] = id
        return id

    def clear(self) -> None:
        """Drop the cache."""
        self.cached.clear()
