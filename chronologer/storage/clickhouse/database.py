"""
A ClickHouse database: connections that read, write and decode.

ClickHouse has no transactions, so this is no `chronologer.storage.database.Database`; `insertion`
replaces them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chronologer.errors import QueryTimeoutError
from chronologer.storage.clickhouse import schema
from chronologer.storage.clickhouse.connection import Connection, Pool, translated
from chronologer.storage.clickhouse.dsn import Target

# No shard is left out. Replicas that are behind are queried only if there are no others; all of
# them seem to be behind while Keeper is away. Writers and followers get an error then. A listing is
# two queries, which the same replica should answer.
STRICT = 'fallback_to_stale_replicas_for_distributed_queries'
CLUSTER = {
    'max_replica_delay_for_distributed_queries': 3,  # seconds; less than insertion.LAG
    STRICT: 1,
    'skip_unavailable_shards': 0,
    'optimize_skip_unused_shards': 0,  # records stay where they are when a shard is added
    'load_balancing': 'nearest_hostname',
}
# Acknowledged records are on most replicas of their shard. `Connection` has the exceptions.
CLUSTER_WRITING = {
    'insert_quorum': 'auto',
    'insert_quorum_parallel': 1,
    'insert_quorum_timeout': 4000,  # ms; less than insertion.LAG
    'select_sequential_consistency': 1,  # for sequential inserts
    'distributed_foreground_insert': 1,
    'distributed_insert_skip_read_only_replicas': 1,
    STRICT: 0,
}


class ClickHouseDatabase:
    """Pools of connections; errors of the client are translated into ours."""

    def __init__(self, target: Target, query_timeout: float):
        self.target, self.query_timeout = target, query_timeout  # seconds
        reading: dict[str, Any] = {'max_execution_time': f'{max(query_timeout, 0.001):f}'}
        writing: dict[str, Any] = {
            'mutations_sync': 2,
            'async_insert': 0 if target.is_embedded else 1,
            'wait_for_async_insert': 1,
        }
        if target.cluster:
            reading |= CLUSTER
            writing |= {**CLUSTER, **CLUSTER_WRITING}
        self._readers = Pool(target, reading)
        self._writers = Pool(target, writing)
        self._decoders = Pool(target, {'compile_expressions': 0})  # compilation costs more time

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection whose queries have a time limit."""
        with self._lend(self._readers) as db:
            started = time.monotonic()
            yield db
        if time.monotonic() - started > self.query_timeout:
            raise QueryTimeoutError(self.query_timeout)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection that writes."""
        with self._lend(self._writers) as db:
            yield db

    @contextmanager
    def decode(self) -> Iterator[Connection]:
        """Lend a connection for statements on lines of records."""
        with self._lend(self._decoders) as db:
            yield db

    @contextmanager
    def _lend(self, pool: Pool) -> Iterator[Connection]:
        with translated(self.target, self.query_timeout), pool.connection() as db:
            yield db

    def migrate(self) -> None:
        """Create the database and its tables, or bring them up to date."""
        with translated(self.target, self.query_timeout):
            schema.migrate(self.target)

    def check(self) -> None:
        """Compare the schema with that of this version."""
        with self.read() as db:
            schema.check(db)

    def close(self) -> None:
        """Close idle connections."""
        for pool in (self._readers, self._writers, self._decoders):
            pool.close()
