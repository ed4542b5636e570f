"""
Statements for ClickHouse, the same over HTTP and for the engine in this process.

A parameter is ``?``, as in all of our SQL, and is bound by the server with a type; no value is ever
part of a statement.
"""

import logging
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from threading import Lock
from typing import Any

from chronologer.errors import (
    ConfigurationError,
    DiskFullError,
    InputError,
    QueryTimeoutError,
    StorageBusyError,
    StorageError,
)
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.schema import RECORDS, check_applied

# Error codes, from ErrorCodes.cpp of ClickHouse.
NO_DATABASE, NO_TABLE, NO_MEMORY = 81, 60, 241
TIMED_OUT = {159}
FULL = {243}  # not enough space
TOO_DEEP = {167, 168, 306}  # parser depth, depth and size of the tree
BUSY = {
    202,  # too many simultaneous queries
    203, 209, 210,  # no free connection, socket timeout, network
    NO_MEMORY,
    242, 285, 286, 289, 319, 369,  # read-only replica, quorum, replicas behind
    252,  # too many parts: merges are behind
    279, 999,  # no connection to a shard, Keeper
    394,  # query was cancelled
}  # fmt: skip
FULL_DISK = re.compile(r'errno: 28\b|No space left on device')
CODE = re.compile(r'Code: (\d+)\.')
LOCKED = 'EmbeddedServer'  # is in the message of chDB when its directory cannot be opened

# Room for expressions within our own limits.
LIMITS = {
    'max_query_size': 2**23,
    'max_parser_depth': 5000,
    'max_ast_depth': 5000,
    'max_ast_elements': 2**20,
    'max_expanded_ast_elements': 2**21,
}
# One block of each insert, so that there is one part for each day; rows may be of any size. Tuples
# are arrays.
INSERTING = {
    'input_format_json_named_tuples_as_objects': 0,
    'input_format_parallel_parsing': 0,
    'max_insert_block_size_bytes': 0,
    'max_partitions_per_insert_block': 0,
    'min_insert_block_size_bytes': 2**30,
}
FORMAT = 'JSONCompactEachRow'
# Shares of the memory of the engine in this process: of one query or insert, and of caches, some of
# which would have 5 GB by default.
OF_QUERY = 2
# Free bytes required for each thread; with ClickHouse's default of 1 GiB there is only one.
OF_THREAD = 2**26
CACHES = {
    'mark_cache': 8,
    'primary_index_cache': 16,
    'index_mark_cache': 16,
    'query_condition_cache': 32,
    'compiled_expression_cache': 32,
    'text_index_tokens_cache': 32,
    'text_index_header_cache': 32,
    'text_index_postings_cache': 32,
}
# Tables by which processes agree. On a cluster their inserts are sequential, and reads see all of
# them or fail. These failures end by themselves, sooner than a client retries.
AGREED = {'node', 'retry'}
ONE_BY_ONE = {'insert_quorum_parallel': 0}
NOT_YET = {286, 289}  # another insert is not done, or this replica does not have the last one
PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # seconds, at most


logging.getLogger('clickhouse_connect').setLevel(logging.CRITICAL)  # it also raises its errors


class Rows:
    """The result of a query, with the methods of PEP 249."""

    def __init__(self, rows: Sequence[Any]):
        self._rows = rows

    def fetchall(self) -> list[Any]:
        """Return all rows, each a tuple."""
        return list(self._rows)

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        return self._rows[0] if self._rows else None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


class Connection:
    """One client, for one thread at a time."""

    def __init__(self, client: Any):
        self._client = client

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Execute a query."""
        text, bound = bind(sql, parameters)
        result = _patiently(lambda: self._client.query(text, parameters=bound or None))
        return Rows(result.result_rows)

    def command(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement that returns no rows."""
        text, bound = bind(sql, parameters)
        self._client.raw_query(text, parameters=bound or None)  # `command` has them in the URL

    def native(self, sql: str) -> bytes:
        """Execute a query and return its rows in the format Native, for another statement."""
        answer: bytes = self._client.raw_query(sql, fmt='Native')
        return answer

    def insert(self, table: str, columns: Sequence[str], rows: bytes) -> None:
        """Insert *rows*, each an array in JSON, in lines."""
        settings = {**INSERTING, **ONE_BY_ONE} if table in AGREED else INSERTING
        # The driver cannot send an iterator again, as it would if the response was lost.
        _patiently(
            lambda: self._client.raw_insert(
                table, columns, iter([rows]), fmt=FORMAT, settings=settings
            )
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Pool:
    """Connections to one database, as many as are in use at a time."""

    def __init__(self, target: Target, settings: dict[str, Any]):
        self._target, self._settings = target, {**LIMITS, **settings}
        self._idle: deque[Connection] = deque()
        # The first connection starts chDB; only one thread shall wait for a server that is away.
        self._opening: AbstractContextManager[Any] = Lock() if target.is_embedded else nullcontext()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; a failed one is not used again."""
        try:
            db = self._idle.pop()
        except IndexError:
            with self._opening:
                db = Connection(open_client(self._target, self._target.database, self._settings))
        try:
            yield db
        except BaseException:
            db.close()
            raise
        self._idle.append(db)

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()


def check_drivers(target: Target) -> None:
    """
    Make sure that the drivers are installed, without importing them: chDB takes a second.

    Raises:
        ConfigurationError: One is not.
    """
    for module in ('chdb', 'clickhouse_connect') if target.is_embedded else ('clickhouse_connect',):
        if find_spec(module) is None:
            wanted = "pip install 'chronologer[clickhouse]'"
            raise ConfigurationError(f'{module} is not installed: {wanted}')


def open_client(target: Target, database: str | None, settings: dict[str, Any]) -> Any:
    """Return a client of clickhouse-connect; *database* None is the default of the server."""
    import clickhouse_connect

    settings = {name: str(value) for name, value in settings.items()}
    if target.is_embedded:
        settings['max_memory_usage'] = str(target.memory * 2**20 // OF_QUERY)
        settings['max_threads_min_free_memory_per_thread'] = str(OF_THREAD)
        return clickhouse_connect.get_client(
            dsn=f'chdb://{target.directory}',
            database=database,
            settings=settings,
            chdb_options=_engine_options(target.memory * 2**20),
        )
    if target.cluster:  # nodes that are late execute the statement later; the result lists them
        waiting = max(1, target.server['send_receive_timeout'] - 5)
        settings['distributed_ddl_task_timeout'] = str(waiting)
    return clickhouse_connect.get_client(
        **target.server,
        database=database or '__default__',
        settings=settings,
        autogenerate_session_id=False,
        client_name='chronologer',
        query_retries=0,
    )


def _engine_options(memory: int) -> dict[str, int]:
    """Return the options with which the engine in this process starts: its memory and caches."""
    caches = {f'{cache}_size': memory // part for cache, part in CACHES.items()}
    return {'max_server_memory_usage': memory, **caches}


def _patiently(ask: Callable[[], Any]) -> Any:
    """Retry what a replica refuses only for a short time."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    for pause in PAUSES:
        try:
            return ask()
        except ClickHouseError as ex:
            if code_of(ex) not in NOT_YET:
                raise
        time.sleep(pause * random.uniform(0.5, 1))
    return ask()


@contextmanager
def translated(target: Target, query_timeout: float) -> Iterator[None]:
    """Raise exceptions of the client as those of `chronologer.errors`."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as ex:
        code = code_of(ex)
        if code in TIMED_OUT:
            raise QueryTimeoutError(query_timeout) from ex
        if code in (NO_DATABASE, NO_TABLE):
            check_applied(RECORDS / 'clickhouse', ())  # raises the error
        if code in TOO_DEEP:
            raise InputError('query: nested too deeply for ClickHouse') from ex
        if target.is_embedded and LOCKED in str(ex):
            why = (
                'it cannot be opened: another process has it open, and chDB allows only one; or it '
                'cannot be written; or a part is broken, which chDB reports on standard error'
            )
            raise StorageBusyError(f'chDB directory {target.directory!r}: {why}') from ex
        raise _error_class(ex, code)(f'ClickHouse: {_summary(ex)}') from ex


def code_of(ex: BaseException | None) -> int | None:
    """Return the code of ClickHouse's error, if the server has sent one."""
    found = CODE.search(str(ex))
    return int(found[1]) if found else None


def _error_class(ex: Exception, code: int | None) -> type[StorageError]:
    if code in FULL or FULL_DISK.search(str(ex)):
        return DiskFullError
    # An error without a code is not from the server: there was no connection.
    return StorageBusyError if code in BUSY or code is None else StorageError


def _summary(ex: Exception) -> str:
    """Return the first line of the server's message, or why there was no answer."""
    reason = getattr(ex.__cause__, 'reason', None)  # urllib3's
    text = str(ex) if reason is None else str(reason).rpartition('): ')[2]
    return text.partition('\n')[0][:500]


def bind(sql: str, parameters: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Replace each ``?`` by a name and a type."""
    pieces = sql.split('?')
    if len(pieces) != len(parameters) + 1:
        raise ValueError(f'{len(parameters)} parameters for {sql}')
    bound = {f'p{number}': value for number, value in enumerate(parameters)}
    places = [f'{{p{number}:{_type(value)}}}' for number, value in enumerate(parameters)]
    text = pieces[0] + ''.join(
        place + piece for place, piece in zip(places, pieces[1:], strict=True)
    )
    return text, bound


def _type(value: Any) -> str:
    if isinstance(value, int):
        return 'Int64' if value < 2**63 else 'UInt64'
    if isinstance(value, float):
        return 'Float64'
    if isinstance(value, str):
        return 'String'
    if isinstance(value, tuple):
        return f'Tuple({", ".join(map(_type, value))})'
    if isinstance(value, list):
        return f'Array({_type(value[0])})'
    raise TypeError(f'{type(value).__name__} is no parameter')
