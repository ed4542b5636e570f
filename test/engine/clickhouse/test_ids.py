"""Ids without a counter, and the process numbers in them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronologer.errors import LimitError, StorageBusyError, StorageError
from chronologer.model import EPOCH, Filter
from chronologer.storage.clickhouse import ids, process_number
from chronologer.storage.clickhouse.ids import COUNT_BITS, MAX_BATCH, PROCESSES, SLOT_BITS, Ids
from test.engine.clickhouse.conftest import RECORD, YEAR_2027


@example([(0, 0.0, MAX_BATCH), (0, 0.0, 0)], 0)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(-2, 2), st.integers(0, MAX_BATCH)), max_size=40
    ),
    st.integers(0, 2**50),
)
def test_ids_increase_and_are_unique(requests, last_id):
    """Ids of several processes with erratic clocks are unique, and above all existing ids."""
    now = YEAR_2027.timestamp()
    makers = [Ids(number, last_id, lambda: now) for number in (0, 1, PROCESSES - 1)]
    given, last = set(), [last_id] * 3
    for index, seconds, count in requests:
        now += seconds
        first = makers[index].take(count)
        assert last[index] < first
        assert given.isdisjoint({first, first + count - 1} if count else ())
        last[index] = max(last[index], first + count - 1)
        given.update((first, first + count - 1) if count else ())
        assert first >> SLOT_BITS == (first + max(count, 1) - 1) >> SLOT_BITS
        assert (0, 1, PROCESSES - 1)[index] == first >> COUNT_BITS & PROCESSES - 1
        assert first + count <= 2**53


def test_ids_of_a_slot_are_between_its_first_and_the_next():
    """Followers rely on it: ids of a later slot are larger."""
    now = YEAR_2027.timestamp() + 0.3
    slot = ids.slot_of(now)
    for number in (0, PROCESSES - 1):
        first = Ids(number, 0, lambda: now).take(MAX_BATCH)
        assert ids.first_id(slot) <= first
        assert first + MAX_BATCH <= ids.first_id(slot + 1)


def test_a_slot_that_is_exhausted_is_followed_by_the_next():
    """Ids may be ahead of the clock; then the clock catches up."""
    now = YEAR_2027.timestamp()
    maker = Ids(3, 0, lambda: now)
    slots = [maker.take(MAX_BATCH) >> SLOT_BITS for _ in range(5)]
    assert list(range(slots[0], slots[0] + 5)) == slots
    now += 10
    assert ids.slot_of(now) == maker.take(1) >> SLOT_BITS


def test_limits_of_ids():
    """A batch has at most 16,384 records, and no id has more than 53 bits."""
    with pytest.raises(LimitError, match='16,385'):
        Ids(0, 0).take(MAX_BATCH + 1)
    last = ids.EPOCH + 2**31 - 0.25  # 2**33 quarters of a second
    assert Ids(PROCESSES - 1, 0, lambda: last).take(MAX_BATCH) + MAX_BATCH <= 2**53
    with pytest.raises(StorageError, match='2094'):
        Ids(0, 0, lambda: last + 0.25).take(1)


def test_a_clock_that_was_set_back_repeats_no_id(embedded, monkeypatch):
    """Ids increase while a process runs and after a restart."""
    (first,) = embedded.insert([[RECORD]])
    monkeypatch.setattr(embedded._insertion._ids, '_now', lambda: EPOCH.timestamp())
    (second,) = embedded.insert([[RECORD]])
    embedded._insertion._ids = Ids(0, second[0], lambda: EPOCH.timestamp())
    (third,) = embedded.insert([[RECORD]])
    assert sorted([*first, *second, *third]) == [*first, *second, *third]
    assert 3 == len(list(embedded.since(0, Filter(), 10)))


def test_a_batch_that_is_too_long_is_refused_alone(embedded):
    """Other batches of the group are stored."""
    long, short = embedded.insert([[RECORD] * (MAX_BATCH + 1), [RECORD]])
    assert isinstance(long, LimitError)
    assert 1 == len(short) == embedded.count(Filter())


def test_each_process_has_another_number(processes):
    """Ids of different processes differ by the process number."""
    found = {
        storage.insert([[RECORD]])[0][0] >> COUNT_BITS & PROCESSES - 1 for storage in processes
    }
    assert 2 == len(found)


def test_numbers_expire(embedded):
    """There are 64 numbers; a claim that its owner does not renew expires."""
    start = YEAR_2027.timestamp()
    with embedded._write() as db:
        claims = [process_number.claim(db, None, lambda: start) for _ in range(PROCESSES)]
        assert set(range(PROCESSES)) == {claim.number for claim in claims}
        with pytest.raises(StorageBusyError, match='64 processes'):
            process_number.claim(db, None, lambda: start)
        assert claims[0].is_current(start + process_number.TERM - process_number.MARGIN - 1)
        assert not claims[0].is_current(start + process_number.TERM - process_number.MARGIN)
        renewed = process_number.claim(db, claims[0], lambda: start + process_number.TERM)
        assert claims[0].number == renewed.number
        later = start + process_number.TERM + process_number.MARGIN + 1
        others = [process_number.claim(db, None, lambda: later) for _ in range(PROCESSES - 1)]
        assert renewed.number not in {claim.number for claim in others}


def test_a_claimed_number_is_not_used(embedded, monkeypatch):
    """A process that finds a rival's claim of its number claims another one."""
    now = YEAR_2027.timestamp()
    choices = iter([5, 7])
    monkeypatch.setattr(process_number.random, 'choice', lambda free: next(choices))
    with embedded._write() as db:
        rivals = Rivals(db, int((now + process_number.TERM) * 1e6))
        assert 7 == process_number.claim(rivals, None, lambda: now).number


class Rivals:
    """A connection on which another process claims number 5 just before ours."""

    def __init__(self, db, until):
        self._db, self._until = db, until
        self.execute = db.execute

    def insert(self, table, columns, row):
        if json.loads(row)[0] == 5:
            self._db.insert(table, columns, json.dumps([5, 'rival', self._until]).encode())
        self._db.insert(table, columns, row)
