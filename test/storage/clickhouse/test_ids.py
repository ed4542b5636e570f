"""Ids without a counter, and the nodes that they name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import LimitError, StorageBusyError, StorageError
from chronologer.model import EPOCH, Filter
from chronologer.storage.clickhouse import ids, node
from chronologer.storage.clickhouse.ids import COUNT_BITS, MAX_BATCH, NODES, SLOT_BITS, Ids
from test.storage.clickhouse.conftest import RECORD, YEAR_2027


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(-2, 2), st.integers(0, MAX_BATCH)), max_size=40
    ),
    st.integers(0, 2**50),
)
def test_ids_increase_and_are_unique(takes, last_id):
    """Of any nodes, by clocks that go to and fro; above all that were there."""
    now = YEAR_2027.timestamp()
    makers = [Ids(number, last_id, lambda: now) for number in (0, 1, NODES - 1)]
    taken, last = set(), [last_id] * 3
    for index, seconds, count in takes:
        now += seconds
        first = makers[index].take(count)
        assert last[index] < first
        assert taken.isdisjoint({first, first + count - 1} if count else ())
        last[index] = max(last[index], first + count - 1)
        taken.update((first, first + count - 1) if count else ())
        assert first >> SLOT_BITS == (first + max(count, 1) - 1) >> SLOT_BITS
        assert (0, 1, NODES - 1)[index] == first >> COUNT_BITS & NODES - 1
        assert first + count <= 2**53


def test_ids_of_a_slot_are_between_its_first_and_the_next():
    """So that a follower knows what is to come."""
    now = YEAR_2027.timestamp() + 0.3
    slot = ids.slot_of(now)
    for number in (0, NODES - 1):
        first = Ids(number, 0, lambda: now).take(MAX_BATCH)
        assert ids.first_id(slot) <= first
        assert first + MAX_BATCH <= ids.first_id(slot + 1)


def test_a_slot_that_is_exhausted_is_followed_by_the_next():
    """Ahead of the clock, and then the clock is waited for."""
    now = YEAR_2027.timestamp()
    maker = Ids(3, 0, lambda: now)
    slots = [maker.take(MAX_BATCH) >> SLOT_BITS for _ in range(5)]
    assert list(range(slots[0], slots[0] + 5)) == slots
    now += 10
    assert ids.slot_of(now) == maker.take(1) >> SLOT_BITS


def test_ids_have_their_limits():
    """Of a batch, and of time: no id has more than 53 bits."""
    with pytest.raises(LimitError, match='16,385'):
        Ids(0, 0).take(MAX_BATCH + 1)
    last = ids.EPOCH + 2**31 - 0.25  # 2**33 quarters of a second
    assert Ids(NODES - 1, 0, lambda: last).take(MAX_BATCH) + MAX_BATCH <= 2**53
    with pytest.raises(StorageError, match='2094'):
        Ids(0, 0, lambda: last + 0.25).take(1)


def test_a_clock_that_was_set_back_gives_no_id_twice(embedded, monkeypatch):
    """Neither while a process runs, nor after it was started again."""
    (first,) = embedded.insert([[RECORD]])
    monkeypatch.setattr(embedded._insertion._ids, '_now', lambda: EPOCH.timestamp())
    (second,) = embedded.insert([[RECORD]])
    embedded._insertion._ids = Ids(0, second[0], lambda: EPOCH.timestamp())
    (third,) = embedded.insert([[RECORD]])
    assert sorted([*first, *second, *third]) == [*first, *second, *third]
    assert 3 == len(list(embedded.since(0, Filter(), 10)))


def test_a_batch_that_is_too_long_is_left_out_alone(embedded):
    """The others of its group are stored."""
    long, short = embedded.insert([[RECORD] * (MAX_BATCH + 1), [RECORD]])
    assert isinstance(long, LimitError)
    assert 1 == len(short) == embedded.count(Filter())


def test_each_process_is_another_node(processes):
    """Their ids differ by it."""
    found = {storage.insert([[RECORD]])[0][0] >> COUNT_BITS & NODES - 1 for storage in processes}
    assert 2 == len(found)


def test_nodes_are_given_back_by_time(embedded):
    """There are 64; a claim is renewed by its owner, or is another's after a while."""
    start = YEAR_2027.timestamp()
    with embedded._writing() as db:
        claims = [node.claim(db, None, lambda: start) for _ in range(NODES)]
        assert set(range(NODES)) == {claim.number for claim in claims}
        with pytest.raises(StorageBusyError, match='64 processes'):
            node.claim(db, None, lambda: start)
        assert claims[0].is_current(start + node.TERM - node.MARGIN - 1)
        assert not claims[0].is_current(start + node.TERM - node.MARGIN)
        renewed = node.claim(db, claims[0], lambda: start + node.TERM)
        assert claims[0].number == renewed.number
        later = start + node.TERM + node.MARGIN + 1
        others = [node.claim(db, None, lambda: later) for _ in range(NODES - 1)]
        assert renewed.number not in {claim.number for claim in others}


def test_who_sees_another_with_the_same_number_gives_way(embedded, monkeypatch):
    """It takes another one."""
    now = YEAR_2027.timestamp()
    choices = iter([5, 7])
    monkeypatch.setattr(node.random, 'choice', lambda free: next(choices))
    with embedded._writing() as db:
        rivals = Rivals(db, int((now + node.TERM) * 1e6))
        assert 7 == node.claim(rivals, None, lambda: now).number


class Rivals:
    """A connection on which another process claims node 5 just before we do."""

    def __init__(self, db, until):
        self._db, self._until = db, until
        self.execute = db.execute

    def insert(self, table, columns, row):
        if json.loads(row)[0] == 5:
            self._db.insert(table, columns, json.dumps([5, 'rival', self._until]).encode())
        self._db.insert(table, columns, row)
