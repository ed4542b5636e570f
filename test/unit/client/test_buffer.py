"""Records that wait in the memory of the client."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from chronologer.client.buffer import LINE_COST, MAX_BATCH, SLACK, Batch, Buffer


def lines_of(buffer: Buffer) -> list[bytes]:
    """Remove and return all lines, oldest first."""
    buffer.close_batch()
    lines = []
    while buffer.first is not None:
        lines += buffer.first.lines
        buffer.remove_first()
    assert (0, 0) == (len(buffer), buffer.size)
    return lines


def test_a_batch_is_the_same_compressed():
    """A compressed batch has the same lines, body and key, and occupies less memory."""
    batch = Batch([b'{"a":1}'] * 1000)
    before = batch.lines, batch.body, batch.key, batch.count
    size = batch.size
    batch.keep(batch.body)
    assert before == (batch.lines, batch.body, batch.key, batch.count)
    assert batch.size < size / 10
    assert b'\n'.join(batch.lines) == gzip.decompress(batch.body)
    assert Batch([b'']).key != Batch([b'']).key


def test_batches_are_closed_when_they_are_full():
    """A batch is limited in records and bytes, so that the server stores it as a whole."""
    buffer = Buffer(2, 2**30)
    for line in (b'a', b'b', b'c', b'x' * (MAX_BATCH - LINE_COST), b'd'):
        buffer.append(line, False)
    buffer.close_batch()
    counts = []
    while buffer.first is not None:
        counts.append(buffer.first.count)
        buffer.remove_first()
    assert [2, 1, 1, 1] == counts


def test_batches_that_pile_up_are_reported():
    """`is_piling_up` is true until enough batches are compressed."""
    buffer = Buffer(1, 2**30)
    seen = []
    for _ in range(5):
        buffer.append(b'x' * 1000, False)
        seen.append(buffer.is_piling_up)
    assert [False, False, False, True, True] == seen
    before = buffer.size
    while (batch := buffer.uncompressed()) is not None:
        buffer.replace(batch, batch.body)
    assert not buffer.is_piling_up
    assert buffer.size < before / 5
    assert [b'x' * 1000] * 5 == lines_of(buffer)


def test_many_batches_cost_no_more_than_few():
    """Appending a record and finding a batch to compress do not iterate over all batches."""
    buffer = Buffer(1, 2**30)

    class Deque(type(buffer._batches)):
        def __iter__(self):
            raise AssertionError('the buffer iterates over all batches')

    buffer._batches = Deque()
    for _ in range(1000):
        buffer.append(b'x' * 100, False)
        batch = buffer.uncompressed()
        buffer.replace(batch, batch.body)
    assert not buffer.is_piling_up
    assert buffer.uncompressed() is None


def test_room_is_made_for_several_records():
    """More is dropped than one record needs, so that the next record need not drop again."""
    buffer = Buffer(10, 100_000)
    while buffer.has_room(b'x' * 100):
        buffer.append(b'x' * 100, False)
    while (batch := buffer.uncompressed()) is not None:
        buffer.replace(batch, batch.body)
    while buffer.has_room(b'x' * 100):
        buffer.append(b'x' * 100, False)
    assert buffer.make_room(b'x' * 100) > 0
    assert buffer.size <= 100_000 - 100_000 // SLACK


def test_wrong_counts_are_corrected():
    """Wrong counts are corrected: a signal handler may raise between a change and its count."""
    buffer = Buffer(10, 10_000)
    buffer.append(b'x', False)
    buffer._size += 20_000
    buffer._uncompressed += 5
    assert (True, None, False) == (buffer.is_piling_up, buffer.uncompressed(), buffer.is_piling_up)
    assert not buffer.has_room(b'x')
    assert 0 == buffer.make_room(b'x')
    assert buffer.has_room(b'x')
    assert [b'x'] == lines_of(buffer)


def test_sent_batches_are_not_dropped():
    """A sent batch is not dropped: the server may have stored it under the key of these lines."""
    buffer = Buffer(10, 5000)
    for number in range(10):
        buffer.append(b'%d' % number + b'x' * 200, False)
    buffer.first.is_sent = True
    for number in range(10, 19):
        buffer.append(b'%d' % number + b'x' * 200, False)
    assert 9 == buffer.make_room(b'x' * 2600)
    assert 10 == len(buffer)
    assert 0 == buffer.make_room(b'x' * 2600)


def test_records_to_be_kept_are_dropped_last():
    """Of the records that fill a batch, those with `is_kept` are dropped last."""
    buffer = Buffer(10, 20_000)
    for number in range(500):
        line = b'%04d' % number + b'x' * 200
        if not buffer.has_room(line):
            buffer.make_room(line)
        buffer.append(line, number % 10 == 3)
    numbers = [int(line[:4]) for line in lines_of(buffer)]
    assert list(range(3, 500, 10)) == [number for number in numbers if number % 10 == 3]
    assert len(numbers) < 400


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=80),
    st.integers(1, 7),
    st.integers(300, 8000),
)
def test_memory_is_bounded_and_counts_are_right(records, capacity, max_bytes):
    """The remaining records are the accepted ones without the dropped ones, in their order."""
    buffer = Buffer(capacity, max_bytes)
    dropped = 0
    expected = []
    for number, (length, is_kept) in enumerate(records):
        line = b'%04d' % number + b'x' * length
        if not buffer.has_room(line):
            dropped += buffer.make_room(line)
        if buffer.has_room(line):
            buffer.append(line, is_kept)
            expected.append((line, is_kept))
        assert buffer.size <= max_bytes
        assert len(expected) == dropped + len(buffer)
    left = lines_of(buffer)
    positions = [int(line[:4]) for line in left]
    assert sorted(set(positions)) == positions
    if not dropped:
        assert [line for line, _ in expected] == left
    assert set(left) <= {line for line, _ in expected}
