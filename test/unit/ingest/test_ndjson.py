"""Decoding of a body line by line, in pieces of any size."""

import json
import tracemalloc
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer import errors
from chronologer.errors import InputError, LimitError
from chronologer.ingest import ndjson
from chronologer.ingest.logrecord import decode_json
from chronologer.ingest.ndjson import MAX_BAD_LINES, MAX_EMPTY_LINES, Decoder
from chronologer.model import EPOCH, Record

MAX = 120  # bytes of a record
GOOD = [b'{"name":"a","levelno":20,"created":1%b}' % rest for rest in (
    b'', b',"x":"\\u0000"', b',"x":12345678901234567890', b',"x":1234567890123456789',
    b',"x":[NaN,"\\ud800"]', b',"args":[1],"msg":"%d"', b'\r', b'\t', b',"x":"%b"' % (b'x' * 30),
)]  # fmt: skip
BLANK = [b'', b'\r', b' \t']
BAD = [b'{', b'1', b'{}', b'\0', b'{"x":"%b"}' % (b'x' * MAX), b' ' * (MAX + 1), b'x' * 3 * MAX]

LINES = st.lists(st.sampled_from(GOOD) | st.sampled_from(GOOD + BLANK + BAD), max_size=25)
CUTS = st.lists(st.integers(0, 1000), max_size=30)


def message(line: bytes, _: bool) -> Record:
    """Return a record that has the line as its message."""
    if line.startswith(b'!'):
        raise InputError('bad')
    return Record(EPOCH, 'a', 20, line.decode())


def pieces(body, cuts):
    """Return the body in pieces, some of them empty."""
    cuts = sorted(min(cut, len(body)) for cut in cuts)
    return [body[low:high] for low, high in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def prepare(lines):
    """Prepare lines as an engine may do; here, only if all of them are good."""
    return [decode_json(line) for line in lines] if all(line in GOOD for line in lines) else None


PREPARERS = st.sampled_from([None, prepare])


def decode(parts, decode=decode_json, max_bytes=MAX, has_digest=True, prepare=None):
    """Return the short slices of a body, and its bad lines."""
    decoder = Decoder(decode, max_bytes, 4, has_digest, prepare)
    with patch.multiple(ndjson, SLICE_BYTES=250):
        slices = [slice for part in parts for slice in decoder.feed(part)]
        slices += decoder.finish()
    return slices, [(line, getattr(errors, kind), text) for line, kind, text in decoder.bad_lines]


@given(LINES, st.booleans(), CUTS, PREPARERS)
def test_cuts_make_no_difference(lines, has_end, cuts, prepare):
    """Records, lines, slices and digests do not depend on the cuts; digests identify a retry."""
    body = b'\n'.join(lines) + b'\n' * has_end
    whole = decode([body], prepare=prepare)
    assert whole == decode(pieces(body, cuts), prepare=prepare)


@given(LINES, CUTS, PREPARERS)
def test_every_good_line_is_decoded_once(lines, cuts, prepare):
    """Good lines are decoded in order, with their numbers; bad lines are reported with theirs."""
    slices, bad = decode(pieces(b'\n'.join(lines), cuts), prepare=prepare)
    good = [(number, line) for number, line in enumerate(lines, 1) if line in GOOD]
    assert [number for number, _ in good] == [line for slice in slices for line in slice.lines]
    assert [decode_json(line) for _, line in good] == [r for slice in slices for r in slice.records]
    expected = [number for number, line in enumerate(lines, 1) if line in BAD]
    assert expected == [number for number, _, _ in bad]
    assert all(slice.records and len(slice.records) <= 4 for slice in slices)
    assert sum(len(line) for _, line in good) == sum(slice.size for slice in slices)


@given(LINES, LINES, PREPARERS)
def test_digests_distinguish_bodies(lines, others, prepare):
    """Slices with the same digest have the same records."""
    slices, _ = decode([b'\n'.join(lines)], prepare=prepare)
    other_slices, _ = decode([b'\n'.join(others)], prepare=prepare)
    for one, other in zip(slices, other_slices, strict=False):
        if one.digest == other.digest:
            assert one.records == other.records
    if [one.digest for one in slices] == [other.digest for other in other_slices] != []:
        assert slices == other_slices


@pytest.mark.parametrize(
    ('bodies', 'shared'),
    [
        ((b'a\nb\n', b'a\nb'), 1),
        ((b'a\nb\nc\nd\n', b'a\nb\nc\nd\ne\n'), 0),
        ((b'a\nb\nc\nd\ne\n', b'a\nb\nc\nd\ne\nf\n'), 1),
        ((b'a\nb\nc\nd\ne\n', b'a\nb\nc\nd\nx\n'), 0),
        ((b'a\nb\n', b'ab\n'), 0),
        ((b'a\n!1\n', b'a\n!2\n'), 0),
    ],
)
def test_digests_of_a_longer_body(bodies, shared):
    """The digest of the last slice marks the end; earlier ones do not depend on what follows."""
    first, second = [[slice.digest for slice in decode([body], message)[0]] for body in bodies]
    assert shared == sum(one == other for one, other in zip(first, second, strict=False))


@pytest.mark.parametrize('body', [b'', b'\n', b'\r\n\n  \n\t'])
def test_an_empty_body(body):
    """An empty body has neither slices nor bad lines."""
    assert ([], []) == decode([body])


def test_slices_have_a_thousand_records():
    """A slice has 1,000 records; the records of an incomplete one follow at the end."""
    decoder = Decoder(message, MAX, 1000)
    body = b''.join(b'%d\n' % number for number in range(2500))
    sizes = [len(slice.records) for slice in decoder.feed(body)]
    assert [1000, 1000] == sizes
    (last,) = decoder.finish()
    assert list(range(2001, 2501)) == last.lines
    assert '2499' == last.records[-1].message
    assert b'' == last.digest


def test_slices_are_limited_in_bytes():
    """A slice is limited in bytes; a single longer record is a slice of its own."""
    lines = [b'x' * length for length in (100, 100, 100, 300, 10, 240, 11)]
    slices, bad = decode([b'\n'.join(lines)], message, 1000)
    assert [[1, 2], [3], [4], [5, 6], [7]] == [slice.lines for slice in slices]
    assert [] == bad


@pytest.mark.parametrize('cuts', [[], [1], [130], [90, 180, 270]])
@pytest.mark.parametrize('end', [b'', b'\n'])
def test_line_beyond_the_limit_is_refused(cuts, end):
    """The line is rejected with both lengths; a line of exactly the limit is accepted."""
    body = b'a\n' + b'b' * (MAX + 80) + b'\n' + b'c' * MAX + b'\n' + b'd' * (MAX + 1) + end
    ((slice,), bad) = decode(pieces(body, cuts), message)
    assert [1, 3] == slice.lines
    assert [2, 4] == [line for line, _, _ in bad]
    assert {LimitError} == {type for _, type, _ in bad}
    assert 'a record has 200 bytes, the limit is 120' == bad[0][2]


def test_bad_lines_are_limited():
    """Reading stops at the limit, because each bad line occupies memory."""
    decoder = Decoder(message, MAX, 1000)
    assert [] == list(decoder.feed(b'!\n' * MAX_BAD_LINES))
    with pytest.raises(LimitError, match='100,000 bad lines; what follows line 100,001'):
        list(decoder.feed(b'!\na\n'))
    assert MAX_BAD_LINES == len(decoder.bad_lines)


def test_empty_lines_are_limited():
    """They cost time, and few compressed bytes can have many."""
    decoder = Decoder(message, MAX, 1000)
    assert [] == list(decoder.feed(b'\n \n' * (MAX_EMPTY_LINES // 2)))
    with pytest.raises(LimitError, match='more than 1,000,000 empty lines'):
        list(decoder.feed(b'\r\n'))


def test_held_bytes_are_counted():
    """`held` counts bytes of the incomplete slice and line, but not of dropped ones."""
    decoder = Decoder(message, MAX, 1000)
    for piece, held in ((b'abc', 3), (b'd\nef\ng', 7), (b'x' * 1000, 6 + MAX), (b'\n', 6)):
        assert [] == list(decoder.feed(piece))
        assert held == decoder.held
    assert 1 == len(list(decoder.finish()))
    assert 0 == decoder.held


def test_large_body_needs_little_memory():
    """Yielded slices and lines beyond the limit are not kept in memory."""

    def stream():
        line = json.dumps({'name': 'a', 'levelno': 20, 'created': 1.5, 'msg': 'x' * 3000}).encode()
        for _ in range(200):
            yield (line + b'\n') * 50
        for _ in range(120):
            yield b'x' * 2**18
        yield b'\n' + line

    decoder = Decoder(decode_json, 2**20, 1000, True)
    count = size = 0
    tracemalloc.start()
    try:
        for piece in stream():
            size += len(piece)
            count += sum(len(slice.records) for slice in decoder.feed(piece))
        count += sum(len(slice.records) for slice in decoder.finish())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (10_001, [10_001]) == (count, [line for line, _, _ in decoder.bad_lines])
    assert size > 60_000_000
    assert peak < 30_000_000
