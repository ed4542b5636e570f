"""
The metastore: small rows that change, in a transactional SQL database.

A `Storage` holds the records, on any engine. The metastore holds everything else: saved searches,
the secret of sessions, leases. Each module of this package has the functions for one kind of rows.
Their first argument is the connection that `Metastore.read` or `Metastore.write` passes, so that
changes of several kinds can be one transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, TimeoutError
from sqlalchemy.pool import QueuePool

from chronologer.errors import ConfigurationError, SchemaError, StorageBusyError
from chronologer.metastore import schema
from chronologer.metastore.dialect import Dialect
from chronologer.metastore.dsn import default_dsn
from chronologer.storage import shown_dsn

__all__ = ['Connection', 'Metastore', 'open_metastore']

ATTEMPTS = 5  # for a transaction that the database has rolled back
POOL_TIMEOUT = 10  # seconds that a thread waits for a connection
WRITES = 'chronologer_writes'  # execution option of a connection whose transaction writes

# DSN scheme -> module and class, imported on demand because each needs its own driver.
DIALECTS = {
    'sqlite': ('chronologer.metastore.sqlite', 'SQLite'),
    'mysql': ('chronologer.metastore.mysql', 'MySQL'),
    'mysql+pymysql': ('chronologer.metastore.mysql', 'MySQL'),
}

T = TypeVar('T')


class Metastore:
    """
    A database for small rows, with its connections; safe to use from any thread.

    Any method raises `StorageBusyError` when the database cannot be reached or is locked for too
    long, and `StorageError` when it fails.
    """

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._engine = create_engine(
            dialect.url,
            creator=dialect.connect,
            poolclass=QueuePool,
            pool_timeout=POOL_TIMEOUT,
            pool_pre_ping=dialect.may_disconnect,
        )
        event.listen(self._engine, 'checkout', self._check_out)
        event.listen(self._engine, 'begin', self._begin)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Call *work*, which only reads, and return its result."""
        with self._translated(), self._engine.connect() as db:
            return work(db)

    def write(self, work: Callable[[Connection], T]) -> T:
        """
        Call *work* in a transaction, and return its result after the commit.

        If *work* raises an error, the transaction is rolled back. If the database has rolled it
        back, as after a deadlock, *work* is called again.
        """
        with self._translated():
            attempt = 1
            while True:
                is_committing = False
                try:
                    with self._engine.connect() as db:
                        result = work(db.execution_options(**{WRITES: True}))
                        is_committing = True
                        db.commit()
                        return result
                except DBAPIError as ex:
                    is_undone = self._dialect.is_undone(ex.orig, is_committing)
                    if attempt == ATTEMPTS or not is_undone:
                        raise
                attempt += 1

    def migrate(self) -> None:
        """Create the schema, or upgrade it to this version's."""
        with suppress(SchemaError):
            self.check()
            return
        with self._translated():
            schema.migrate(self._dialect)
        self.check()  # the first connection turns on WAL, which yoyo cannot do in its transaction

    def check(self) -> None:
        """
        Check that the database answers and has this version's schema.

        Raises:
            SchemaError: The schema is missing, older or newer; the message says what to do.
        """
        applied = self.read(schema.applied) if self._dialect.exists() else []
        try:
            schema.check(applied)
        except SchemaError as ex:
            raise SchemaError(f'{self._dialect.title}: {ex}') from ex

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> 'Metastore':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _check_out(self, connection: Any, *_: object) -> None:
        """Have the pool replace an idle connection that leads to another database."""
        if not self._dialect.is_current(connection):
            raise DisconnectionError

    def _begin(self, db: Connection) -> None:
        is_writing = WRITES in db.get_execution_options()
        if begin := self._dialect.begin_write if is_writing else self._dialect.begin_read:
            db.exec_driver_sql(begin)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate errors of SQLAlchemy and of the driver to ours."""
        try:
            yield
        except DBAPIError as ex:
            raise self._dialect.translate(ex.orig or ex) from ex
        except self._dialect.errors as ex:
            raise self._dialect.translate(ex) from ex
        except TimeoutError as ex:
            raise StorageBusyError(f'the metastore: all connections are in use: {ex}') from ex


def open_metastore(dsn: str, storage_dsn: str = '') -> Metastore:
    """
    Return the metastore of *dsn*, not yet connected or checked.

    If *dsn* is empty, it is the default one of the storage with *storage_dsn*.

    Raises:
        ConfigurationError: The DSN is malformed, or its driver is not installed.
    """
    dsn = dsn or default_dsn(storage_dsn)
    scheme = dsn.partition(':')[0]
    if scheme not in DIALECTS:
        wanted = ', '.join(f'{known}://…' for known in DIALECTS)
        raise ConfigurationError(f'metastore DSN {shown_dsn(dsn)!r}: expected {wanted}')
    module, name = DIALECTS[scheme]
    return Metastore(getattr(import_module(module), name)(dsn))
