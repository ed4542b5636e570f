"""
Leases: tasks that one process at a time may run, such as a purge.

The process that has acquired a lease owns it until it expires, and renews it before that while it
works. If the process dies, another one can acquire the lease after the expiry. Times are
microseconds since the epoch, by the clock of the caller. A lease should last much longer than
clocks of machines may differ.

If an owner renews its lease in the transaction that stores its results, it stores nothing after
another process has acquired the lease, whatever the clocks are.
"""

import os
import socket
from secrets import token_hex

from sqlalchemy import Row, delete, select, update

from chronologer.errors import LeaseError
from chronologer.metastore import Connection
from chronologer.metastore.tables import insert_missing, lease
from chronologer.model import instant


def new_owner() -> str:
    """Return a unique name for an owner in this process."""
    return f'{socket.gethostname()[:150]}:{os.getpid()}:{token_hex(4)}'


def acquire(db: Connection, name: str, owner: str, now: int, expiry: int) -> None:
    """
    Make *owner* the owner of a lease until *expiry*; it may own the lease already.

    Raises:
        LeaseError: Another process owns it; has the owner and the expiry.
    """
    if insert_missing(db, lease, name=name, owner=owner, expiry=expiry):
        return
    row = _lock(db, name)
    assert row is not None
    if row.owner != owner and row.expiry > now:
        raise LeaseError(name, row.owner, instant(row.expiry))
    db.execute(update(lease).where(lease.c.name == name).values(owner=owner, expiry=expiry))


def renew(db: Connection, name: str, owner: str, expiry: int) -> None:
    """
    Extend a lease to *expiry*; it may have expired if no other process has acquired it since.

    Raises:
        LeaseError: Another process owns it, or has owned it since.
    """
    row = _lock(db, name)
    if row is None or row.owner != owner:
        raise LeaseError(name, *((row.owner, instant(row.expiry)) if row else ()))
    db.execute(update(lease).where(lease.c.name == name).values(expiry=expiry))


def release(db: Connection, name: str, owner: str) -> None:
    """Release a lease if *owner* still owns it."""
    db.execute(delete(lease).where(lease.c.name == name, lease.c.owner == owner))


def _lock(db: Connection, name: str) -> Row[tuple[str, str, int]] | None:
    """Read a lease and lock it until the transaction ends."""
    row = select(lease).where(lease.c.name == name).with_for_update()
    return db.execute(row).one_or_none()
