"""Lines are decoded to columns with the same result as line by line, or not at all."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.corpus import as_logrecord, make_records
from chronologer.ingest.json_text import is_plain
from chronologer.ingest.logrecord import decode_json
from chronologer.model import Record
from chronologer.storage.block.batch import records_of
from chronologer.storage.block.lines import LineDecoder

USUAL = {
    'name': 'app', 'levelno': 20, 'created': 1717243200.123456, 'message': 'hello', 'msg': 'hello',
    'args': None, 'exc_info': None, 'exc_text': None, 'lineno': 7, 'msecs': 123.0, 'user': 'bob',
}  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(-1e9, 1e9)
    | st.text('aä\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab'), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {
        'name': st.text('ab.', max_size=3),
        'levelno': st.integers(-(2**31), 2**31 - 1),
        'created': st.floats(0, 2**32 - 1),
        'message': st.text('ab ü', max_size=3),
    },
    optional=dict.fromkeys(
        ('msg', 'args', 'exc_info', 'exc_text', 'lineno', 'stack_info', 'x', 'y', '', 'é'), JSON
    ),
)


def line(**fields) -> bytes:
    return json.dumps({**USUAL, **fields}).encode()


def one_by_one(lines: list[bytes]) -> list[Record]:
    return [decode_json(text, plain=True) for text in lines]


def shape(records) -> list[str]:
    """Return records in a form that distinguishes 1 and 1.0, with sorted keys."""
    return [json.dumps([record.ts.isoformat(), *record[1:5]], sort_keys=True) for record in records]


@given(st.lists(FIELDS, min_size=1, max_size=6), st.booleans())
def test_lines_of_any_fields(dicts, is_ascii):
    """Values, times and missing fields are the same as those of single records."""
    lines = [json.dumps(fields, ensure_ascii=is_ascii).encode() for fields in dicts]
    assume(is_plain(b'\n'.join(lines)))  # not with texts of digits
    decoder = LineDecoder()
    for some in (lines[:1], lines, lines):  # it learns fields
        table = decoder.decode(some)
        assert table is not None
        assert shape(one_by_one(some)) == shape(records_of(table))


def test_the_corpus():
    """The times of many records are rounded in the same way."""
    lines = [json.dumps(as_logrecord(record)).encode() for record in make_records(3000)]
    table = LineDecoder().decode(lines)
    assert table is not None
    assert shape(one_by_one(lines)) == shape(records_of(table))


def nested(levels: int):
    return [nested(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    'odd',
    [
        line(levelno=20.0), line(levelno='20'), line(levelno=2**31), line(levelno=True),
        line(created=1), line(created='1.5'), line(created=-1.5), line(created=1e300),
        line(name=None), line(name=1), line(message=None), line(message={'a': 1}),
        line(x=nested(30)), line(x={'k' * 300: 1}), line(**{'k' * 300: 1}), line(x='x' * 70_000),
        b'{"name": "a", "levelno": 20, "created": 1.5}', b'{}', b'[]', b'1', b'{"name":',
        line() + line(), line() + b' ', b' ' + line(), line(x='\ud800'), b'\xef\xbb\xbf' + line(),
        b'{"x": "\xff"' + line()[1:].join([b', ', b'']), line(x=float('nan')),
        line()[:-1] + b', "x": 1e400}', line()[:-1] + b', "x": 01}',
    ],
)  # fmt: skip
def test_an_unusual_line(odd):
    """None is returned for all, so that each line is decoded by itself."""
    decoder = LineDecoder()
    assert decoder.decode([line(), line()]) is not None
    assert decoder.decode([line(), odd]) is None
    assert decoder.decode([line(), line()]) is not None


def test_lines_that_are_one_object_together():
    """An object in two lines is none, though the number of objects is that of lines."""
    first, second = line()[:-1] + b', "x": {"y": 1}', b'}' + line()
    assert LineDecoder().decode([first, second]) is None


def test_thousands_of_names():
    """The names that are learned are bounded; the lines are then decoded one by one."""
    decoder = LineDecoder()
    for start in range(0, 190, 10):
        assert decoder.decode([line(**{f'field {start + n}': n for n in range(10)})]) is not None
    assert decoder.decode([line(**{f'field {n}': n for n in range(300)})]) is None
    assert decoder.decode([line()]) is not None
