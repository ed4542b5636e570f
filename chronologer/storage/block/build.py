"""Builds blocks, ready to be stored."""

from collections import Counter
from dataclasses import dataclass

from chronologer.storage.block import signature
from chronologer.storage.block.block import write_header
from chronologer.storage.block.compression import compress
from chronologer.storage.block.encoding import DIGITS, name_of
from chronologer.storage.block.pack import pack
from chronologer.storage.block.table import Table, count_records, fields_of, searched_texts
from chronologer.storage.fields import Fields


@dataclass(slots=True)
class Built:
    """A block that is ready to be stored, but for the ids of its records; without these records."""

    count: int
    bounds: tuple[int, int, int]  # lowest and highest ts, highest level
    size: int  # of the columns, in bytes
    parts: list[bytes]  # compressed: header, columns
    signature: bytes
    counts: Counter[tuple[str, int, int]]  # by logger, quarter of an hour and level
    fields: Fields


def build(table: Table) -> Built:
    """
    Build a block.

    Raises:
        TypeError, ValueError, OverflowError: A record cannot be stored.
    """
    packed = pack(table)
    digits = {key for key, kind in packed.header if name_of(kind) in DIGITS}
    return Built(
        len(table),
        (packed.low_ts, packed.high_ts, packed.max_level),
        sum(map(len, packed.parts)),
        list(map(compress, [write_header(packed), *packed.parts])),
        signature.sign(*searched_texts(table, digits)),
        count_records(table),
        fields_of(table),
    )
