"""Migrations, and the retention that they set."""

import threading
from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import SchemaError
from chronologer.model import Filter
from chronologer.storage import create_storage
from test.engine.clickhouse.conftest import spread

DAY = timedelta(days=1)


def test_retention_is_by_whole_days(chdb_dsn):
    """Records to be deleted are already hidden; the retention can be removed again."""
    today = datetime.now(timezone.utc).replace(hour=12)
    with create_storage(f'{chdb_dsn}&retention=3') as storage:
        storage.migrate()
        storage.insert([spread(6, today - 5 * DAY)])  # the last three days are complete
        kept = list(storage.range(Filter(), 0, 99))
        assert 3 == len(kept) == storage.count(Filter())
        assert kept == list(storage.page(Filter(), None, 99))
        assert 3 == len(list(storage.since(0, Filter(), 99)))
        assert 3 == sum(n for *_, n in storage.timeline(Filter(), DAY))
        with storage._write() as db:
            db.command('OPTIMIZE TABLE record FINAL')
            assert 3 == db.execute('SELECT count() FROM record').fetchone()[0]
        assert ' TTL ' in engine(storage)
    with create_storage(chdb_dsn) as storage:
        storage.migrate()
        assert ' TTL ' not in engine(storage)
        storage.insert([spread(6, today - 50 * DAY)])
        assert 9 == storage.count(Filter())


def engine(storage):
    with storage._database.read() as db:
        of_table = "SELECT engine_full FROM system.tables WHERE name = 'record' AND database = ?"
        return db.execute(of_table, (storage._target.database,)).fetchone()[0]


def test_newer_schema_is_refused(embedded):
    """A later version has migrated it, and its rows might be misread."""
    with embedded._write() as db:
        db.command('INSERT INTO migration VALUES (?, ?)', ('20991231_01_future', 0))
    for refused in (embedded.check, embedded.migrate):
        with pytest.raises(SchemaError, match=r'newer .* 20991231_01_future'):
            refused()


def test_a_missing_database_is_an_error(chdb_dsn):
    """The message of any query says what to do."""
    with create_storage(chdb_dsn) as storage:
        for access in (storage.check, lambda: storage.count(Filter())):
            with pytest.raises(SchemaError, match='has not been created yet: run "migrate"'):
                access()


def test_concurrent_migrations_agree(processes):
    """Each statement may be repeated."""
    threads = [threading.Thread(target=storage.migrate) for storage in processes * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for storage in processes:
        storage.check()
