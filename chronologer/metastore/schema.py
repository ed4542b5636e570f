"""
The schema of the metastore: ``chronologer/migration/metastore``, the same for all dialects.

A migration has ``$name`` in place of a column's type, which is replaced by a type of the dialect.
yoyo's tables have their own names, because the database may be that of the records.
"""

from collections.abc import Iterable, Mapping
from string import Template
from typing import Any, ClassVar

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from chronologer.metastore.dialect import Dialect
from chronologer.storage.schema import MIGRATIONS, apply_migrations, check_applied

DIRECTORY = MIGRATIONS / 'metastore'
TABLE = '_metastore_migration'

_migration = Table(TABLE, MetaData(), Column('migration_id', String))


def migrate(dialect: Dialect) -> None:
    """
    Apply the missing migrations.

    Raises:
        SchemaError: Another migration is running, or one has failed before its end.
    """
    backend = dialect.backend()
    backend.init_database()
    apply_migrations(DIRECTORY, backend)


def applied(db: Connection) -> list[str]:
    """Return the migrations that were applied to the database."""
    if not inspect(db).has_table(TABLE):
        return []
    return list(db.execute(select(_migration.c.migration_id)).scalars())


def check(applied: Iterable[str]) -> None:
    """
    Compare the applied migrations with those of this version.

    Raises:
        SchemaError: They differ; the message says whether the schema is older or newer, and what to
            do.
    """
    check_applied(DIRECTORY, applied)


class TypedBackend:
    """A backend for yoyo that fills in the dialect's column types."""

    log_table = '_metastore_log'
    version_table = '_metastore_version'
    types: ClassVar[Mapping[str, str]]

    def cursor(self) -> 'TypedCursor':
        return TypedCursor(super().cursor(), self.types)  # type: ignore[misc]


class TypedCursor:
    """A cursor of the driver that fills in column types."""

    def __init__(self, cursor: Any, types: Mapping[str, str]):
        self._cursor, self._types = cursor, types

    def execute(self, statement: str, *parameters: Any) -> Any:
        return self._cursor.execute(Template(statement).safe_substitute(self._types), *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
