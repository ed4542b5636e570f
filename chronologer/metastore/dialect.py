"""Differences between SQL engines, for the metastore."""

from abc import ABC, abstractmethod
from typing import Any

from yoyo.backends import DatabaseBackend

from chronologer.errors import StorageError


class Dialect(ABC):
    """
    An engine with the database of a DSN.

    The driver itself opens connections, because SQLAlchemy and yoyo derive different drivers and
    options from the same DSN.
    """

    url: str  # SQLAlchemy's name of dialect and driver
    title: str  # of the database, in messages
    errors: tuple[type[Exception], ...]  # of the driver
    begin_read = begin_write = ''  # statements, if the driver does not begin transactions
    may_disconnect = False  # whether a server may have closed an idle connection

    @abstractmethod
    def connect(self) -> Any:
        """Open a connection of the driver."""

    @abstractmethod
    def backend(self) -> DatabaseBackend:
        """Return a backend for yoyo's migrations, with its own connection."""

    @abstractmethod
    def translate(self, error: BaseException) -> StorageError:
        """Translate an error of the driver to ours."""

    def exists(self) -> bool:
        """Return whether there is a database to connect to."""
        return True

    def is_current(self, connection: Any) -> bool:
        """Whether an idle connection of the driver still leads to the database."""
        return True

    def is_undone(self, error: BaseException | None, is_committing: bool) -> bool:
        """Return whether a failed transaction was rolled back, so that it may be repeated."""
        return False
