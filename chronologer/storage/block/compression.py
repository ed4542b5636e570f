"""Compression of what is stored."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3  # of zstd
MIN_COMPRESSED = 64  # bytes


def compress(data: bytes, minimum: int = MIN_COMPRESSED, level: int = LEVEL) -> bytes:
    """Compress data from a size on; see `decompress`."""
    if len(data) >= minimum:
        compressed = zstd.compress(data, level)
        if len(compressed) < len(data):
            return b'z' + compressed
    return b'-' + data if data else b''


def decompress(data: bytes) -> bytes:
    """Return the data of a part."""
    return zstd.decompress(data[1:]) if data[:1] == b'z' else data[1:]
