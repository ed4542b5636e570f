"""What there is instead of transactions: groups that fail, keys that come again."""

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
from chronologer.storage import RetryKey, retry
from chronologer.storage.clickhouse import insertion
from test.storage.clickhouse.conftest import INSERT, KEY, RECORD, messages, spread


def test_a_failed_group_takes_nothing_of_others_with_it(clickhouse, processes, monkeypatch):
    """Ids of its records may have those of another process between them."""
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


def test_what_another_process_has_acknowledged_stays(clickhouse, processes):
    """One waits for an answer that does not come, the other finds the records stored."""
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
    stored = wait_until_known(other)
    thread.join()
    assert [[stored]] == [other.insert([spread(3)], [KEY])]
    assert 4 == other.count(Filter()) == len(messages(other))


def wait_until_known(storage):
    for _ in range(100):
        (outcome,) = storage.insert([spread(3)], [KEY])
        if isinstance(outcome, list):
            return outcome
        assert isinstance(outcome, StorageBusyError)
        time.sleep(0.05)
    raise AssertionError('the batch is not known')


def test_a_batch_that_was_stored_in_part_is_stored_anew(embedded):
    """A crash between the parts of two days; what there was of it goes."""
    (first,) = embedded.insert([spread(3)], [KEY])
    with embedded._writing() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (second,) = embedded.insert([spread(3)], [KEY])
    assert first[-1] < second[0]
    assert [second] == embedded.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(embedded)
    (refused,) = embedded.insert([spread(2)], [RetryKey(KEY.owner, '', b'e' * 16)])
    assert isinstance(refused, ConflictError)


def test_a_batch_that_may_be_under_way_is_waited_for(processes, monkeypatch):
    """On a server another process may be at it; after a while it is not."""
    one, other = processes
    (first,) = one.insert([spread(3)], [KEY])
    with one._writing() as db:
        db.command('ALTER TABLE record DELETE WHERE id = ?', (first[1],))
    (busy,) = other.insert([spread(3)], [KEY])
    assert isinstance(busy, StorageBusyError)
    assert ['m0', 'm2'] == messages(other)
    now = retry.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(retry, 'now', lambda: now)
    (second,) = other.insert([spread(3)], [KEY])
    assert ['m0', 'm1', 'm2'] == messages(other)
    assert [second] == one.insert([spread(3)], [KEY])


def test_of_processes_with_one_key_at_most_one_stores(processes, monkeypatch):
    """Those that see another's note give way, and have it stored when they come again."""
    outcomes = []
    barrier = threading.Barrier(2)

    def send(storage, key):
        barrier.wait()
        outcomes.append((key, *storage.insert([spread(3)], [key])))

    keys = [RetryKey(KEY.owner, str(number), KEY.digest) for number in range(5)]
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
    now = retry.now() + 2 * insertion.LAG + 1
    monkeypatch.setattr(retry, 'now', lambda: now)
    again = [storage.insert([spread(3)] * 5, keys) for storage in processes]
    assert again[0] == again[1]
    assert 15 == processes[0].count(Filter())


def test_nothing_is_shown_to_followers_before_others_are_done(processes, monkeypatch):
    """Who follows a server is behind by `LAG`; what it has seen is complete."""
    one, other = processes
    (ids,) = one.insert([[RECORD]])
    assert [] == list(one.since(0, Filter(), 10))
    assert 0 == one.last_id()
    monkeypatch.setattr(insertion, 'LAG', -1)
    assert ids == [record.id for record in other.since(0, Filter(), 10)]
    assert ids[0] == other.last_id()


def test_a_search_is_saved_though_the_clock_was_set_back(embedded, monkeypatch):
    """The newest version is the one that was written last."""
    assert embedded.save('a', '1')
    monkeypatch.setattr(time, 'time_ns', lambda: 1)
    assert not embedded.save('a', '2')
    assert {'a': '2'} == embedded.saved()
    assert embedded.forget('a')
    assert embedded.save('a', '3')
    assert {'a': '3'} == embedded.saved()


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
def test_nothing_is_kept_of_a_group_that_failed(clickhouse, remote, fault, error):
    """Nor is it sent twice by the driver; the next one is stored."""
    clickhouse.fault(fault.pop('kind'), INSERT, 2, **fault)
    with pytest.raises(error):
        remote.insert([spread(3)])
    assert [] == messages(remote)
    assert 1 == clickhouse.faults_left()
    clickhouse.clear_faults()
    remote.insert([spread(3)])
    assert 3 == remote.count(Filter())


def test_what_cannot_be_removed_is_known_by_its_key(clickhouse, remote):
    """The answer was lost, and the server takes no deletion; the sender comes again."""
    clickhouse.fault('cut', INSERT)
    clickhouse.fault('error', 'ALTER', 9, code=243)
    with pytest.raises(StorageBusyError):
        remote.insert([spread(3)], [KEY])
    (stored,) = remote.insert([spread(3)], [KEY])
    assert 3 == len(stored) == remote.count(Filter())


def test_a_group_that_left_nothing_is_not_deleted(clickhouse, remote):
    """With a full disk a deletion would hold up all writing for half a minute."""
    clickhouse.fault('error', INSERT, code=243)
    with pytest.raises(DiskFullError):
        remote.insert([spread(3)])
    with remote._reading() as db:
        (database,) = db.execute('SELECT currentDatabase()').fetchone()
        deletions = 'SELECT count() FROM system.mutations WHERE database = ?'
        assert (0,) == db.execute(deletions, (database,)).fetchone()
