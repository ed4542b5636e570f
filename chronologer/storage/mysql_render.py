"""Conditions for MySQL and MariaDB."""

import orjson

from chronologer.query import Path
from chronologer.storage.render import SQL, Renderer, join

# To MariaDB 1e300 is an integer; cases are tried in order, so what is left of them are floats.
TYPES = {
    'integer': "IN ('INTEGER', 'UNSIGNED INTEGER')",
    'float': "IN ('INTEGER', 'DOUBLE', 'DECIMAL')",
    'text': "= 'STRING'",
    'boolean': "= 'BOOLEAN'",
}


class MySQLRenderer(Renderer):
    """``JSON_EXTRACT``; the two differ in what it returns, but not once that is cast."""

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
            # MySQL takes x = 'a' OR x = 'A' for the same condition twice, even within CAST.
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
    """What is at a path, where each index is of an array: ``[0]`` of another value is itself."""
    value = SQL('JSON_EXTRACT(logrec, ?)', _path(path.steps))
    arrays = [
        SQL("JSON_TYPE(JSON_EXTRACT(logrec, ?)) = 'ARRAY'", _path(path.steps[:position]))
        for position, step in enumerate(path.steps)
        if isinstance(step, int)
    ]
    if not arrays:
        return value
    return join(f'CASE WHEN {" AND ".join(["{}"] * len(arrays))} THEN {{}} END', *arrays, value)


def _path(steps: tuple[str | int, ...]) -> str:
    return '$' + ''.join(
        f'[{step}]' if isinstance(step, int) else f'.{orjson.dumps(step).decode()}'
        for step in steps
    )
