"""
Statements to ClickHouse, the same over HTTP and to the engine in this process.

A parameter is ``?``, as in all of our SQL, and is bound by the server with a type; no value is ever
part of a statement.
"""

import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
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
from chronologer.storage.schema import check_applied

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

# What an expression within our limits may take.
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
# Parts of the memory of the engine in this process: what one question or insert may take, and what
# caches may, some of which would otherwise be 5 GB.
QUESTION = 2
OF_THREAD = 2**26  # bytes to be free for each thread; with ClickHouse's 1 GiB there is but one
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
# Tables by which processes agree. On a cluster they are written one insert after the other and read
# with all of them, or not at all: these errors end by themselves, sooner than a sender tries again.
AGREED = {'node', 'retry'}
IN_TURN = {'insert_quorum_parallel': 0}
NOT_YET = {286, 289}  # another insert is not done, or this replica does not have the last one
PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # seconds, at most


class Rows:
    """An answer; read as those of other drivers."""

    def __init__(self, rows: Sequence[Any]):
        self._rows = rows

    def fetchall(self) -> list[Any]:
        """All rows, each a tuple."""
        return list(self._rows)

    def fetchone(self) -> Any:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


class Connection:
    """One client, for one thread at a time."""

    def __init__(self, client: Any):
        self._client = client

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Ask a question."""
        text, bound = bind(sql, parameters)
        result = _patiently(lambda: self._client.query(text, parameters=bound or None))
        return Rows(result.result_rows)

    def command(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement that has no answer."""
        text, bound = bind(sql, parameters)
        self._client.raw_query(text, parameters=bound or None)  # `command` has them in the URL

    def native(self, sql: str) -> bytes:
        """Ask a question whose answer, in the format Native, is not for us."""
        answer: bytes = self._client.raw_query(sql, fmt='Native')
        return answer

    def insert(self, table: str, columns: Sequence[str], rows: bytes) -> None:
        """Insert *rows*, each an array in JSON, in lines."""
        settings = {**INSERTING, **IN_TURN} if table in AGREED else INSERTING
        # An iterator cannot be sent again: the driver would do so if the answer was lost.
        _patiently(
            lambda: self._client.raw_insert(
                table, columns, iter([rows]), fmt=FORMAT, settings=settings
            )
        )

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()


class Pool:
    """Connections to one database, as many as are in use at a time."""

    def __init__(self, target: Target, settings: dict[str, Any]):
        self._target, self._settings = target, {**LIMITS, **settings}
        self._idle: deque[Connection] = deque()
        # chDB starts its engine with the first; a server that does not answer delays each but once.
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
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()


def open_client(target: Target, database: str | None, settings: dict[str, Any]) -> Any:
    """
    A client of clickhouse-connect; *database* None is that of the server.

    Raises:
        ConfigurationError: What it needs is not installed.
    """
    modules = ('chdb', 'clickhouse_connect') if target.is_embedded else ('clickhouse_connect',)
    for module in modules:
        try:
            import_module(module)
        except ImportError as ex:
            wanted = "pip install 'chronologer[clickhouse]'"
            raise ConfigurationError(f'{module} is not installed: {wanted} ({ex})') from ex
    import clickhouse_connect

    settings = {name: str(value) for name, value in settings.items()}
    if target.is_embedded:
        settings['max_memory_usage'] = str(target.memory * 2**20 // QUESTION)
        settings['max_threads_min_free_memory_per_thread'] = str(OF_THREAD)
        return clickhouse_connect.get_client(
            dsn=f'chdb://{target.directory}',
            database=database,
            settings=settings,
            chdb_options=_engine_options(target.memory * 2**20),
        )
    if target.cluster:  # what nodes do not do in time, they do later; we shall be told which
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
    """Of the engine in this process, when it starts: bytes for all that it does, and of caches."""
    caches = {f'{cache}_size': memory // part for cache, part in CACHES.items()}
    return {'max_server_memory_usage': memory, **caches}


def _patiently(ask: Callable[[], Any]) -> Any:
    """Try again what a replica refuses because it will be able to in a moment."""
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
    """The client's exceptions as ours."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as ex:
        code = code_of(ex)
        if code in TIMED_OUT:
            raise QueryTimeoutError(query_timeout) from ex
        if code in (NO_DATABASE, NO_TABLE):
            check_applied('clickhouse', ())  # says so
        if code in TOO_DEEP:
            raise InputError('query: nested too deeply for ClickHouse') from ex
        if target.is_embedded and LOCKED in str(ex):
            wanted = 'another process has it open, and chDB allows one; or it cannot be written'
            raise StorageBusyError(f'chDB directory {target.directory!r}: {wanted}') from ex
        raise _error_class(ex, code)(f'ClickHouse: {_first_line(ex)}') from ex


def code_of(ex: BaseException | None) -> int | None:
    """The code of ClickHouse's error, if the server has sent one."""
    found = CODE.search(str(ex))
    return int(found[1]) if found else None


def _error_class(ex: Exception, code: int | None) -> type[StorageError]:
    if code in FULL or FULL_DISK.search(str(ex)):
        return DiskFullError
    # Without a code it has not come from the server: there was no connection.
    return StorageBusyError if code in BUSY or code is None else StorageError


def _first_line(ex: Exception) -> str:
    return str(ex).partition('\n')[0][:500]


def bind(sql: str, parameters: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Put names and types in place of each ``?``."""
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
