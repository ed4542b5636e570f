"""
The schema of ClickHouse, for which yoyo has no backend.

As with yoyo, the files of ``chronologer/migration/records/clickhouse`` are applied in the order of
their names and recorded in the database, and a database with an unknown migration, which is of a
later version, is refused. ClickHouse has no transactions, so each statement can be repeated: a
migration is recorded when all of its statements have been executed.
"""

import re
import runpy
import time
from pathlib import Path
from string import Template
from typing import Any

from chronologer.storage.clickhouse.connection import Connection, open_client
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.schema import RECORDS, check_applied

DIRECTORY = RECORDS / 'clickhouse'
APPLIED = 'SELECT DISTINCT id FROM migration ORDER BY id'
# Paths in Keeper: of tables of a shard, and of tables that are the same on every node, for which
# ClickHouse's default path, which has the shard, is unsuitable. Macros are those of the servers.
SHARD = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
EVERYWHERE = "'/clickhouse/tables/everywhere/{database}/{table}', '{shard}-{replica}'"
TTL = re.compile(r' TTL (.+?)(?= SETTINGS |$)')
RULE = re.compile(r'(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+')  # of those of a TTL
RETENTION = re.compile(r'day \+ toIntervalDay\(\d+\)')  # the rule of the option ``retention``


def local_table(target: Target) -> str:
    """Return the table that has a shard's records."""
    return 'record_local' if target.cluster else 'record'


def statements(target: Target, migration: Path) -> list[str]:
    """Return the statements of a migration."""
    module = runpy.run_path(str(migration))
    texts = [*module['STATEMENTS'], *(module['ON_CLUSTER'] if target.cluster else ())]
    return [fill(target, text) for text in texts]


def fill(target: Target, text: str) -> str:
    """Fill the names that depend on a cluster into a statement."""
    return Template(text).substitute(
        cluster=target.cluster,
        database=target.database,
        local=local_table(target),
        on=f"ON CLUSTER '{target.cluster}'" if target.cluster else '',
        sharded=f'ReplicatedMergeTree({SHARD})' if target.cluster else 'MergeTree',
        everywhere='Replicated' if target.cluster else '',
        path=EVERYWHERE if target.cluster else '',
        path_and=f'{EVERYWHERE}, ' if target.cluster else '',
    )


def migrate(target: Target) -> None:
    """
    Create or upgrade the database and its tables.

    Raises:
        SchemaError: The schema is newer than this version.
    """
    settings: dict[str, Any] = {'mutations_sync': 2}
    if target.cluster:
        settings['insert_quorum'] = 'auto'
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
            ENGINE = ${everywhere}MergeTree($path)
            ORDER BY id
            """,
        )
    )
    applied = {id for (id,) in db.execute(APPLIED)}
    files = sorted(DIRECTORY.glob('*.py'))
    check_applied(DIRECTORY, applied | {file.stem for file in files})  # unless one is unknown
    for file in files:
        is_new = file.stem not in applied
        if is_new or target.cluster:  # new nodes of it have no tables yet
            for statement in statements(target, file):
                db.command(statement)
        if is_new:
            db.command('INSERT INTO migration VALUES (?, ?)', (file.stem, int(time.time())))
    _set_retention(target, db)


def _set_retention(target: Target, db: Connection) -> None:
    table = local_table(target)
    ((engine,),) = db.execute(
        'SELECT engine_full FROM system.tables WHERE database = ? AND name = ?',
        (target.database, table),
    )
    there = TTL.search(engine)
    rules = [rule.strip() for rule in RULE.findall(there[1])] if there else []
    wanted = [rule for rule in rules if not RETENTION.fullmatch(rule)]  # such as TO VOLUME
    if target.retention:
        wanted.insert(0, f'day + toIntervalDay({target.retention})')
    if sorted(wanted) != sorted(rules):  # the statement rewrites all parts
        ttl = f'MODIFY TTL {", ".join(wanted)}' if wanted else 'REMOVE TTL'
        db.command(fill(target, f'ALTER TABLE {table} $on {ttl}'))


def check(db: Connection) -> None:
    """
    Compare the schema with that of this version.

    Raises:
        SchemaError: They differ; the message has the difference and the remedy.
    """
    check_applied(DIRECTORY, [id for (id,) in db.execute(APPLIED)])
