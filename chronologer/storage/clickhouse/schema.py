"""
The schema of ClickHouse, for which yoyo has no backend; what it promises holds here too.

``chronologer/migration/clickhouse`` has the files, applied in the order of their names and recorded
in the database; one that is unknown, because it is of a later version, is refused.
ClickHouse has no transactions, so that each statement may be repeated: a migration is recorded when
all of its statements have been executed.
"""

import runpy
import secrets
import time
from pathlib import Path
from string import Template
from typing import Any

from chronologer.storage.clickhouse.connection import Connection, open_client
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.saved import SECRET_SIZE
from chronologer.storage.schema import MIGRATIONS, check_applied

ENGINE = 'clickhouse'
APPLIED = 'SELECT DISTINCT id FROM migration ORDER BY id'
WAITING = 300  # seconds for a statement that the nodes of a cluster execute
# Of a shard's own part, and of what is the same on every node; macros are those of the servers.
REPLICATED = "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
EVERYWHERE = 'Replicated'


def local_table(target: Target) -> str:
    """The table that has a shard's records."""
    return 'record_local' if target.cluster else 'record'


def statements(target: Target, migration: Path) -> list[str]:
    """What a migration executes."""
    module = runpy.run_path(str(migration))
    texts = [*module['STATEMENTS'], *(module['ON_CLUSTER'] if target.cluster else ())]
    return [fill(target, text) for text in texts]


def fill(target: Target, text: str) -> str:
    """Put the names that depend on a cluster into a statement."""
    return Template(text).substitute(
        cluster=target.cluster,
        local=local_table(target),
        on=f'ON CLUSTER {target.cluster}' if target.cluster else '',
        sharded=REPLICATED if target.cluster else 'MergeTree',
        everywhere=EVERYWHERE if target.cluster else '',
    )


def migrate(target: Target) -> None:
    """
    Create the database and its tables, or bring them up to date.

    Raises:
        SchemaError: The schema is newer than this version.
    """
    settings = {'distributed_ddl_task_timeout': WAITING, 'mutations_sync': 2}
    db = Connection(open_client(target, None, settings))
    try:
        db.command(fill(target, f'CREATE DATABASE IF NOT EXISTS {target.database} $on'))
    finally:
        db.close()
    db = Connection(open_client(target, target.database, settings))
    try:
        _migrate(target, db)
    finally:
        db.close()


def _migrate(target: Target, db: Connection) -> None:
    db.command(
        fill(
            target,
            """
            CREATE TABLE IF NOT EXISTS migration $on (id String, applied Int64)
            ENGINE = ${everywhere}MergeTree
            ORDER BY id
            """,
        )
    )
    applied = {id for (id,) in db.execute(APPLIED)}
    files = sorted((MIGRATIONS / ENGINE).glob('*.py'))
    check_applied(ENGINE, applied | {file.stem for file in files})  # none that is unknown
    for file in files:
        if file.stem not in applied:
            for statement in statements(target, file):
                db.command(statement)
            db.command('INSERT INTO migration VALUES (?, ?)', (file.stem, int(time.time())))
    _set_retention(target, db)
    _make_secret(db)


def _set_retention(target: Target, db: Connection) -> None:
    table = local_table(target)
    ((engine,),) = db.execute(
        'SELECT engine_full FROM system.tables WHERE database = ? AND name = ?',
        (target.database, table),
    )
    if target.retention:
        ttl = f'MODIFY TTL day + toIntervalDay({target.retention})'
    elif ' TTL ' in engine:
        ttl = 'REMOVE TTL'
    else:
        return
    db.command(fill(target, f'ALTER TABLE {table} $on {ttl}'))


def _make_secret(db: Connection) -> None:
    """Here, where few are at work, because there is nothing to decide who is the first."""
    if db.execute('SELECT 1 FROM secret LIMIT 1').fetchone() is None:
        value = secrets.token_bytes(SECRET_SIZE).hex()
        db.command('INSERT INTO secret VALUES (?, ?)', (value, int(time.time())))


def check(db: Any) -> None:
    """
    Compare the schema with that of this version.

    Raises:
        SchemaError: They differ; says in which direction, and what to do.
    """
    check_applied(ENGINE, [id for (id,) in db.execute(APPLIED)])
