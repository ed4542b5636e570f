"""Saved searches."""

import contextlib
from unittest import mock

import pytest

from chronologer.errors import LimitError
from chronologer.metastore import open_metastore, saved
from test.engine.metastore.conftest import in_parallel

NAMES = [
    'errors', 'Errors', 'errors ', ' errors', 'érrors', 'e\u0301rrors', 'ｅrrors', 'a/b', 'a//b',
    '/', '.', '%', '_', "'", '"', '\\', 'ß', 'ss', 'ﬁ', '🙂', '🙂' * 200, 'İ', 'i', 'ı',
]  # fmt: skip


def save(metastore, name, state):
    return metastore.write(lambda db: saved.save(db, name, state))


def remove(metastore, name):
    return metastore.write(lambda db: saved.remove(db, name))


def test_searches_are_saved_replaced_and_deleted(metastore):
    """Saving returns whether the name is new; deleting returns whether it existed."""
    assert {} == metastore.read(saved.searches)
    assert save(metastore, 'a', 'q=1')
    assert save(metastore, 'b', 'q=2')
    assert not save(metastore, 'a', 'q=3')
    assert not save(metastore, 'a', 'q=3')
    assert {'a': 'q=3', 'b': 'q=2'} == metastore.read(saved.searches)
    assert remove(metastore, 'a')
    assert not remove(metastore, 'a')
    assert {'b': 'q=2'} == metastore.read(saved.searches)


def test_similar_names_are_different(metastore):
    """Names may differ only in case, accents, spaces or normal form."""
    expected = {name: f'state of {number}' for number, name in enumerate(NAMES)}
    assert all(save(metastore, name, state) for name, state in expected.items())
    assert expected == metastore.read(saved.searches)
    for name in NAMES:
        assert remove(metastore, name)
        del expected[name]
        assert expected == metastore.read(saved.searches)


@pytest.mark.parametrize('state', ['a', '🙂' * 8000, 'a\0b\n', ' a '])
def test_states_are_read_as_they_were_saved(metastore, state):
    """Any text can be a state."""
    save(metastore, 'a', state)
    assert {'a': state} == metastore.read(saved.searches)


def test_the_number_of_searches_is_limited(metastore):
    """At the limit an existing search can be replaced; a rejected one leaves nothing."""
    with mock.patch.object(saved, 'MAX_SAVED', 3):
        for name in 'abc':
            save(metastore, name, 'x')
        with pytest.raises(LimitError):
            save(metastore, 'd', 'x')
        assert not save(metastore, 'c', 'y')
    assert {'a': 'x', 'b': 'x', 'c': 'y'} == metastore.read(saved.searches)


def test_concurrent_saves_of_a_name(dsn):
    """One of several concurrent processes creates the name, and none fails."""
    with contextlib.ExitStack() as stack:
        metastores = [stack.enter_context(open_metastore(dsn)) for _ in range(3)]
        for name in 'abcde':
            tasks = [lambda m=metastore, n=name: save(m, n, 'x') for metastore in metastores]
            assert [False, False, True] == sorted(in_parallel(tasks))
