"""Batches with a key are stored once."""

import contextlib
import threading

import pytest

from chronologer.errors import ConflictError
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import RetryKey, create_storage, retry
from test.storage.contract.conftest import SQL_ENGINES

RECORDS = [Record(EPOCH, 'app', 20, f'm{number}', {}) for number in range(3)]
BAD = Record(EPOCH, 'app', 2**70, 'bad', {})


def key(part='', digest=b'd', owner=b'o'):
    return RetryKey(owner * 16, part, digest * 16)


def test_a_batch_that_is_known_is_not_stored_again(storage):
    """It gets the ids of the first time, in any company."""
    first, other = storage.insert([RECORDS, RECORDS[:1]], [key(), None])
    assert [first] == storage.insert([RECORDS], [key()])
    again, new = storage.insert([RECORDS, RECORDS[:2]], [key(), key('1')])
    assert first == again
    assert 6 == storage.count(Filter()) == len({*first, *other, *new})


def test_twins_in_one_transaction(storage):
    """Are stored once."""
    first, second = storage.insert([RECORDS, RECORDS], [key(), key()])
    assert first == second
    assert 3 == storage.count(Filter())


def test_another_batch_with_the_same_key_is_refused(storage):
    """It alone."""
    storage.insert([RECORDS], [key()])
    refused, stored = storage.insert([RECORDS[:1], RECORDS[:1]], [key(digest=b'e'), None])
    assert isinstance(refused, ConflictError)
    assert 4 == storage.count(Filter())
    assert 1 == len(stored)


def test_owner_and_part_are_of_the_key(storage):
    """Another user's, or another slice's, is another one."""
    keys = [key(), key('1'), key(owner=b'p')]
    for one in keys:
        storage.insert([RECORDS], [one])
    assert 9 == storage.count(Filter())


def test_a_batch_that_was_refused_is_not_known(storage):
    """It may come again, mended or not."""

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
    """With no ids."""
    assert [[], []] == storage.insert([[], []], [key(), key()])


def test_keys_are_forgotten_after_a_day(storage, monkeypatch):
    """Not before, and all of them in time."""
    now = retry.now()
    for part in '123':
        storage.insert([RECORDS], [key(part)])
    monkeypatch.setattr(retry, 'now', lambda: now + retry.LIFETIME - 2)
    storage.insert([RECORDS], [key('1')])
    assert 9 == storage.count(Filter())
    monkeypatch.setattr(retry, 'now', lambda: now + retry.LIFETIME + 60)
    storage.insert([RECORDS], [key('1')])
    storage.insert([RECORDS[:1]], [key('2', digest=b'e')])
    assert 13 == storage.count(Filter())


@pytest.mark.parametrize('empty_dsn', SQL_ENGINES, indirect=True)
def test_forgotten_keys_leave_nothing(storage, monkeypatch):
    """Others expire by themselves; here, whoever writes with a key deletes them."""
    now = retry.now()
    for part in '123':
        storage.insert([RECORDS], [key(part)])
    monkeypatch.setattr(retry, 'now', lambda: now + retry.LIFETIME + 60)
    storage.insert([RECORDS], [key('1')])
    with storage._reading() as db:
        assert 1 == db.execute('SELECT count(*) FROM retry').fetchone()[0]


def test_concurrent_duplicates_are_stored_once(empty_dsn):
    """Also by several processes, of which each has a storage of its own."""
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
