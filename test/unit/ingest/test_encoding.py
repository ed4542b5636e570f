"""Decompression of bodies that arrive in pieces, within limits."""

import gzip
import os
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.errors import InputError, LimitError, MediaTypeError
from chronologer.ingest.encoding import FREE, PIECE, Gzip, Identity, Zstd, find_encoding, zstd

WINDOW = zstd.CompressionParameter.window_log
KINDS = pytest.mark.parametrize(
    ('encoding', 'compress'), [(Gzip, gzip.compress), (Zstd, zstd.compress)]
)


def decode(encoding, pieces, limit=2**23):
    """Return all decoded bytes."""
    body = encoding(limit)
    decoded = [piece for data in pieces for piece in body.feed(data)]
    body.finish()
    assert all(len(piece) <= PIECE for piece in decoded)
    return b''.join(decoded)


@pytest.mark.parametrize(
    ('encoding', 'compress'), [(Identity, bytes), (Gzip, gzip.compress), (Zstd, zstd.compress)]
)
@given(
    st.lists(st.binary() | st.builds(bytes.__mul__, st.binary(), st.integers(0, 3000)), min_size=1),
    st.lists(st.integers(0, 3000), max_size=20),
)
def test_body_is_decoded_from_any_pieces(encoding, compress, members, cuts):
    """A body of one or several frames, also empty ones, is decoded from pieces of any size."""
    body = b''.join(map(compress, members))
    cuts = sorted(min(cut, len(body)) for cut in cuts)
    pieces = [body[low:high] for low, high in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert b''.join(members) == decode(encoding, pieces)


@KINDS
@pytest.mark.parametrize('size', [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5 * PIECE + 7])
@pytest.mark.parametrize('members', [1, 2])
def test_large_body_comes_in_pieces(encoding, compress, size, members):
    """Decoded pieces join without loss."""
    body = compress(b'x' * size) * members
    assert b'x' * size * members == decode(encoding, [body])
    assert b'x' * size * members == decode(encoding, [body[:-1], body[-1:], b''])


@KINDS
def test_body_that_ends_too_early_is_refused(encoding, compress):
    """A truncated body is rejected, also before its first byte and in a later frame."""
    frame = compress(b'hello ' * 100)
    for end in [*range(len(frame)), *range(len(frame) + 1, 2 * len(frame))]:
        with pytest.raises(InputError, match=f'Content-Encoding: the {encoding.name} body ends'):
            decode(encoding, [(frame + frame)[:end]])


@KINDS
@pytest.mark.parametrize('body', [b'garbage, not a frame', b'\0' * 100, b'{"name": "a"}'])
def test_garbage_is_refused(encoding, compress, body):
    """Garbage is rejected, alone and after a valid frame; the message names the encoding."""
    for data in (body, compress(b'hello') + body):
        with pytest.raises(InputError, match=f'the body is not {encoding.name}: '):
            decode(encoding, [data])


@KINDS
@given(st.binary(min_size=1), st.integers(0, 2000), st.integers(0, 255))
def test_damage_leads_to_no_crash(encoding, compress, body, position, byte):
    """A changed byte leads to an error or to another body, not to a crash."""
    data = bytearray(compress(body))
    data[position % len(data)] = byte
    with suppress(InputError, LimitError):
        assert isinstance(decode(encoding, [bytes(data)]), bytes)


@pytest.mark.parametrize(
    ('encoding', 'compress'), [(Identity, bytes), (Gzip, gzip.compress), (Zstd, zstd.compress)]
)
def test_decoded_bytes_are_limited(encoding, compress):
    """The limit applies to the sum of all frames; a body of exactly the limit is accepted."""
    assert b'x' * 1000 == decode(encoding, [compress(b'x' * 600), compress(b'x' * 400)], 1000)
    with pytest.raises(LimitError, match='1,000 bytes'):
        decode(encoding, [compress(b'x' * 600), compress(b'x' * 401)], 1000)


@KINDS
def test_bomb_needs_little_memory(encoding, compress, monkeypatch):
    """A decompression bomb is decoded piece by piece, and only up to the limit."""
    monkeypatch.setattr('chronologer.ingest.encoding.MAX_RATIO', 10**6)
    bomb = compress(b'\0' * 50_000_000) + compress(b'\0' * 50_000_000)
    body, size = encoding(60_000_000), 0
    tracemalloc.start()
    try:
        for piece in body.feed(bomb):
            size += len(piece)
    except LimitError:
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 60_000_000 - PIECE <= size <= 60_000_000
    assert peak < 5_000_000


@KINDS
def test_what_is_decoded_is_limited_by_what_is_sent(encoding, compress):
    """Beyond 8 MiB, 200 times as much; a body of 8 MiB may have any ratio."""
    assert FREE == len(decode(encoding, [compress(b'\n' * FREE)], 10**9))
    incompressible = os.urandom(10**5)
    assert decode(encoding, [compress(incompressible + b'\n' * 15 * 10**6)], 10**9)
    with pytest.raises(LimitError, match=r'200 times the [\d,]+ bytes sent'):
        decode(encoding, [compress(b'\n' * (FREE + 1))], 10**9)


def test_zstd_window_is_limited():
    """Windows above 8 MiB are rejected, because a window occupies memory."""
    for window, is_accepted in ((23, True), (24, False)):
        compressor = zstd.ZstdCompressor(options={WINDOW: window})
        body = compressor.compress(b'x' * 100) + compressor.flush()
        if is_accepted:
            assert b'x' * 100 == decode(Zstd, [body])
        else:
            with pytest.raises(InputError, match='not zstd'):
                decode(Zstd, [body])


@pytest.mark.parametrize(
    ('name', 'encoding'),
    [('', Identity), ('identity', Identity), ('gzip', Gzip), (' GZip ', Gzip), ('x-gzip', Gzip),
     ('ZSTD', Zstd)],
)  # fmt: skip
def test_names_of_encodings(name, encoding):
    """Names of encodings are accepted in any case."""
    assert encoding is find_encoding(name)


@pytest.mark.parametrize('name', ['br', 'deflate', 'gzip, gzip', 'gzip;q=1', 'utf-8'])
def test_other_encodings_are_refused(name):
    """The message names the accepted encodings."""
    with pytest.raises(MediaTypeError, match='expected gzip or zstd, got'):
        find_encoding(name)
