"""Batches with a key are stored once."""

import contextlib
import threading

import pytest

from chronologer.errors import ConflictError
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import BatchKey, create_storage, idempotency
from test.engine.contract.conftest import EVERY_DRIVER, SQL_ENGINES

RECORDS = [Record(EPOCH, 'app', 20, f'm{number}', {}) for number in range(3)]
BAD = Record(EPOCH, 'app', 2**70, 'bad', {})


def key(part='', digest=b'd', owner=b'o'):
    return BatchKey(owner * 16, part, digest * 16)


def test_a_repeated_batch_is_not_stored_again(storage):
    """A repeated batch gets its first ids, also beside other batches."""
    first, other = storage.insert([RECORDS, RECORDS[:1]], [key(), None])
    assert [first] == storage.insert([RECORDS], [key()])
    again, new = storage.insert([RECORDS, RECORDS[:2]], [key(), key('1')])
    assert first == again
    assert 6 == storage.count(Filter()) == len({*first, *other, *new})


def test_duplicates_in_one_transaction(storage):
    """Two batches with one key in a transaction are stored once."""
    first, second = storage.insert([RECORDS, RECORDS], [key(), key()])
    assert first == second
    assert 3 == storage.count(Filter())


def test_another_batch_with_the_same_key_is_refused(storage):
    """Only the batch with other content is rejected."""
    storage.insert([RECORDS], [key()])
    refused, stored = storage.insert([RECORDS[:1], RECORDS[:1]], [key(digest=b'e'), None])
    assert isinstance(refused, ConflictError)
    assert 4 == storage.count(Filter())
    assert 1 == len(stored)


def test_owner_and_part_belong_to_the_key(storage):
    """The same key of another user, or of another slice, is another key."""
    keys = [key(), key('1'), key(owner=b'p')]
    for one in keys:
        storage.insert([RECORDS], [one])
    assert 9 == storage.count(Filter())


@EVERY_DRIVER
def test_a_refused_batch_can_be_repeated(storage):
    """A rejected batch stores no key, so it can be sent again, corrected or not."""

    def ids_of(storage):
        return [record.id for record in storage.since(0, Filter(), 9)]

    for _ in range(2):
        good, refused = storage.insert([RECORDS, [RECORDS[0], BAD]], [key('1'), key()])
        assert good == ids_of(storage)
        assert not isinstance(refused, list)
    (stored,) = storage.insert([RECORDS], [key()])
    assert 3 == len(stored)
    assert 6 == storage.count(Filter())


def test_an_empty_batch_has_a_key_too(storage):
    """The ids of a repeated empty batch are an empty list."""
    assert [[], []] == storage.insert([[], []], [key(), key()])


def test_keys_expire_after_a_day(storage, monkeypatch):
    """All keys expire after a day, and not earlier."""
    now = idempotency.now()
    for part in '123':
        storage.insert([RECORDS], [key(part)])
    monkeypatch.setattr(idempotency, 'now', lambda: now + idempotency.LIFETIME - 2)
    storage.insert([RECORDS], [key('1')])
    assert 9 == storage.count(Filter())
    monkeypatch.setattr(idempotency, 'now', lambda: now + idempotency.LIFETIME + 60)
    storage.insert([RECORDS], [key('1')])
    storage.insert([RECORDS[:1]], [key('2', digest=b'e')])
    assert 13 == storage.count(Filter())


@pytest.mark.parametrize('empty_dsn', SQL_ENGINES, indirect=True)
def test_expired_keys_are_deleted(storage, monkeypatch):
    """In SQL engines, the next write with a key deletes expired ones; others expire by TTL."""
    now = idempotency.now()
    for part in '123':
        storage.insert([RECORDS], [key(part)])
    monkeypatch.setattr(idempotency, 'now', lambda: now + idempotency.LIFETIME + 60)
    storage.insert([RECORDS], [key('1')])
    with storage._database.read() as db:
        assert 1 == db.execute('SELECT count(*) FROM retry').fetchone()[0]


@EVERY_DRIVER
def test_concurrent_duplicates_are_stored_once(empty_dsn):
    """Concurrent duplicates from several processes are stored once."""
    dsn, outcomes = empty_dsn(), []
    with contextlib.ExitStack() as stack:
        storages = [stack.enter_context(create_storage(dsn)) for _ in range(4)]
        storages[0].migrate()

        def send(storage):
            for number in range(20):
                (ids,) = storage.insert([RECORDS], [key(str(number))])
                outcomes.append((number, tuple(ids)))

        threads = [threading.Thread(target=send, args=(storage,)) for storage in storages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (80, 20) == (len(outcomes), len(set(outcomes)))
        assert 60 == storages[0].count(Filter())
