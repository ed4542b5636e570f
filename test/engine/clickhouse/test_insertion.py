"""Insertion without transactions: failed groups and repeated keys."""

import threading
import time

import pytest

from chronologer.errors import (
    ConflictError,
    DiskFullError,
    StorageBusyError,
    StorageError,
)
from chronologer.model import Filter
from chronologer.storage import BatchKey, idempotency
from chronologer.storage.clickhouse import insertion
from test.engine.clickhouse.conftest import INSERT, KEY, RECORD, messages, spread


def test_removing_a_failed_group_keeps_other_records(clickhouse, processes, monkeypatch):
    """Records of another process with ids between those of the failed group are kept."""
    one, other = processes
    for storage in processes:
        storage.insert([[RECORD]])
    now = time.time() + 10
    for storage in processes:
        monkeypatch.setattr(storage._insertion._ids, '_now', lambda: now)
    make_piece, acknowledged = insertion._make_piece, []

    def make_piece_slowly(batch, ids, has_key):
        nonlocal now
        outcome = make_piece(batch, ids, has_key)
        if ids is one._insertion._ids and not acknowledged:
            for _ in range(2):
                acknowledged.extend(other.insert([[RECORD._replace(message='kept')]])[0])
                now += 0.25
        return outcome

    monkeypatch.setattr(insertion, '_make_piece', make_piece_slowly)
    clickhouse.fault('cut', f'(?s){INSERT}.*lost')
    lost = RECORD._replace(message='lost')
    with pytest.raises(StorageBusyError):
        one.insert([[lost], [lost]])
    assert ['hello', 'hello', 'kept', 'kept'] == messages(one)
    assert 0 == clickhouse.faults_left()


def test_records_that_another_process_acknowledged_are_kept(clickhouse, processes):
    """One process gets no answer; another finds the records and acknowledges them."""
    one, other = processes
    other.insert([[RECORD]])
    clickhouse.fault('cut', INSERT)
    clickhouse.fault('delay', 'ALTER', seconds=1)

    def send():
        with pytest.raises(StorageBusyError):
            one.insert([spread(3)], [KEY])

    thread = threading.Thread(target=send)
    thread.start()
    while clickhouse.faults_left() == 2:
        time.sleep(0.01)
    stored = wait_until_stored(other)
    thread.join()
    assert [[stored]] == [other.insert([spread(3)], [KEY])]
    assert 4 == other.count(Filter()) == len(messages(other))


def wait_until_stored(storage):
    for _ in range(100):
        (outcome,) = storage.insert([spread(3)], [KEY])
        if isinstance(outcome, list):
            return outcome
        assert isinstance(outcome, StorageBusyError)
        time.sleep(0.05)
    raise AssertionError('the batch was not stored')


def test_a_partly_stored_batch_is_stored_again(embedded):
    """After a crash between the parts of two days, the stored part is deleted."""
    (first,) = embedded.insert([spread(3)], [KEY])
    with embedded._write() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (second,) = embedded.insert([spread(3)], [KEY])
    assert first[-1] < second[0]
    assert [second] == embedded.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(embedded)
    (refused,) = embedded.insert([spread(2)], [BatchKey(KEY.owner, '', b'e' * 16)])
    assert isinstance(refused, ConflictError)


def test_a_batch_that_may_be_in_progress_is_busy(processes, monkeypatch):
    """Another process may be inserting the batch; after a while it is considered failed."""
    one, other = processes
    (first,) = one.insert([spread(3)], [KEY])
    with one._write() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (busy,) = other.insert([spread(3)], [KEY])
    assert isinstance(busy, StorageBusyError)
    assert ['m0', 'm2'] == messages(other)
    now = idempotency.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(idempotency, 'now', lambda: now)
    (second,) = other.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(other)
    assert [second] == one.insert([spread(3)], [KEY])


def test_at_most_one_process_stores_a_key(processes, monkeypatch):
    """A process that sees the note of another one fails as busy; a retry gets the stored ids."""
    outcomes = []
    barrier = threading.Barrier(2)

    def send(storage, key):
        barrier.wait()
        outcomes.append((key, *storage.insert([spread(3)], [key])))

    keys = [BatchKey(KEY.owner, str(number), KEY.digest) for number in range(5)]
    for key in keys:
        threads = [threading.Thread(target=send, args=(one, key)) for one in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = {(key.part, *ids) for key, ids in outcomes if isinstance(ids, list)}
    assert 10 == len(outcomes)
    assert len({part for part, *_ in stored}) == len(stored)
    assert 3 * len(stored) == processes[0].count(Filter())
    now = idempotency.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(idempotency, 'now', lambda: now)
    again = [storage.insert([spread(3)] * 5, keys) for storage in processes]
    assert again[0] == again[1]
    assert 15 == processes[0].count(Filter())


def test_followers_lag_behind_concurrent_inserts(processes, monkeypatch):
    """A follower of a server gets records after `LAG`, so that it misses none."""
    one, other = processes
    (ids,) = one.insert([[RECORD]])
    assert [] == list(one.since(0, Filter(), 10))
    assert 0 == one.last_id()
    monkeypatch.setattr(insertion, 'LAG', -1)
    assert ids == [record.id for record in other.since(0, Filter(), 10)]
    assert ids[0] == other.last_id()


@pytest.mark.parametrize(
    ('fault', 'error'),
    [
        ({'kind': 'cut'}, StorageBusyError),
        ({'kind': 'late', 'code': 241}, StorageBusyError),
        ({'kind': 'error', 'code': 241}, StorageBusyError),
        ({'kind': 'error', 'code': 252}, StorageBusyError),
        ({'kind': 'error', 'code': 243}, DiskFullError),
        ({'kind': 'error', 'code': 57}, StorageError),
    ],
    ids=str,
)
def test_nothing_is_stored_of_a_failed_group(clickhouse, remote, fault, error):
    """The driver does not repeat the insert, and the next group is stored."""
    clickhouse.fault(fault.pop('kind'), INSERT, 2, **fault)
    with pytest.raises(error):
        remote.insert([spread(3)])
    assert [] == messages(remote)
    assert 1 == clickhouse.faults_left()
    clickhouse.clear_faults()
    remote.insert([spread(3)])
    assert 3 == remote.count(Filter())


def test_records_that_cannot_be_removed_are_found_by_key(clickhouse, remote):
    """The answer was lost and the deletion fails; a retry with the key gets the ids."""
    clickhouse.fault('cut', INSERT)
    clickhouse.fault('error', 'ALTER', 9, code=243)
    with pytest.raises(StorageBusyError):
        remote.insert([spread(3)], [KEY])
    (stored,) = remote.insert([spread(3)], [KEY])
    assert 3 == len(stored) == remote.count(Filter())


def test_a_group_without_stored_records_is_not_deleted(clickhouse, remote):
    """With a full disk, a deletion would block all writing for half a minute."""
    clickhouse.fault('error', INSERT, code=243)
    with pytest.raises(DiskFullError):
        remote.insert([spread(3)])
    with remote._database.read() as db:
        (database,) = db.execute('SELECT currentDatabase()').fetchone()
        deletions = 'SELECT count() FROM system.mutations WHERE database = ?'
        assert (0,) == db.execute(deletions, (database,)).fetchone()
