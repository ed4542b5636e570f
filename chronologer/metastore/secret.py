"""The secret that signs the cookies of sessions."""

import secrets

from sqlalchemy import select

from chronologer.metastore import Connection, Metastore
from chronologer.metastore.tables import insert_missing, secret

SIZE = 32  # bytes


def session_secret(metastore: Metastore) -> bytes:
    """Return 32 random bytes; the first process that needs them creates and stores them."""
    return metastore.read(_read) or metastore.write(_make)


def _read(db: Connection) -> bytes | None:
    value = db.execute(select(secret.c.value)).scalar()
    return None if value is None else bytes(value)


def _make(db: Connection) -> bytes:
    """Insert the secret, then read it, because another process may have inserted one first."""
    insert_missing(db, secret, only=1, value=secrets.token_bytes(SIZE))
    value = _read(db)
    assert value is not None
    return value
