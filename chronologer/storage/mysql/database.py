"""A database on a server of MySQL or MariaDB."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from yoyo.backends.core.mysql import MySQLBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from chronologer.errors import (
    ChronologerError,
    InputError,
    QueryTimeoutError,
    SchemaError,
    StorageError,
)
from chronologer.storage import schema
from chronologer.storage.database import Database, Result
from chronologer.storage.mysql.errors import (
    NO_SUCH_TABLE,
    OUT_OF_RANGE,
    TIMED_OUT,
    code_of,
    error_class,
    is_undone,
)

MINIMUM = {'MySQL': (8, 0, 17), 'MariaDB': (10, 6)}  # MySQL: CAST(… AS DOUBLE), in queries
MIN_PACKET = 2**20  # bytes; a block of the search index has half of that, before escapes


class MySQLConnection:
    """A driver's connection, for statements with ``?``."""

    def __init__(self, connection: Any, driver: Any):
        self._connection = connection
        self._driver = driver
        self.execute('SET NAMES utf8mb4 COLLATE utf8mb4_bin')
        self.execute(
            """
            SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
                        time_zone = '+00:00'
            """
        )

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Result:
        cursor = self._connection.cursor()
        cursor.execute(_translate(statement), tuple(parameters))
        result: Result = cursor
        return result

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        if rows:
            self._connection.cursor().executemany(_translate(statement), rows)

    def limit_time(self, seconds: float) -> None:
        """Set the time limit of SELECT statements."""
        (version,) = self.execute('SELECT VERSION()').fetchone()
        if 'MariaDB' in version:
            self.execute('SET SESSION max_statement_time = ?', (seconds,))
        else:
            self.execute('SET SESSION MAX_EXECUTION_TIME = ?', (int(seconds * 1000),))

    def commit(self) -> None:
        self._connection.commit()

    def is_alive(self) -> bool:
        """Whether the server answers."""
        try:
            self._connection.ping()
        except self._driver.Error:
            return False
        return True

    def close(self) -> None:
        with suppress(self._driver.Error):  # the driver has closed it when it was lost
            self._connection.close()


class MySQLDatabase(Database[MySQLConnection]):
    """The database that *options*, arguments of the driver's ``connect``, name."""

    begin = 'START TRANSACTION'
    begin_snapshot = 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY'

    def __init__(self, driver: Any, options: dict[str, Any], query_timeout: float):
        super().__init__(query_timeout)
        self.driver, self.options = driver, options
        self.errors = (driver.Error,)
        self.max_packet = 0  # bytes of a statement, once there is a connection that writes

    def migrate(self) -> None:
        self._check_server()
        with self._translated():
            backend = YoyoBackend(self.driver, self.options)
            backend.init_database()
            schema.apply_migrations(schema.RECORDS / 'mysql', backend)

    def check(self) -> None:
        self._check_server()
        applied: list[str] = []
        try:
            with self.read() as db:
                applied = [id for (id,) in db.execute(schema.APPLIED).fetchall()]
        except StorageError as ex:
            if code_of(ex.__cause__) != NO_SUCH_TABLE:
                raise
        schema.check_applied(schema.RECORDS / 'mysql', applied)

    def _check_server(self) -> None:
        with self.read() as db:
            text, packet = db.execute('SELECT VERSION(), @@max_allowed_packet').fetchone()
        product = 'MariaDB' if 'MariaDB' in text else 'MySQL'
        version = tuple(map(int, re.findall(r'\d+', text)[:3]))
        if version < MINIMUM[product]:
            wanted = '.'.join(map(str, MINIMUM[product]))
            raise SchemaError(f'{product} {text} is too old, Chronologer needs {wanted} or later')
        if packet < MIN_PACKET:
            wanted = f'Chronologer needs {MIN_PACKET:,} bytes at least'
            raise SchemaError(f'max_allowed_packet of the database is {packet:,}, {wanted}')

    def _take_reader(self) -> MySQLConnection:
        """Return a connection that is alive: the server may have ended an idle one."""
        while self._readers:
            db, _ = self._readers.pop()
            if db.is_alive():
                return db
            db.close()
        return self._open_reader()

    def _open_reader(self) -> MySQLConnection:
        db = self._connect()
        db.limit_time(self.query_timeout)
        db.execute('SET SESSION TRANSACTION READ ONLY')
        db.execute('SET autocommit = 1')  # for statements outside of a transaction
        return db

    def _open_writer(self) -> MySQLConnection:
        db = self._connect()
        (self.max_packet,) = db.execute('SELECT @@max_allowed_packet').fetchone()
        return db

    def _connect(self) -> MySQLConnection:
        return MySQLConnection(self.driver.connect(**self.options), self.driver)

    def _is_undone(self, error: BaseException, is_committing: bool) -> bool:
        return is_undone(error, is_committing)

    def _translate(self, error: Exception) -> ChronologerError:
        code = code_of(error)
        if code == OUT_OF_RANGE:
            return InputError('query: a calculation exceeds 64-bit floats')
        if code in TIMED_OUT:
            return QueryTimeoutError(self.query_timeout)
        return error_class(code)(f'database: {error}')


class YoyoBackend(MySQLBackend):  # type: ignore[misc]
    """yoyo on our own connections: it supports neither all options nor both drivers."""

    def __init__(self, driver: Any, options: dict[str, Any]):
        self._driver = driver
        self._options = options
        uri = DatabaseURI('mysql', None, None, None, None, options['database'], {})
        super().__init__(uri, default_migration_table)

    def connect(self, dburi: DatabaseURI) -> Any:
        return self._driver.connect(**self._options)

    def copy(self) -> 'YoyoBackend':
        return YoyoBackend(self._driver, self._options)


@lru_cache
def _translate(statement: str) -> str:
    """Replace ``?`` by %s, which both drivers require."""
    return statement.replace('%', '%%').replace('?', '%s')
