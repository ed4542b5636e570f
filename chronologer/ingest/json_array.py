"""``application/json``: an array of objects, each of which is a record."""

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any

from chronologer.errors import ChronologerError, InputError, LimitError, shown
from chronologer.ingest.json_text import is_plain, parse_json
from chronologer.model import Record

MAX_ITEMS = 10_000

Item = Record | ChronologerError  # of an array: a record, or the error of a bad item


def is_array(text: bytes) -> bool:
    """Whether *text*, if it is JSON, is an array."""
    return text.removeprefix(BOM_UTF8).lstrip().startswith(b'[')


def decode_array(text: bytes, decode: Callable[[dict[str, Any], bool], Record]) -> list[Item]:
    """
    Decode a JSON array; *decode* gets each object, and whether its texts and numbers are plain.

    Raises:
        InputError: It is malformed; the message has the position.
        LimitError: It has more than `MAX_ITEMS` items, or more values than one JSON text may have.
    """
    items, plain = parse_json(text, is_plain(text), list)
    if len(items) > MAX_ITEMS:
        limit = f'the limit is {MAX_ITEMS:,}; NDJSON has no such limit'
        raise LimitError(f'the array has {len(items):,} items, {limit}')
    return [_decode_item(item, plain, decode) for item in items]


def _decode_item(item: Any, plain: bool, decode: Callable[[dict[str, Any], bool], Record]) -> Item:
    if type(item) is not dict:
        return InputError(f'expected a JSON object, got {shown(item)}')
    try:
        return decode(item, plain)
    except ChronologerError as ex:
        return ex
