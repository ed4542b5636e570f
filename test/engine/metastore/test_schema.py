"""The schema: the same on all dialects; created, checked, and rejected when unknown."""

import subprocess
import sys
import textwrap

import pytest
from sqlalchemy import inspect, text
from yoyo import read_migrations

from chronologer.errors import SchemaError
from chronologer.metastore import open_metastore, saved, schema
from chronologer.metastore.secret import session_secret
from chronologer.metastore.tables import ExactText, metadata
from test.engine.metastore.conftest import ONCE


def test_the_tables_are_those_of_the_description(metastore):
    """Names and order of columns, types, lengths, nullability and keys equal the description."""

    def reflected(db):
        inspector = inspect(db)
        names = {name for name in inspector.get_table_names() if not name.startswith(('_', 'yoyo'))}
        return {
            name: (inspector.get_columns(name), inspector.get_pk_constraint(name)) for name in names
        }

    def stored(type):
        return type.impl if isinstance(type, ExactText) else type

    tables = metastore.read(reflected)
    assert set(metadata.tables) == set(tables)
    for name, table in metadata.tables.items():
        columns, key = tables[name]
        expected = [(c.name, stored(c.type).python_type, c.nullable) for c in table.columns]
        assert expected == [(c['name'], c['type'].python_type, c['nullable']) for c in columns]
        assert [column.name for column in table.primary_key] == key['constrained_columns']
        for ours, theirs in zip(table.columns, columns, strict=True):
            if length := getattr(theirs['type'], 'length', None):
                assert length == stored(ours.type).length


def test_columns_have_the_lengths_of_the_description(mysql, mariadb):
    """Columns have these lengths on dialects that have lengths."""
    for server in (mysql, mariadb):
        with open_metastore(server.empty_dsn()) as metastore:
            metastore.migrate()
            columns = metastore.read(lambda db: inspect(db).get_columns('lease'))
            assert [200, 200] == [column['type'].length for column in columns[:2]]


def test_check_requires_a_schema(empty_dsn):
    """The message says what to do, and nothing is created."""
    with open_metastore(empty_dsn()) as metastore:
        for _ in range(2):
            with pytest.raises(SchemaError, match='not been created yet: run "migrate"'):
                metastore.check()


def test_migrating_again_changes_nothing(metastore):
    """A deployment may migrate at each start."""
    metastore.write(lambda db: saved.save(db, 'a', 'x'))
    metastore.migrate()
    metastore.check()
    assert {'a': 'x'} == metastore.read(saved.searches)


def test_a_newer_schema_is_refused(metastore):
    """A later version has migrated it, and its rows might be misread."""
    metastore.write(
        lambda db: db.execute(
            text(
                f'INSERT INTO {schema.TABLE} (migration_hash, migration_id, applied_at_utc)'
                " VALUES ('x', '20991231_01_future', '2037-01-01')"
            )
        )
    )
    with pytest.raises(SchemaError, match=r'newer .* 20991231_01_future'):
        metastore.check()


def test_an_older_schema_is_refused_and_migrated(metastore):
    """The check reports a missing migration, and migrating applies it."""
    metastore.write(lambda db: db.execute(text('DROP TABLE lease')))
    metastore.write(lambda db: db.execute(text(f'DELETE FROM {schema.TABLE}')))
    with pytest.raises(SchemaError, match='migrate'):
        metastore.check()
    metastore.migrate()
    metastore.check()


def test_migrations_can_be_rolled_back_and_applied_again(metastore):
    """Apply all, roll back all, apply again."""
    with metastore._dialect.backend() as backend:
        migrations = read_migrations(str(schema.DIRECTORY))
        backend.rollback_migrations(backend.to_rollback(migrations))
    assert not metastore.read(lambda db: inspect(db).has_table('saved'))
    with pytest.raises(SchemaError, match='migrate'):
        metastore.check()
    metastore.migrate()
    metastore.check()


@ONCE
def test_concurrent_migrations_agree(empty_dsn):
    """Several servers may be started with "serve -m"."""
    dsn = empty_dsn()
    code = f"""
        import sys
        from chronologer.metastore import open_metastore
        with open_metastore('{dsn}') as metastore:
            print('ready', flush=True)
            sys.stdin.read()
            metastore.migrate()
            metastore.check()
    """
    command = [sys.executable, '-c', textwrap.dedent(code)]
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert b'ready\n' == process.stdout.readline()
    for process in processes:
        process.stdin.close()
    for process in processes:
        assert 0 == process.wait()
        process.stdout.close()


def test_tables_of_unreleased_versions_are_kept(mysql, mariadb):
    """On MySQL, saved searches and the secret that are already in the database are kept."""
    for server in (mysql, mariadb):
        dsn = server.empty_dsn()
        for statement in (
            'CREATE TABLE secret (only TINYINT PRIMARY KEY, value BINARY(32) NOT NULL)',
            'CREATE TABLE saved (name VARBINARY(800) PRIMARY KEY, state TEXT NOT NULL)',
            "INSERT INTO secret VALUES (1, REPEAT('x', 32))",
            "INSERT INTO saved VALUES ('ä', 'q=1')",
        ):
            connection = server.connect()
            connection.select_db(dsn.rpartition('/')[2])
            connection.cursor().execute(statement)
            connection.close()
        with open_metastore(dsn) as metastore:
            metastore.migrate()
            assert {'ä': 'q=1'} == metastore.read(saved.searches)
            assert b'x' * 32 == session_secret(metastore)
