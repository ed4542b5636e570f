"""Conditions for MySQL and MariaDB."""

import orjson

from chronologer.query.tree import Path
from chronologer.storage.render import SQL, Renderer, join

DASH = '\x7f'  # in front of a key that begins with a dash

# MariaDB calls 1e300 an integer. Cases are tested in order, so the last one has other numbers.
TYPES = {
    'integer': "IN ('INTEGER', 'UNSIGNED INTEGER')",
    'float': "IN ('INTEGER', 'DOUBLE', 'DECIMAL')",
    'text': "= 'STRING'",
    'boolean': "= 'BOOLEAN'",
}


class MySQLRenderer(Renderer):
    """``JSON_EXTRACT``, whose results differ between the two servers until they are cast."""

    number_types = ('integer', 'float')
    at = "(TIMESTAMP'1970-01-01 00:00:00.000000' + INTERVAL ? MICROSECOND)"

    def is_type(self, path: Path, type: str) -> SQL:
        json_type = join('JSON_TYPE({})', _extract(path))
        if type == 'null':
            return join("COALESCE({}, 'NULL') = 'NULL'", json_type)
        if type == 'integer':
            no_exponent = join("LOCATE('e', {}) = 0", _extract(path))
            return join(f'{{}} {TYPES[type]} AND {{}}', json_type, no_exponent)
        return join(f'{{}} {TYPES[type]}', json_type)

    def value(self, path: Path, type: str) -> SQL:
        if type == 'integer':
            return join('CAST({} AS SIGNED)', _extract(path))
        if type == 'float':
            return join('CAST({} AS DOUBLE)', _extract(path))
        text = join('JSON_UNQUOTE({})', _extract(path))
        return text if type == 'text' else join("({} = 'true')", text)

    def compare_texts(self, left: SQL, operator: str, right: SQL) -> SQL:
        """As bytes: texts are compared without their trailing spaces, and by some collation."""
        if right.text == '?':
            # MySQL treats x = 'a' OR x = 'A' as the same condition twice, even within CAST.
            literal = SQL('?', right.parameters[0].encode())
            return join(f'(CAST({{}} AS BINARY) {operator} {{}})', left, literal)
        template = f'(CAST({{}} AS BINARY) {operator} CAST({{}} AS BINARY))'
        return join(template, left, right)

    def like(self, text: SQL, pattern: tuple[tuple[str, str], ...]) -> SQL:
        wildcards = {'any': '%', 'one': '_'}
        like = ''.join(
            wildcards.get(kind) or (f'|{character}' if character in '%_|' else character)
            for kind, character in pattern
        )
        template = "(CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin LIKE {} ESCAPE '|')"
        return join(template, text, SQL('?', like))

    def to_float(self, number: SQL) -> SQL:
        return join('CAST({} AS DOUBLE)', number)

    def call(self, name: str, text: SQL, numbers: tuple[int, ...]) -> SQL:
        function = {'length': 'CHAR_LENGTH', 'substr': 'SUBSTRING'}[name]
        places = ', '.join(['{}'] * (1 + len(numbers)))
        return join(f'{function}({places})', text, *(SQL('?', number) for number in numbers))


def _extract(path: Path) -> SQL:
    """The value at a path, if each index is of an array: ``[0]`` of another value is itself."""
    logrec = _logrec(path)
    value = join('JSON_EXTRACT({}, {})', logrec, _path(path.steps))
    arrays = [
        join("JSON_TYPE(JSON_EXTRACT({}, {})) = 'ARRAY'", logrec, _path(path.steps[:position]))
        for position, step in enumerate(path.steps)
        if isinstance(step, int)
    ]
    if not arrays:
        return value
    return join(f'CASE WHEN {" AND ".join(["{}"] * len(arrays))} THEN {{}} END', *arrays, value)


def _logrec(path: Path) -> SQL:
    """
    ``logrec``, in which keys of *path* that begin with a dash have another name.

    MariaDB finds no such key. In JSON text only a key is followed by a colon after its quotation
    mark, because quotation marks within texts are escaped.
    """
    logrec = SQL('logrec')
    for step in path.steps:
        if isinstance(step, str) and step.startswith('-'):
            old, new = (SQL('?', f'{_quoted(key)}:') for key in (step, DASH + step))
            logrec = join('REPLACE({}, {}, {})', logrec, old, new)
    return logrec


def _path(steps: tuple[str | int, ...]) -> SQL:
    keys = [
        DASH + step if isinstance(step, str) and step.startswith('-') else step for step in steps
    ]
    text = ''.join(f'[{key}]' if isinstance(key, int) else f'.{_quoted(key)}' for key in keys)
    return SQL('?', f'${text}')


def _quoted(key: str) -> str:
    return orjson.dumps(key).decode()
