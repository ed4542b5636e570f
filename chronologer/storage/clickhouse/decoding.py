"""
Decodes lines of LogRecords by a statement of the engine in this process.

Python's work for each record limits ingestion, because only one thread does it at a time. For usual
lines the statement has the same result as `chronologer.ingest.logrecord`, which decodes a slice
with any other line.

The engine formats numbers, and the float 387.0 as 387. So whole floats become strings first, which
begin with DEL as no other string does, and numbers again in the end.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from string import Template

from chronologer.model import COLUMNS, ERROR, META
from chronologer.query.tree import format_step
from chronologer.storage.clickhouse.connection import NO_MEMORY, Connection, code_of
from chronologer.storage.clickhouse.lines import META_FIELDS
from chronologer.storage.fields import MAX_FIELD_NAME, Fields

THROWN = 395  # ClickHouse's error code for what throwIf throws
MIN_LINES = 2000  # the engine needs 20 ms to parse the statement
MAX_LINE = 16_000  # bytes; no key of such a line is too long
UNUSUAL = (b'\x7f', b'\\u007', b'\\u0000', b'\\ud', b'\\uD')  # DEL, NUL, surrogates
MEMORY = '/dev/shm'  # where a file needs no disk

STRUCTURE = (
    'ts Int64, level Int32, name String, message String, data String, '
    f'meta Tuple({", ".join(f"{field} String" for field in (*META_FIELDS, "others"))}), '
    'error String, text String, shape LowCardinality(String)'
)
ROW = ('ts', 'level', 'name', 'message', 'data', 'meta', 'error', 'text')
TYPES = {'n': 'number', 't': 'text', 'b': 'boolean', 'a': 'array'}  # of shapes

# Pieces of the statement, of an array of fields and of a piece of JSON.
OBJECT = r"""
    if(empty({0}), '', concat('{{', {1}, '}}'))
"""
JOINED = (
    "arrayStringConcat(arrayMap(field -> concat(toJSONString(field.1), ':', field.2), {}), ',')"
)
UNMARKED = r"""replaceRegexpAll({}, '"\x7f(-?[0-9]+\\.0)"', '\\1')"""

# Each step is a query of its own: a name within a query stands for the whole of its expression.
STATEMENT = Template(
    r"""
    SELECT
        toInt64(whole) * 1000000 + toInt64(roundBankers((created - whole) * 1000000))
            + throwIf(NOT is_usual) AS ts,
        assumeNotNull(level) AS level,
        JSONExtractString(raw_name) AS name,
        message,
        $data AS data,
        ($fields, if(empty(of_meta), '', '{}')) AS meta,
        if(has_text, concat('{', if(has_info, concat('"exc_info":', $info, ','), ''),
                            '"exc_text":', raw_text, '}'), '') AS error,
        replaceAll(caseFoldUTF8(arrayStringConcat(
            arrayConcat([message], arrayMap(value -> JSONExtractString(value), texts),
                        if(has_text, [JSONExtractString(raw_text)], [])),
            '\0'
        )), 'i\xCC\x87', 'i') AS text,
        toLowCardinality(arrayStringConcat(arrayMap(
            field -> concat(
                multiIf(startsWith(field.2, '"\x7f'), 'n', startsWith(field.2, '"'), 't',
                        startsWith(field.2, '['), 'a', field.2 IN ('true', 'false'), 'b',
                        field.2 = 'null' OR startsWith(field.2, '{'), '-', 'n'),
                field.1
            ),
            arrayConcat(of_data, of_meta)
        ), '\0')) AS shape
    FROM (
        SELECT
            *,
            toInt32OrNull(raw_level) AS level,
            JSONExtractFloat(raw_created) AS created,
            floor(created) AS whole,
            JSONExtractString(raw_message) AS message,
            arrayFilter(value -> startsWith(value, '"') AND NOT startsWith(value, '"\x7f'), values)
                AS texts,
            startsWith(raw_name, '"') AND NOT startsWith(raw_name, '"\x7f')
                AND startsWith(raw_message, '"') AND NOT startsWith(raw_message, '"\x7f')
                AND level IS NOT NULL
                AND match(raw_created, '^[0-9]{1,10}\\.[0-9]+$$')
                AND (NOT has_info OR (has_text AND startsWith(raw_info, '{') AND raw_info != '{}'))
                AND (NOT has_text OR (startsWith(raw_text, '"')
                                      AND NOT startsWith(raw_text, '"\x7f')
                                      AND raw_text NOT IN ('"None"', '"(None, None, None)"')))
                AND arrayUniq(fields.1) = length(fields)
                AND NOT arrayExists(value -> match(value, '^[\\[{]'), values)
                AND arraySum(arrayMap(
                    raw -> if(match(raw, '^[\\[{]'), countSubstrings(raw, '[')
                                                     + countSubstrings(raw, '{'), 0),
                    fields.2
                )) <= 24
                AND NOT match(marked, '[:\\[,]\\s*-?[0-9]+(\\.0+\\s*[,}\\]]|(\\.[0-9]+)?[eE])')
                AS is_usual
        FROM (
            SELECT
                marked,
                fields,
                arrayFirst(field -> field.1 = 'name', fields).2 AS raw_name,
                arrayFirst(field -> field.1 = 'levelno', fields).2 AS raw_level,
                replaceRegexpOne(arrayFirst(field -> field.1 = 'created', fields).2,
                                 '^"\x7f(.*)"$$', '\\1') AS raw_created,
                arrayFirst(field -> field.1 = 'message', fields).2 AS raw_message,
                arrayFirst(field -> field.1 = 'exc_info', fields).2 AS raw_info,
                arrayFirst(field -> field.1 = 'exc_text', fields).2 AS raw_text,
                raw_info NOT IN ('', 'null') AS has_info,
                raw_text NOT IN ('', 'null', '""') AS has_text,
                arrayFilter(field -> field.1 IN $meta, fields) AS of_meta,
                CAST(arrayMap(field -> (field.1, $value), of_meta), 'Map(String, String)')
                    AS by_name,
                arrayFilter(field -> field.1 NOT IN $known, fields) AS of_data,
                arrayFlatten(arrayMap(
                    field -> if(startsWith(field.2, '['), JSONExtractArrayRaw(field.2), [field.2]),
                    of_data
                )) AS values
            FROM (
                SELECT
                    replaceRegexpAll(
                        line, '([:\\[,]\\s*)(-?[0-9]+)\\.0+(\\s*[,}\\]])', '\\1"\x7f\\2.0"\\3'
                    ) AS marked,
                    JSONExtractKeysAndValuesRaw(marked) AS fields
                FROM file('$path', LineAsString, 'line String')
            )
        )
    )
    SETTINGS max_threads = 1
    """
)


def _tuple(names: frozenset[str] | tuple[str, ...]) -> str:
    return f'({", ".join(repr(name) for name in sorted(names))})'


def _object(fields: str) -> str:
    return OBJECT.format(fields, UNMARKED.format(JOINED.format(fields))).strip()


PIECES = {
    'meta': _tuple(META),
    'known': _tuple((*META, *COLUMNS, *ERROR)),
    'data': _object('of_data'),
    'fields': ', '.join(f"by_name['{field}']" for field in META_FIELDS),
    'value': UNMARKED.format('field.2'),
    'info': UNMARKED.format('raw_info'),
}


def decode(db: Connection, lines: Sequence[bytes]) -> bytes | None:
    """
    Return the rows of lines in the format Native, of `STRUCTURE`.

    None is returned if one of the lines is unusual, or if there is not enough memory.
    """
    text = b'\n'.join(lines)
    if max(map(len, lines)) > MAX_LINE or any(piece in text for piece in UNUSUAL):
        return None
    with shared_file(text) as path:
        try:
            return db.native(STATEMENT.substitute(PIECES, path=path))
        except Exception as ex:
            if code_of(ex) in (THROWN, NO_MEMORY):
                return None
            raise


def insert(db: Connection, rows: Sequence[bytes], first_id: int) -> None:
    """Insert rows that `decode` has returned, with consecutive ids."""
    with shared_file(b''.join(rows)) as path:
        columns = ', '.join(ROW)
        db.command(
            f"""
            INSERT INTO record (id, {columns})
            SELECT ? + rowNumberInAllBlocks(), {columns} FROM file('{path}', Native, '{STRUCTURE}')
            SETTINGS max_threads = 1, max_insert_threads = 1, max_partitions_per_insert_block = 0
            """,
            (first_id,),
        )


def fields_of(db: Connection, rows: Sequence[bytes], known: set[str]) -> Fields:
    """Return the fields of rows of `decode`, except those of the shapes in *known*."""
    if not rows:
        return set()
    with shared_file(b''.join(rows)) as path:
        shapes = db.execute(f"SELECT DISTINCT shape FROM file('{path}', Native, '{STRUCTURE}')")
    fields: Fields = set()
    for (shape,) in shapes:
        if shape not in known:
            known.add(shape)
            for field in shape.split('\0') if shape else ():
                type, key = field[0], field[1:]
                name = ('meta' if key in META else 'data') + format_step(key)
                if type in TYPES and len(name) <= MAX_FIELD_NAME:
                    fields.add((name, TYPES[type]))
    return fields


@contextmanager
def shared_file(content: bytes) -> Iterator[str]:
    """Return a file that the engine can read, with a name that needs no quotation marks."""
    directory = MEMORY if os.access(MEMORY, os.W_OK) else None
    descriptor, path = tempfile.mkstemp('.chronologer', dir=directory)
    try:
        with open(descriptor, 'wb') as file:
            file.write(content)
        yield path
    finally:
        os.unlink(path)
