"""The engine's decoding of LogRecords equals Python's, or fails as a whole."""

import json
from contextlib import closing
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chronologer.ingest.json_text import is_plain
from chronologer.ingest.logrecord import decode_json
from chronologer.model import COLUMNS, ERROR, META, Filter
from chronologer.storage import create_storage
from chronologer.storage.clickhouse import decoding
from chronologer.storage.clickhouse.connection import Connection, open_client
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.clickhouse.lines import META_FIELDS, FieldNames, make_row

USUAL = {'name': 'app', 'levelno': 20, 'created': 1525970213.377493, 'message': 'hello'}
COLUMNS_READ = 'ts, level, name, message, data, meta, error, text'

TEXTS = st.text(max_size=12) | st.sampled_from(
    ['', 'a"b', 'a\\b', 'a/b', '\n\t\r\b\f', 'Größe', 'STRASSE ß', '\U0001f600', 'ΣΑΣ', '1.0',
     ',1.0,', ':1.0}', '[2.0]', '{', '}', '"', 'x:5.0,y', '\x7f', '\x1f', '\u2028', 'İ', 'null',
     '{"a": 1.0}']
)  # fmt: skip
NUMBERS = (
    st.integers(-5, 5)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, -1.0, 387.0, 1e15, 1e16, 1e22, 1e-7, 0.1, 5e-324, 123456.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)
KEYS = (
    TEXTS | st.sampled_from(sorted(META)) | st.sampled_from(['user', 'order', 'a.b', 'a b', 'ключ'])
)
ERRORS = st.sampled_from(
    [None, '', 'None', '(None, None, None)', 'Traceback: Größe 1.0', {}, {'type': 'E', 'n': 1.0}, 5]
)
LINES = st.builds(
    lambda columns, errors, fields: {**columns, **errors, **fields},
    st.fixed_dictionaries(
        {
            'name': TEXTS,
            'levelno': st.sampled_from([10, 20, 40, -(2**31), 2**31 - 1, 2**31, True, '20', 20.0]),
            'created': st.floats(0, 4e9, allow_subnormal=False)
            | st.sampled_from([1525970213.377493, 1e9, 1.5, 0.0000005, 1700000000.0000005, 1])
            | st.floats(1.6e9, 1.8e9),
        },
        optional={'message': TEXTS | NUMBERS},
    ),
    st.fixed_dictionaries({}, optional={'exc_info': ERRORS, 'exc_text': ERRORS}),
    st.dictionaries(KEYS.filter(lambda key: key not in COLUMNS and key not in ERROR), VALUES),
)


def spaced(fields):
    """Encode as the standard library's ``json`` does, with escapes of non-ASCII characters."""
    return json.dumps(fields).encode()


def compact(fields):
    """Encode as other libraries do, without spaces and escapes."""
    return json.dumps(fields, ensure_ascii=False, separators=(',', ':')).encode()


@pytest.fixture(scope='module')
def db(chdb_directory):
    """A connection to the engine in this process."""
    target = Target('default', directory=str(chdb_directory), memory=1024)
    connection = Connection(open_client(target, None, {'compile_expressions': 0}))
    yield connection
    connection.close()


def engine_rows(db, lines):
    """Return the rows that the engine decodes from lines, or None."""
    rows = decoding.decode(db, lines)
    if rows is None:
        return None
    with decoding.shared_file(rows) as path:
        source = f"file('{path}', Native, '{decoding.STRUCTURE}')"
        return [comparable(row) for row in db.execute(f'SELECT {COLUMNS_READ} FROM {source}')]


def python_row(line):
    """Return the row that Python decodes from a line."""
    _, *columns, data, meta, error, rest, text = json.loads(make_row(0, decode_json(line)))
    assert rest == ''
    return comparable((*columns, data, meta, error, text))


def comparable(row):
    """Return a text of a row that distinguishes 1, 1.0 and True, with the JSON in it decoded."""
    *columns, data, meta, error, text = row
    fields = meta.values() if isinstance(meta, dict) else meta
    parts = [json.loads(part) if part else None for part in (data, *fields, error)]
    return repr((*columns, *parts, text))


def is_candidate(line):
    """Return whether a line may be passed to the engine."""
    try:
        decode_json(line)
    except Exception:
        return False
    return is_plain(line)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(LINES, st.sampled_from([spaced, compact]))
@example({**USUAL, 'message': 'İSTANBUL'}, spaced)
@example({**USUAL, 'exc_text': 'İ', 'city': 'i\u0307'}, compact)
def test_a_line_is_decoded_as_by_python_or_not_at_all(db, fields, encode):
    """The columns equal those of Python; numbers keep their types."""
    try:
        line = encode(fields)
    except UnicodeEncodeError:  # a lone surrogate
        return
    if is_candidate(line):
        assert engine_rows(db, [line]) in (None, [python_row(line)])


@pytest.mark.parametrize(
    'fields',
    [
        {},
        {'message': 'Größe "x" \\ / \n'},
        {'msecs': 377.0, 'relativeCreated': 5.25, 'lineno': 3, 'taskName': None, 'args': []},
        {'args': [1, 2.5, 'x', None], 'user': 'bob', 'order': 387, 'ratio': 387.0, 'ok': True},
        {'tags': ['a', 'B', 3], 'none': None},
        {'exc_info': None, 'exc_text': None},
        {'exc_text': 'Traceback\n  File "x", line 5'},
        {'exc_info': {'type': 'ValueError', 'args': [1.0]}, 'exc_text': 'ValueError: 1.0'},
        {'args': {'user': 'bob'}, 'message': 'took {} ms, [3.5]'},
        {'created': 1700000000.0},
        {'a.b': 1, 'a b': 2, 'ключ': 'STRASSE ß ΣΑΣ'},
    ],
    ids=range(11),
)
@pytest.mark.parametrize('encode', [spaced, compact])
def test_usual_lines_are_decoded(db, fields, encode):
    """The engine decodes usual lines, without Python."""
    line = encode({**USUAL, **fields})
    assert [python_row(line)] == engine_rows(db, [line])


@pytest.mark.parametrize(
    'line',
    [
        b'{', b'1', b'[]', b'"x"', b'{}', b'null', b'{"name":"a"}', b'{"name":"a",}',
        compact({**USUAL, 'levelno': 2**40}),
        compact({**USUAL, 'levelno': '20'}),
        compact({**USUAL, 'message': None}),
        compact({**USUAL, 'created': '1.5'}),
        compact({**USUAL, 'created': 1e300}),
        compact({**USUAL, 'data': {'nested': 'text'}}),
        compact({**USUAL, 'list': [['nested']]}),
        compact({**USUAL, 'args': [[[[[]]]]] * 9}),
        compact({**USUAL, 'number': 1e22}),
        compact({**USUAL, 'args': [1.0, 2.0, 3.0]}),
        compact(USUAL)[:-1] + b',"name":"b"}',
        compact(USUAL)[:-1] + b',"x":"\xff"}',
        compact(USUAL)[:-1] + b',"x":"\\ud800"}',
        compact(USUAL)[:-1] + b',"x":"\x7f1.0"}',
        compact(USUAL)[:-1] + b',"x":"\\u007f1.0"}',
        compact(USUAL)[:-1] + b',"x":NaN}',
        compact(USUAL)[:-1] + b',"x":1.00e2}',
        compact({**USUAL, 'x': 'y' * 20_000}),
    ],
    ids=range(26),
)  # fmt: skip
def test_other_lines_are_left_to_python(db, line):
    """Python decodes the whole slice if one line is unusual."""
    assert engine_rows(db, [compact(USUAL), line]) is None


def test_a_whole_slice(chdb_directory):
    """A slice is stored like its records: in order, with the same fields, beside other batches."""
    lines = [
        compact({**USUAL, 'created': 1.7e9 + n / 1000, 'n': n, 'user': f'user{n}', 'x': n * 0.5})
        for n in range(decoding.MIN_LINES)
    ]
    records = [decode_json(line) for line in lines]
    with create_storage(f'chdb://{chdb_directory}?database=slices') as storage:
        storage.migrate()
        prepared = storage.prepare(lines, decode_json)
        assert records[:3] == prepared[:3]
        outcomes = storage.insert([prepared, records[:5], prepared])
        ids = [id for outcome in outcomes for id in outcome]
        stored = list(storage.since(0, Filter(), 5000, whole=True))
        assert ids == [record.id for record in stored] == sorted(set(ids))
        expected = records + records[:5] + records
        assert expected == [record._replace(id=None) for record in stored]
        names = FieldNames().unknown_of(records)
        assert names == {(name, type) for name, types in storage.fields().items() for type in types}
        assert len(ids) == storage.count(Filter(after=datetime(2023, 1, 1, tzinfo=timezone.utc)))
        bad = [*lines[:-1], b'{']
        assert storage.prepare(bad, decode_json) is None
        assert storage.prepare(lines[:-1], decode_json) is None  # too few lines for the engine


def test_fields_of_a_logrecord_have_columns(db, chdb_directory):
    """Every field has a column; a new field needs a migration."""
    with create_storage(f'chdb://{chdb_directory}?database=fields') as storage:
        storage.migrate()
    type = "SELECT type FROM system.columns WHERE database = 'fields' AND name = 'meta'"
    ((text,),) = db.execute(type)
    names = [element.split()[0] for element in text.removeprefix('Tuple(').split(',')]
    assert [*sorted(META), 'others'] == names == [*META_FIELDS, 'others']


def test_slices_that_need_too_much_memory_are_left_to_python(chdb_directory):
    """The engine returns None if it needs more memory than the limit."""
    client = open_client(Target('default', directory=str(chdb_directory), memory=4), None, {})
    lines = [spaced({**USUAL, 'n': number}) for number in range(5000)]
    with closing(Connection(client)) as db:
        assert decoding.decode(db, lines[:10])
        assert decoding.decode(db, lines) is None
