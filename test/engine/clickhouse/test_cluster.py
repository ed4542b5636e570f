"""
ClickHouse on a cluster: the statements that are sent, and the answers of two shards.

The cluster is `test.servers.clickhouse_cluster`; its docstring describes which parts of it are
ClickHouse.
"""

import itertools
import json
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from bench.corpus import make_records
from chronologer.errors import ConfigurationError, StorageBusyError
from chronologer.model import Filter
from chronologer.query.parser import parse_field, parse_query
from chronologer.search import parse_search
from chronologer.storage import BatchKey, Recalled, create_storage
from chronologer.storage.clickhouse import connection, ids, insertion, schema
from chronologer.storage.clickhouse.dsn import parse_dsn
from test.servers.clickhouse_cluster import Cluster

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
MIDDLE = START + DAY + timedelta(hours=7, minutes=3, seconds=1)
RECORDS = list(make_records(1500, duration=3 * DAY))
KEY = BatchKey(b'o' * 16, '0', b'd' * 16)
EVERYWHERE = {'field', 'migration', 'node', 'restored', 'retry'}
MIGRATION = schema.DIRECTORY / '20261122_01_record.py'
# chDB creates replicated tables with the Keeper of ClickHouse's tests; they are not used.
REPLICATED = """
import json, os, sys
from pathlib import Path

import chdb
from test.servers.clickhouse_cluster import ON_CLUSTER, configuration

keeper = '<zookeeper><implementation>testkeeper</implementation></zookeeper>'
path = configuration(Path(sys.argv[1]), keeper)
db = chdb.connect(f'{sys.argv[1]}/data?config-file={path}')
db.query('CREATE DATABASE logs')
db.query('USE logs')
for statement in json.load(sys.stdin):
    db.query(ON_CLUSTER.sub(b'', statement.encode()).decode())
query = 'SELECT table, zookeeper_path, replica_name FROM system.replicas'
print(db.query(query, 'TSV'), flush=True)
os._exit(0)  # it waits for Keeper
"""


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    """Stored records can be followed immediately, and pauses for lagging replicas are short."""
    monkeypatch.setattr(insertion, 'LAG', -1)
    monkeypatch.setattr(connection, 'PAUSES', (0.001,) * 3)


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """A node that has two shards."""
    server = Cluster(tmp_path_factory.mktemp('cluster'))
    yield server
    server.stop()


@pytest.fixture
def make(server):
    """A function that returns an empty, migrated storage."""
    storages = []

    def make(options, name=''):
        storages.append(create_storage(f'{server.empty_dsn(name)}?{options}'))
        storages[-1].migrate()
        return storages[-1]

    yield make
    server.clear_faults()
    for storage in storages:
        storage.close()


@pytest.fixture
def cluster(make):
    """An empty, migrated storage of two shards."""
    return make('cluster=two')


@pytest.fixture(scope='module')
def stores(server):
    """Two storages with the same records and ids: on two shards, and in one table."""
    with (
        create_storage(f'{server.empty_dsn()}?cluster=two') as cluster,
        create_storage(server.empty_dsn()) as single,
    ):
        for storage in (cluster, single):
            storage.migrate()
        fill(cluster)
        columns = 'id, ts, level, name, message, data, meta, error, rest, text'
        source = f'SELECT {columns} FROM {name_of(cluster)}.record'
        server.execute(f'INSERT INTO {name_of(single)}.record ({columns}) {source}')
        yield cluster, single


def name_of(storage):
    return storage._target.database


def fill(storage):
    """Insert records of three days in fifteen batches; each batch has another time slot of ids."""
    with storage._write() as db:
        slots = itertools.count(1)
        storage._insertion._ready(db)._now = lambda: ids.EPOCH + next(slots) / ids.SLOTS_A_SECOND
    for first in range(0, len(RECORDS), 100):
        storage.insert([RECORDS[first : first + 100]])


def statements_of(server, storage):
    """Return the statements that a storage has sent, without those of its driver."""
    return [text for text, _ in server.statements(name_of(storage)) if 'system.' not in text]


def use_everything(storage):
    """Call everything that changes records or tables."""
    storage.migrate()
    fill(storage)
    storage.insert([RECORDS[:1]], [KEY])
    with storage._write() as db:
        storage._insertion._remove(db, [(0, 1)])
    storage.purge(START + DAY, Filter())  # deletes whole days
    storage.purge(START + 3 * DAY, Filter(level=50))


# Statements


def test_clickhouse_parses_each_statement(server, make):
    """ClickHouse parses each statement for a cluster, also those that cannot be executed here."""
    storage = make('cluster=two&retention=9000')
    use_everything(storage)
    statements = {text for text in statements_of(server, storage) if 'INSERT' not in text}
    kinds = {
        re.match(r'\s*(?:ALTER TABLE \S+ ON CLUSTER \S+ )?(\w+)', text)[1] for text in statements
    }
    assert {'CREATE', 'DELETE', 'DROP', 'MODIFY', 'SELECT'} <= kinds
    for text in statements:
        quoted = text.replace('\\', '\\\\').replace("'", "\\'")
        assert server.execute(f"SELECT formatQuery('{quoted}')")


def test_each_change_of_tables_is_for_all_nodes(server, make):
    """Each change of tables is ON CLUSTER; each change of records is of the shards' tables."""
    storage = make('cluster=two&retention=9000')
    use_everything(storage)
    changes = [
        text
        for text in statements_of(server, storage)
        if re.match(r'\s*(ALTER|CREATE|DROP|TRUNCATE)\b', text)
    ]
    assert [] == [text for text in changes if " ON CLUSTER 'two'" not in text]
    altered = {match[1] for text in changes if (match := re.match(r'\s*ALTER TABLE (\w+)', text))}
    assert {'record_local'} == altered


def test_tables_are_of_a_shard_or_of_all_nodes(tmp_path):
    """Keeper has a path per shard for the records, and one path for all nodes for other tables."""
    target = parse_dsn('clickhouse://localhost/logs?cluster=two')
    texts = schema.statements(target, MIGRATION)[:-1]
    result = subprocess.run(
        [sys.executable, '-c', REPLICATED, tmp_path],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {
        ('record_local', '/clickhouse/tables/01/logs/record_local', 'first'),
        *(
            (name, f'/clickhouse/tables/everywhere/logs/{name}', '01-first')
            for name in EVERYWHERE - {'migration'}
        ),
    }
    assert expected == {tuple(line.split('\t')) for line in result.stdout.split('\n') if line}


def test_quorum_of_inserts(server, cluster):
    """Inserts wait for most replicas; those of ids and keys are sequential, of records parallel."""
    cluster.insert([RECORDS[:2]], [KEY])
    settings = {
        match[1]: settings
        for text, settings in server.statements(name_of(cluster))
        if (match := re.match(r'INSERT INTO `?(\w+)', text))
    }
    assert {'auto'} == {settings[table]['insert_quorum'] for table in settings}
    expected = {'node': '0', 'retry': '0', 'record': '1', 'field': '1'}
    assert expected == {table: settings[table]['insert_quorum_parallel'] for table in expected}
    assert '1' == settings['record']['distributed_foreground_insert']


def test_lagging_replicas_are_not_followed(server, cluster):
    """Followers and retries need current replicas; other queries may use a lagging replica."""
    cluster.insert([RECORDS[:2]], [KEY])
    cluster.count(Filter())
    list(cluster.since(0, Filter(), 9))
    name = 'fallback_to_stale_replicas_for_distributed_queries'
    queries = [text for text, _ in server.statements(name_of(cluster)) if 'FROM record' in text]
    assert 1 == sum('WHERE id > ' in text and f'{name} = 0' in text for text in queries)
    maxima = {
        (
            re.sub(r'\s+', ' ', text).partition(' FORMAT')[0].partition(' WHERE')[0],
            settings.get(name),
        )
        for text, settings in server.statements(name_of(cluster))
        if re.match(r'SELECT (max|count)', text)
    }
    assert {('SELECT max(id) FROM record', '0'), ('SELECT count() FROM record', '1')} == maxima


def test_nodes_that_were_added_get_the_tables(server, cluster):
    """On a cluster, a migration without new steps creates missing tables."""
    server.execute(f'DROP TABLE {name_of(cluster)}.node')
    cluster.migrate()
    assert '1\n' == server.execute(f'EXISTS TABLE {name_of(cluster)}.node')
    assert '1\n' == server.execute(f'SELECT count() FROM {name_of(cluster)}.migration')


@pytest.mark.parametrize('name', ["two'", 'two;', 'two three', '{shard'])
def test_name_of_a_cluster_is_checked(name):
    """The name becomes a part of statements."""
    with pytest.raises(ConfigurationError, match='cluster: expected'):
        parse_dsn(f'clickhouse://localhost/logs?cluster={name}')


# Answers


@pytest.fixture(
    params={
        'all': Filter(),
        'range': Filter(after=MIDDLE, before=MIDDLE + DAY),
        'level': Filter(level=40),
        'names': Filter(names=('shop.web', 'shop.api.db')),
        'search': Filter(search=parse_search('paid -user1')),
        'phrase': Filter(search=parse_search('"order 31"')),
        'query': Filter(query=parse_query("data.order < 100000 AND meta.module = 'db'")),
        'field': Filter(query=parse_query(f"data.user = '{RECORDS[700].logrec['data']['user']}'")),
        'several': Filter(after=MIDDLE, level=30, names=('shop',), search=parse_search('mail')),
        'nobody': Filter(names=('nobody',)),
    }.items(),
    ids=lambda item: item[0],
)
def filter(request):
    """The filter of a query."""
    return request.param[1]


@pytest.mark.parametrize('minutes', [1, 15, 60, 1440])
def test_two_shards_have_the_timeline_of_one_table(stores, filter, minutes):
    """Buckets from projections and from records are the same."""
    cluster, single = stores
    step = timedelta(minutes=minutes)
    assert single.timeline(filter, step) == cluster.timeline(filter, step)


def test_two_shards_have_the_counts_of_one_table(stores, filter):
    """The counts of all records, of names, of levels and of values at a path are the same."""
    cluster, single = stores
    assert single.count(filter) == cluster.count(filter)
    for field in ('name', 'level', 'data.user', 'meta.lineno'):
        facets = [sorted(s.facet(filter, parse_field(field), 500)) for s in (single, cluster)]
        assert facets[0] == facets[1]


@pytest.mark.parametrize('left', [0, 7, 150, 1200])
def test_two_shards_have_the_ranges_of_one_table(stores, filter, left):
    """Ranges at any offset are the same, in order."""
    cluster, single = stores
    expected = list(single.range(filter, left, left + 99))
    assert expected == list(cluster.range(filter, left, left + 99))


@pytest.mark.parametrize('is_ascending', [False, True])
def test_two_shards_have_the_pages_of_one_table(stores, filter, is_ascending):
    """Pages in both directions from any record are the same."""
    cluster, single = stores
    first = list(single.page(filter, None, 100, is_ascending, whole=True))
    assert first == list(cluster.page(filter, None, 100, is_ascending, whole=True))
    for record in first[::30]:
        cursor = record.ts, record.id
        expected = list(single.page(filter, cursor, 50, is_ascending))
        assert expected == list(cluster.page(filter, cursor, 50, is_ascending))


def test_two_shards_are_followed_as_one_table(stores, filter):
    """Following by ids from each record gives the same records."""
    cluster, single = stores
    assert single.last_id() == cluster.last_id()
    last_id = 0
    for _ in range(5):
        expected = list(single.since(last_id, filter, 20))
        assert expected == list(cluster.since(last_id, filter, 20))
        last_id = expected[-1].id if expected else last_id


def test_each_record_is_read_by_id(stores):
    """A record is read from its shard by its id."""
    cluster, single = stores
    records = list(single.page(Filter(), None, 2000, ascending=True, whole=True))
    assert len(RECORDS) == len(records)
    assert records[::100] == [cluster.get(record.id) for record in records[::100]]
    assert cluster.get(records[-1].id + 1) is None
    assert {'text'} == cluster.fields()['data.user']


@pytest.mark.parametrize(
    ('projection', 'query'),
    [
        ('count_by_level', 'SELECT count() FROM record WHERE bucket BETWEEN 0 AND 9000000'),
        (
            'count_by_level',
            'SELECT bucket - positiveModulo(bucket, 4) AS start, level, count() FROM record'
            ' WHERE bucket BETWEEN 0 AND 9000000 GROUP BY start, level',
        ),
        (
            'count_by_name',
            'SELECT name, count() FROM record WHERE bucket BETWEEN 0 AND 9000000 GROUP BY name',
        ),
    ],
)
def test_shards_count_by_projections(server, make, projection, query):
    """Shards use the projections of their tables; a row policy would require the records."""
    storage = make('cluster=two', f'whole_{projection}_{len(query)}')
    fill(storage)
    table = f'FROM {name_of(storage)}.record'
    plan = server.execute(f'EXPLAIN {query.replace("FROM record", table)}')
    assert 2 == plan.count(f'ReadFromMergeTree ({projection})')


# Changes


def test_records_go_to_the_shards_by_slots_of_time(server, cluster):
    """A batch is stored on one shard; the batches of one process are spread over both."""
    fill(cluster)
    shards = server.execute(
        f"""
        SELECT intDiv(id, {ids.MAX_BATCH}) AS slot, groupUniqArray(shardNum()), count()
        FROM {name_of(cluster)}.record GROUP BY slot
        """
    )
    rows = [line.split('\t')[1:] for line in shards.splitlines()]
    assert {('[1]', '100'), ('[2]', '100')} == set(map(tuple, rows))
    assert 15 == len(rows)


def test_the_sharding_key_determines_the_shard(server, make):
    """ClickHouse sends a record to the shard of its key, or queues it while the shard is absent."""
    name = name_of(make('cluster=away'))
    server.execute(
        f"""
        INSERT INTO {name}.record (id, ts, level, name, message)
        SETTINGS distributed_foreground_insert = 0
        SELECT bitShiftLeft(number, {ids.SLOT_BITS}) + 1, number, 20, 'app', '' FROM numbers(100)
        """
    )
    server.execute(f'SYSTEM STOP DISTRIBUTED SENDS {name}.record')
    there = server.execute(f'SELECT id FROM {name}.record_local ORDER BY id')
    expected = server.execute(
        f"""
        SELECT bitShiftLeft(number, {ids.SLOT_BITS}) + 1 AS id FROM numbers(100)
        WHERE intHash64(intDiv(id, {ids.MAX_BATCH})) % 2 = 0 ORDER BY id
        """
    )
    assert expected == there
    assert 30 < len(there.splitlines()) < 70


@pytest.mark.parametrize(
    ('before', 'filter'),
    [
        (START + DAY, Filter()),
        (MIDDLE, Filter()),
        (MIDDLE, Filter(level=40)),
        (START + 3 * DAY, Filter(search=parse_search('paid'))),
        (START + 9 * DAY, Filter()),
    ],
)
def test_records_are_purged_from_all_shards(cluster, before, filter):
    """A purge deletes the matching records on all shards and no others."""
    fill(cluster)
    matching = cluster.count(filter.within(START, before - timedelta(microseconds=1)))
    assert matching == cluster.purge(before, filter)
    assert len(RECORDS) - matching == cluster.count(Filter())


def test_a_batch_is_stored_once(cluster):
    """A repeated batch gets its first ids, whatever shard has the records."""
    for number in range(8):
        key = BatchKey(b'o' * 16, str(number), b'd' * 16)
        (first,) = cluster.insert([RECORDS[:5]], [key])
        (second,) = cluster.insert([RECORDS[:5]], [key])
        assert first == second
        assert isinstance(second, Recalled)
    assert 40 == cluster.count(Filter())


@pytest.mark.parametrize('code', [286, 289])
def test_an_insert_retries_while_the_quorum_is_busy(server, cluster, code):
    """The code means that another insert is in progress or that the replica lacks the last one."""
    server.fault('error', 'retry', 3, code=code)
    assert 2 == len(cluster.insert([RECORDS[:2]], [KEY])[0])
    assert 0 == server.faults_left()


@pytest.mark.parametrize('code', [286, 289])
def test_an_insert_without_quorum_stores_nothing(server, cluster, code):
    """The client gets a StorageBusyError and retries."""
    server.fault('error', 'retry', 1000, code=code)
    with pytest.raises(StorageBusyError):
        cluster.insert([RECORDS[:2]], [KEY])
    server.clear_faults()
    assert 0 == cluster.count(Filter())


def test_removing_a_failed_insert_keeps_other_records(server, cluster):
    """Acknowledged records of other processes with ids between those of the insert are kept."""
    slot = 387 << ids.SLOT_BITS
    mine, other = 5 * ids.MAX_BATCH, 9 * ids.MAX_BATCH
    kept = [slot + mine - 1, slot + other, slot + (1 << ids.SLOT_BITS) + mine - 1]
    gone = [slot + mine, slot + mine + 1, slot + (1 << ids.SLOT_BITS) + mine]
    values = ', '.join(f"({id}, 0, 20, 'app', '')" for id in kept + gone)
    columns = f'{name_of(cluster)}.record_local (id, ts, level, name, message)'
    server.execute(f'INSERT INTO {columns} VALUES {values}')
    with cluster._write() as db:
        cluster._insertion._remove(db, [(gone[0], gone[1]), (gone[2], gone[2])])
    later = f'ALTER TABLE {name_of(cluster)}.record_local DELETE WHERE id = 0'
    server.execute(f'{later} SETTINGS mutations_sync = 2')  # mutations are executed in order
    assert kept == [record.id for record in cluster.page(Filter(), None, 9, ascending=True)]


def test_a_copy_resumes_after_the_last_complete_batch(server, cluster):
    """The interrupted batch is deleted from all shards first."""
    ids_of = range(1, 9 * ids.MAX_BATCH, ids.MAX_BATCH)
    values = ', '.join(f"({id}, 0, 20, 'app', '')" for id in ids_of)
    columns = f'{name_of(cluster)}.record (id, ts, level, name, message)'
    server.execute(f'INSERT INTO {columns} VALUES {values}')
    with cluster._write() as db:
        cluster._insertion._note_restore(db, ids_of[2], ids_of[-1], 6)
    assert ids_of[2] == cluster.resume_restore()
    assert 3 == cluster.count(Filter())


def test_an_interrupted_insert_is_deleted_while_a_shard_is_away(server, make):
    """The deletion is queued for all nodes, and the client does not wait for it."""
    storage = make('cluster=away')
    with storage._write() as db:
        storage._insertion._remove(db, [(1, 2)])
    (text,) = [text for text in statements_of(server, storage) if ' DELETE ' in text]
    assert "ON CLUSTER 'away'" in text
    assert 'distributed_ddl_task_timeout = 0' in text


def test_an_unavailable_shard_is_an_error(make):
    """Without one shard, nothing is stored and no query is answered."""
    storage = make('cluster=away')
    for access in (
        lambda: storage.insert([RECORDS[:2]]),
        lambda: storage.count(Filter()),
        lambda: list(storage.range(Filter(), 0, 9)),
        lambda: list(storage.since(0, Filter(), 9)),
    ):
        with pytest.raises(StorageBusyError):
            access()
    storage.check()


# Retention


def engine_of(server, storage, table):
    where = f"database = '{name_of(storage)}' AND name = '{table}'"
    return server.execute(f'SELECT engine_full FROM system.tables WHERE {where} FORMAT TSVRaw')


@pytest.mark.parametrize('options', ['cluster=two', 'cluster=', 'cluster=two&retention=9000'])
def test_a_migration_keeps_other_rules_of_a_ttl(server, make, options):
    """Rules that move records to slower disks are kept."""
    storage = make(options)
    table = 'record_local' if 'two' in options else 'record'
    rule = "day + toIntervalDay(7) TO VOLUME 'default'"
    ours = 'day + toIntervalDay(9000), ' if 'retention' in options else ''
    server.execute(f'ALTER TABLE {name_of(storage)}.{table} MODIFY TTL {ours}{rule}')
    before = engine_of(server, storage, table)
    storage.migrate()
    assert f'TTL {ours}{rule} SETTINGS' in before
    assert before == engine_of(server, storage, table)


def test_a_migration_sets_the_retention_beside_other_rules(server, make):
    """The retention replaces the previous one; if it is unchanged, the table is not altered."""
    storage = make('cluster=two&retention=8000')
    rule = "day + toIntervalDay(7) TO VOLUME 'default'"
    name = name_of(storage)
    server.execute(f'ALTER TABLE {name}.record_local MODIFY TTL day + toIntervalDay(8000), {rule}')
    target = parse_dsn(f'clickhouse://localhost/{name}?cluster=two&retention=9000')
    for _ in range(2):
        with storage._write() as db:
            schema._set_retention(target, db)
    assert f'TTL day + toIntervalDay(9000), {rule} ' in engine_of(server, storage, 'record_local')
    alters = [text for text in statements_of(server, storage) if 'toIntervalDay(9000)' in text]
    assert 1 == len(alters)


# The text index of doc/clickhouse.rst


def test_a_text_index_is_used(server, make):
    """A search reads only the granules that the index does not exclude."""
    storage = make('')
    fill(storage)
    table = f'{name_of(storage)}.record'
    server.execute(f'ALTER TABLE {table} ADD INDEX words text TYPE text(tokenizer = ngrams(3))')
    server.execute(f'ALTER TABLE {table} MATERIALIZE INDEX words SETTINGS mutations_sync = 2')
    query = f"SELECT count() FROM {table} WHERE text LIKE '%nobody wrote%'"
    plan = server.execute(f'EXPLAIN indexes = 1 {query}')
    assert 'Name: words' in plan
    assert 0 == storage.count(Filter(search=parse_search('"nobody wrote"')))
    expected = sum('paid' in record.message for record in RECORDS)
    assert expected == storage.count(Filter(search=parse_search('paid')))
