"""
The metastore in a database of MySQL or MariaDB, which may be that of the records.

DSNs have the same form as those of records; see `chronologer.storage.mysql.dsn`.
"""

from typing import Any

from yoyo.backends import DatabaseBackend
from yoyo.backends.core.mysql import MySQLBackend
from yoyo.connections import DatabaseURI

from chronologer.errors import StorageError
from chronologer.metastore.dialect import Dialect
from chronologer.metastore.schema import TABLE, TypedBackend
from chronologer.storage.mysql.dsn import parse_dsn
from chronologer.storage.mysql.errors import code_of, error_class, is_undone

SESSION = (
    'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
)
URLS = {'MySQLdb': 'mysql+mysqldb://', 'pymysql': 'mysql+pymysql://'}  # by the driver
TYPES = {
    'bytes32': 'BINARY(32)',
    'bytes800': 'VARBINARY(800)',
    'name': 'VARCHAR(200)',
    'text': 'TEXT',
    'small': 'TINYINT',
    'integer': 'BIGINT',
    'options': 'ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
}


class MySQL(Dialect):
    """DSN: ``mysql://user:password@host:port/database`` or ``mysql+pymysql://…``."""

    may_disconnect = True

    def __init__(self, dsn: str):
        self._driver, self._options = parse_dsn(dsn)
        self.url = URLS[self._driver.__name__]
        self.title = f'the metastore, database {self._options["database"]!r}'
        self.errors = (self._driver.Error,)

    def connect(self) -> Any:
        db = self._driver.connect(**self._options)
        try:
            for statement in SESSION:
                db.cursor().execute(statement)
        except BaseException:
            db.close()
            raise
        return db

    def backend(self) -> DatabaseBackend:
        return Backend(self)

    @property
    def driver(self) -> Any:
        """The driver's module."""
        return self._driver

    @property
    def database(self) -> str:
        """The name of the database."""
        return str(self._options['database'])

    def translate(self, error: BaseException) -> StorageError:
        return error_class(code_of(error))(f'{self.title}: {error}')

    def is_undone(self, error: BaseException | None, is_committing: bool) -> bool:
        return is_undone(error, is_committing)


class Backend(TypedBackend, MySQLBackend):  # type: ignore[misc]
    """A backend for yoyo with our connections: yoyo lacks some options and a driver."""

    types = TYPES

    def __init__(self, dialect: MySQL):
        self._dialect = dialect
        self._driver = dialect.driver
        super().__init__(DatabaseURI('mysql', None, None, None, None, dialect.database, {}), TABLE)

    def connect(self, dburi: DatabaseURI) -> Any:
        return self._dialect.connect()

    def copy(self) -> 'Backend':
        return Backend(self._dialect)
