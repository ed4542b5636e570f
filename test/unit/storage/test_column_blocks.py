"""Blocks of columns have the records that they were made of."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronologer.model import EPOCH, MICROSECOND, Record
from chronologer.query.tree import like_pattern
from chronologer.search import parse_search, searchable
from chronologer.storage.block import signature, table
from chronologer.storage.block.block import Block, block_of
from chronologer.storage.block.build import build
from chronologer.storage.block.evaluate import Pattern
from chronologer.storage.block.pack import pack
from chronologer.storage.block.purge import table_of
from chronologer.storage.block.search import matching
from chronologer.storage.block.table import selected
from test.engine.query_oracle import like

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-9, 9)
    | st.text('aB '),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab'), inner, max_size=3),
    max_leaves=5,
)
SECTION = st.sampled_from(['data', 'meta', 'error', 'user', ''])
FIELD = st.sampled_from(
    ['msg', 'msecs', 'relativeCreated', 'lineno', 'pathname', 'levelname', 'thread', 'exc_info',
     'exc_text', 'x', '']
)  # fmt: skip
LOGRECS = st.dictionaries(SECTION, JSON | st.dictionaries(FIELD, JSON, max_size=4), max_size=3)
RECORDS = st.builds(
    Record,
    st.integers(-(10**15), 10**15).map(lambda ts: EPOCH + ts * MICROSECOND),
    st.sampled_from(['', 'app', 'app.db']),
    st.sampled_from([-(2**31), 0, 20, 2**31 - 1]),
    st.text('aB \0', max_size=5),
    LOGRECS,
)


def usual(number: int, **fields) -> Record:
    """A record as programs log them."""
    ts = EPOCH + number * MICROSECOND * 1111
    meta = {
        'msg': f'message {number}', 'msecs': float(number * 1111 // 1000 % 1000),
        'relativeCreated': number + 0.125, 'pathname': f'/{number % 3}.py', 'lineno': number % 3,
        'levelname': 'INFO', 'thread': 1, 'threadName': 'Main', 'args': None,
    }  # fmt: skip
    return Record(ts, 'app', 20, f'message {number}', {'meta': {**meta, **fields}}, number)


def block(records: list[Record]) -> Block:
    ids = [record.id if record.id is not None else n for n, record in enumerate(records, 1)]
    return block_of(pack(table.make_table(records).with_ids(ids)), ids[0])


def everything(block: Block) -> list[Record]:
    return list(block.records(np.arange(len(block)), whole=True))


@given(st.lists(RECORDS, min_size=1, max_size=9), st.integers(0, 6))
def test_any_records_are_restored(records, max_columns):
    """Values, types and missing fields are those that were stored, with any number of columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, 'MAX_COLUMNS', max_columns)
        one = block([record._replace(id=number * 3) for number, record in enumerate(records, 1)])
        assert [repr(sort(record._replace(id=None))) for record in records] == [
            repr(sort(record._replace(id=None))) for record in everything(one)
        ]


def sort(value):
    """Return a record or value with sorted keys."""
    if isinstance(value, Record):
        return value._replace(logrec=sort(value.logrec))
    if isinstance(value, dict):
        return {key: sort(item) for key, item in sorted(value.items())}
    return [sort(item) for item in value] if isinstance(value, list) else value


def test_usual_records_are_groups_and_differences():
    """What follows from other columns needs no room; the rest is restored from it."""
    records = [usual(number) for number in range(1000)]
    packed = pack(table.make_table(records).with_ids(range(1000)))
    sizes = {key: len(data) for (key, _), data in zip(packed.header, packed.parts, strict=True)}
    assert {'site', 'severity', 'actor', 'message', 'ts'} <= sizes.keys()
    assert 0 == sizes['meta', 'msg'] == sizes['meta', 'msecs']
    assert ('meta', 'lineno') not in sizes
    assert records == everything(block_of(packed, 0))


@pytest.mark.parametrize(
    'fields',
    [{'lineno': 1.0}, {'lineno': True}, {'lineno': None}, {'lineno': []}, {'lineno': 'x'},
     {'msecs': 0}, {'msecs': -0.0}, {'msecs': 12.5}, {'relativeCreated': 1e300}, {'msg': 'other'},
     {'relativeCreated': -0.0}, {'relativeCreated': None}, {'thread': {}}, {'levelname': ''}],
)  # fmt: skip
def test_one_odd_record_among_usual_ones(fields):
    """It is restored, and so are the others."""
    records = [usual(number) for number in range(64)]
    records[7] = usual(7, **fields)
    del records[9].logrec['meta']['msecs'], records[9].logrec['meta']['lineno']
    assert list(map(repr, map(sort, records))) == list(
        map(repr, map(sort, everything(block(records))))
    )


def test_thousands_of_field_names():
    """Frequent fields are columns, others are kept together."""
    records = [
        Record(
            EPOCH, 'app', 20, 'm', {'data': {'all': n, **{f'k{n}_{i}': i for i in range(30)}}}, n
        )
        for n in range(300)
    ]
    one = block(records)
    assert table.MAX_COLUMNS + 1 == len(one.keys)
    assert records == everything(one)


def test_some_records_of_a_block():
    """A purge selects records by their positions."""
    records = [usual(number) for number in range(50)]
    where = np.array([3, 4, 48])
    kept = selected(table_of(block(records)), where)
    assert [records[n] for n in where] == everything(block_of(pack(kept), int(kept.ids[0])))


@given(st.lists(RECORDS, min_size=1, max_size=9), st.text('aB1', min_size=1, max_size=2))
def test_searches_find_what_a_scan_finds(records, term):
    """Each text of a record is searched, and no two texts together."""
    search = parse_search(f'"{term}"')
    wanted = [search.matches(searchable(record.message, record.logrec)) for record in records]
    for max_columns in (256, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(table, 'MAX_COLUMNS', max_columns)
            one = block([record._replace(id=number) for number, record in enumerate(records)])
            assert wanted == matching(one, search, np.ones(len(one), np.bool_), {}).tolist()


@given(st.text('ab_%', max_size=7), st.text('ab\n', max_size=7))
def test_patterns(pattern, text):
    """Patterns match as their definition says."""
    parts = like_pattern(pattern, None)
    assert like(text, parts) == Pattern(parts).matches(text)


def test_patterns_are_matched_in_linear_time():
    """Twenty wildcards do not multiply the time; a regular expression would try all ways."""
    pattern = Pattern(like_pattern('%a%' * 10 + 'b', None))
    assert not pattern.matches('a' * 1_000_000)


@given(st.lists(st.text('abcdefgh ', min_size=4), min_size=1), st.data())
def test_signatures_miss_no_text(texts, data):
    """A block that has a text has its hashes, alone and in a group."""
    records = [Record(EPOCH, 'a', 20, text, {}) for text in texts]
    own = build(table.make_table(records)).signature
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text) - 4))
    hashes = signature.hashes_of(text[start:]).of_texts
    assert hashes
    assert signature.has(own, hashes)
    group = signature.pages(signature.combine([own, b'\0' * len(own)]))
    for hash in hashes:
        page, offset = signature.locate(hash)
        assert b'\x01\x00' == group[page][offset : offset + signature.WORD]
    assert not signature.has(own, signature.hashes_of('zyxwvut').of_texts)


@pytest.mark.parametrize('digits', [False, True])
def test_pieces_of_a_long_text_overlap(digits, monkeypatch):
    """Its signature does not depend on the pieces."""
    text = ''.join(f'{number:x}' for number in range(3000))
    texts = ([], [text]) if digits else ([text], [])
    whole = signature.sign(*texts)
    for size in (5, 64, len(text) - 1):
        monkeypatch.setattr(signature, 'PIECE', size)
        assert whole == signature.sign(*texts)


@given(
    st.integers(0, 2**128 - 80), st.integers(0, 79), st.booleans(), st.integers(0, 28), st.data()
)
def test_signatures_miss_no_digits(first, position, is_uuid, start, data):
    """Of a column of digits, some pieces are signed; the others of a term are not looked up."""
    values = [UUID(int=first + number) for number in range(80)]
    texts = [str(value) if is_uuid else value.hex for value in values]
    records = [Record(EPOCH, 'a', 20, '', {'data': {'id': text}}) for text in texts]
    own = build(table.make_table(records)).signature
    term = texts[position][start : data.draw(st.integers(start + 4, 36))]
    hashes = signature.hashes_of(term)
    assert signature.has(own, hashes.of_digits)
    assert not signature.has(own, signature.hashes_of('zyxwvut' + term).of_texts)
