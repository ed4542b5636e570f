"""The tables of the metastore for all dialects; ``chronologer/migration`` creates them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql, sqlite

metadata = MetaData()


class ExactText(TypeDecorator[str]):
    """Text stored as bytes, so that texts are equal only if all characters are."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.encode()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode()


saved = Table(
    'saved',
    metadata,
    Column('name', ExactText(800), primary_key=True),
    Column('state', Text, nullable=False),
)

secret = Table(
    'secret',
    metadata,
    Column('only', SmallInteger, primary_key=True, autoincrement=False),  # always 1
    Column('value', LargeBinary(32), nullable=False),
)

lease = Table(
    'lease',
    metadata,
    Column('name', String(200), primary_key=True),
    Column('owner', String(200), nullable=False),
    Column('expiry', BigInteger, nullable=False),  # microseconds since the epoch
)


def insert_missing(db: Connection, table: Table, **values: Any) -> bool:
    """Insert a row unless its primary key exists; return whether it was inserted."""
    if db.dialect.name == 'mysql':
        key = table.primary_key.columns[0]
        statement: Any = mysql.insert(table).on_duplicate_key_update({key.name: key})
    else:
        statement = sqlite.insert(table).on_conflict_do_nothing()
    return db.execute(statement.values(values)).rowcount == 1
