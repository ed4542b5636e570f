"""Leases: one owner at a time, and another one after the expiry."""

import contextlib
import subprocess
import sys
import textwrap
import time

import pytest
from sqlalchemy import select

from chronologer.errors import LeaseError
from chronologer.metastore import lease, open_metastore, saved, tables
from chronologer.model import instant
from test.engine.metastore.conftest import ONCE, in_parallel

SECOND = 10**6  # microseconds
NOW = 1_800_000_000 * SECOND


def acquire(metastore, owner, now=0, name='purge'):
    """Acquire the lease for ten seconds; *now* is in seconds after `NOW`."""
    now = NOW + now * SECOND
    metastore.write(lambda db: lease.acquire(db, name, owner, now, now + 10 * SECOND))


def renew(metastore, owner, now, name='purge'):
    expiry = NOW + (now + 10) * SECOND
    metastore.write(lambda db: lease.renew(db, name, owner, expiry))


def release(metastore, owner, name='purge'):
    metastore.write(lambda db: lease.release(db, name, owner))


def rows(metastore):
    return sorted(map(tuple, metastore.read(lambda db: db.execute(select(tables.lease)).all())))


def test_a_lease_has_one_owner(metastore):
    """Another process gets an error with owner and expiry; other leases are not affected."""
    acquire(metastore, 'a')
    with pytest.raises(
        LeaseError, match=r"'purge' is owned by a until 2027-01-15 08:00:10"
    ) as error:
        acquire(metastore, 'b', 9)
    assert ('a', instant(NOW + 10 * SECOND)) == (error.value.owner, error.value.expiry)
    acquire(metastore, 'b', name='other')
    assert [('other', 'b', NOW + 10 * SECOND), ('purge', 'a', NOW + 10 * SECOND)] == rows(metastore)


def test_the_owner_may_acquire_a_lease_again(metastore):
    """Acquiring a lease again extends it."""
    acquire(metastore, 'a')
    acquire(metastore, 'a', 5)
    assert [('purge', 'a', NOW + 15 * SECOND)] == rows(metastore)


def test_an_expired_lease_can_be_acquired(metastore):
    """A lease can be acquired at its expiry, not earlier; its former owner cannot renew it then."""
    acquire(metastore, 'a')
    acquire(metastore, 'b', 10)
    with pytest.raises(LeaseError, match='owned by b'):
        renew(metastore, 'a', 10)
    with pytest.raises(LeaseError, match='owned by b'):
        acquire(metastore, 'a', 10)
    assert [('purge', 'b', NOW + 20 * SECOND)] == rows(metastore)


def test_a_renewed_lease_lasts_longer(metastore):
    """An expired lease can be renewed if nobody else has acquired it."""
    acquire(metastore, 'a')
    for now in (5, 30):
        renew(metastore, 'a', now)
        with pytest.raises(LeaseError):
            acquire(metastore, 'b', now + 9)
    acquire(metastore, 'b', 40)


def test_a_released_lease_can_be_acquired(metastore):
    """Its former owner cannot renew it, because another process may have had it since."""
    acquire(metastore, 'a')
    release(metastore, 'a')
    assert [] == rows(metastore)
    with pytest.raises(LeaseError, match='no longer owned'):
        renew(metastore, 'a', 1)
    acquire(metastore, 'b')
    release(metastore, 'b')
    with pytest.raises(LeaseError, match='no longer owned'):
        renew(metastore, 'a', 1)


def test_only_the_owner_releases_a_lease(metastore):
    """A process that has lost a lease does not release it."""
    acquire(metastore, 'a')
    release(metastore, 'b')
    assert [('purge', 'a', NOW + 10 * SECOND)] == rows(metastore)


def test_one_of_several_that_acquire_a_lease_at_the_same_time_owns_it(dsn):
    """One process gets a free or expired lease; the others get an error with the owner."""

    def attempt(metastore, owner, now):
        try:
            acquire(metastore, owner, now)
        except LeaseError as ex:
            return ex.owner
        return owner

    with contextlib.ExitStack() as stack:
        metastores = [stack.enter_context(open_metastore(dsn)) for _ in range(4)]
        for now in range(0, 100, 10):
            tasks = [
                lambda m=metastore, owner=f'{now}-{number}', now=now: attempt(m, owner, now)
                for number, metastore in enumerate(metastores)
            ]
            (owner,) = set(in_parallel(tasks))
            assert [('purge', owner, NOW + (now + 10) * SECOND)] == rows(metastores[0])


def test_work_of_a_former_owner_is_not_stored(metastore):
    """Renewing a lost lease in the transaction that stores results rolls it back."""

    def work(db):
        saved.save(db, 'result', 'x')
        lease.renew(db, 'purge', 'a', NOW + 100 * SECOND)

    acquire(metastore, 'a')
    metastore.write(work)
    metastore.write(lambda db: saved.remove(db, 'result'))
    acquire(metastore, 'b', 100)
    with pytest.raises(LeaseError):
        metastore.write(work)
    assert {} == metastore.read(saved.searches)


@ONCE
def test_the_lease_of_a_killed_process_can_be_acquired_after_its_expiry(dsn, metastore):
    """Owners of different processes have different names."""
    code = f"""
        import sys
        from chronologer.metastore import lease, open_metastore
        metastore = open_metastore('{dsn}')
        owner = lease.new_owner()
        metastore.write(lambda db: lease.acquire(db, 'purge', owner, {NOW}, {NOW + 10 * SECOND}))
        print(owner, flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        owner = process.stdout.readline().strip()
        process.kill()
    assert f':{process.pid}:' in owner
    ours = lease.new_owner()
    with pytest.raises(LeaseError) as error:
        acquire(metastore, ours, 9)
    assert owner == error.value.owner
    acquire(metastore, ours, 10)
    renew(metastore, ours, 11)


def test_owners_have_short_and_unique_names(monkeypatch):
    """Names of owners are short, whatever the host name is."""
    monkeypatch.setattr('socket.gethostname', lambda: 'x' * 300)
    names = {lease.new_owner() for _ in range(100)}
    assert 100 == len(names)
    assert all(len(name) <= 200 for name in names)


def test_times_are_microseconds_since_the_epoch(metastore):
    """The column holds microseconds since the epoch."""
    now = time.time_ns() // 1000
    metastore.write(lambda db: lease.acquire(db, 'purge', 'a', now, now + 2**52))
    assert [('purge', 'a', now + 2**52)] == rows(metastore)
