"""What belongs to users: the secret of their sessions, saved searches; and the last id."""

import contextlib
import threading
from functools import partial
from unittest import mock

import pytest

from chronologer.errors import LimitError
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage, saved
from test.storage.contract.conftest import SQL_ENGINES

NAMES = [
    'errors', 'Errors', 'errors ', ' errors', 'érrors', 'e\u0301rrors', 'ｅrrors', 'a/b', 'a//b',
    '/', '.', '%', '_', "'", '"', '\\', 'ß', 'ss', 'ﬁ', '🙂', '🙂' * 200, 'İ', 'i', 'ı',
]  # fmt: skip


def in_parallel(tasks):
    """Run them at the same time; return what they return."""
    results, barrier = [], threading.Barrier(len(tasks))

    def run(task):
        barrier.wait()
        results.append(task())

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_the_secret_stays_and_is_not_that_of_others(empty_dsn):
    """Also for who opens the storage again."""
    secrets = []
    for dsn in (empty_dsn(), empty_dsn()):
        for _ in range(2):
            with create_storage(dsn) as storage:
                storage.migrate()
                secrets += [storage.secret(), storage.secret()]
    assert 32 == len(secrets[0])
    assert ([secrets[0]] * 4, [secrets[4]] * 4) == (secrets[:4], secrets[4:])
    assert secrets[0] != secrets[4]


def test_all_who_ask_first_get_the_same_secret(empty_dsn):
    """Each process has a storage of its own."""
    dsn = empty_dsn()
    with contextlib.ExitStack() as stack:
        storages = [stack.enter_context(create_storage(dsn)) for _ in range(6)]
        storages[0].migrate()
        secrets = in_parallel([storage.secret for storage in storages])
    assert (6, 1) == (len(secrets), len(set(secrets)))


@pytest.mark.parametrize('empty_dsn', SQL_ENGINES, indirect=True)  # others' ids are of time
def test_the_secret_takes_no_id(storage):
    """Of records."""
    (first,), (second,) = storage.insert([[Record(EPOCH, 'a', 20, 'm', {})]] * 2)
    storage.secret()
    ((third,),) = storage.insert([[Record(EPOCH, 'a', 20, 'm', {})]])
    assert [0, 1, 2] == [id - first for id in (first, second, third)]


def test_searches_are_saved_replaced_and_forgotten(storage):
    """By name."""
    assert {} == storage.saved()
    assert storage.save('a', 'q=1')
    assert storage.save('b', 'q=2')
    assert not storage.save('a', 'q=3')
    assert not storage.save('a', 'q=3')
    assert {'a': 'q=3', 'b': 'q=2'} == storage.saved()
    assert storage.forget('a')
    assert not storage.forget('a')
    assert {'b': 'q=2'} == storage.saved()


def test_names_that_look_alike_are_different(storage):
    """In case, accents, spaces or normal form."""
    expected = {name: f'state of {number}' for number, name in enumerate(NAMES)}
    assert all(storage.save(name, state) for name, state in expected.items())
    assert expected == storage.saved()
    for name in NAMES:
        assert storage.forget(name)
        del expected[name]
        assert expected == storage.saved()


@pytest.mark.parametrize('state', ['a', '🙂' * 8000, 'a\0b\n', ' a '])
def test_states_stay_as_they_are(storage, state):
    """Of any text."""
    storage.save('a', state)
    assert {'a': state} == storage.saved()


def test_there_is_a_limit(storage):
    """One that is there can still be replaced."""
    with mock.patch.object(saved, 'MAX_SAVED', 3):
        for name in 'abc':
            storage.save(name, 'x')
        with pytest.raises(LimitError):
            storage.save('d', 'x')
        assert not storage.save('c', 'y')
    assert {'a': 'x', 'b': 'x', 'c': 'y'} == storage.saved()


def test_one_of_those_who_save_a_name_at_the_same_time_is_the_first(empty_dsn):
    """And nobody fails."""
    dsn = empty_dsn()
    with contextlib.ExitStack() as stack:
        storages = [stack.enter_context(create_storage(dsn)) for _ in range(3)]
        storages[0].migrate()
        for name in 'abcde':
            tasks = [partial(storage.save, name, 'x') for storage in storages]
            assert [False, False, True] == sorted(in_parallel(tasks))


def test_the_last_id(storage):
    """Is the highest that can be seen; a purge may take it away."""
    assert 0 == storage.last_id()
    ((_, _, last),) = storage.insert([[Record(EPOCH, 'a', 20, 'm', {})] * 3])
    assert last == storage.last_id()
    assert [] == list(storage.since(storage.last_id(), Filter(), 10))
    assert [] == list(storage.since(2**53 - 1, Filter(), 10))
    storage.purge(EPOCH.replace(year=2000), Filter())
    assert 0 == storage.last_id()
