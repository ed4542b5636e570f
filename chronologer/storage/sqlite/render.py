"""Conditions for SQLite, whose JSON functions compare keys with the text between the quotes."""

from functools import reduce

import orjson

from chronologer.query.tree import Condition, Path
from chronologer.storage.render import SQL, Renderer, join, required_equalities

TYPES = {'text': "= 'text'", 'number': "IN ('integer', 'real')", 'boolean': "IN ('true', 'false')"}


class SQLiteRenderer(Renderer):
    """``json_type`` and ``json_extract``."""

    number_types = ('number',)
    at = '?'

    def hints(self, condition: Condition) -> list[SQL]:
        """
        A field can equal a literal only where the text of ``logrec`` has its JSON.

        To test that first reduces the time to 46 % (``bench.query``, field equality). Floats, and
        integers that may be stored as floats with an exponent, have several forms.
        """
        literals = [literal.value for _, literal in required_equalities(condition)]
        return [
            SQL('instr(logrec, ?) > 0', orjson.dumps(value).decode())
            for value in literals
            if isinstance(value, str) or (isinstance(value, int) and abs(value) < 10**15)
        ]

    def is_type(self, path: Path, type: str) -> SQL:
        if type == 'null':
            return join("coalesce({}, 'null') = 'null'", _at('json_type', path))
        return join(f'{{}} {TYPES[type]}', _at('json_type', path))

    def value(self, path: Path, type: str) -> SQL:
        if type == 'boolean':
            return join("({} = 'true')", _at('json_type', path))
        return _at('json_extract', path)

    def compare_texts(self, left: SQL, operator: str, right: SQL) -> SQL:
        return join(f'({{}} {operator} {{}})', left, right)

    def like(self, text: SQL, pattern: tuple[tuple[str, str], ...]) -> SQL:
        """By GLOB: LIKE ignores the case of ASCII."""
        wildcards = {'any': '*', 'one': '?'}
        glob = ''.join(
            wildcards.get(kind) or (f'[{character}]' if character in '*?[' else character)
            for kind, character in pattern
        )
        return join('({} GLOB {})', text, SQL('?', glob))

    def to_float(self, number: SQL) -> SQL:
        return join('CAST({} AS REAL)', number)

    def call(self, name: str, text: SQL, numbers: tuple[int, ...]) -> SQL:
        return join(f'{name}({", ".join(["{}"] * (1 + len(numbers)))})', text, *_bound(numbers))


def _bound(numbers: tuple[int, ...]) -> list[SQL]:
    return [SQL('?', number) for number in numbers]


def _at(function: str, path: Path) -> SQL:
    """``json_type`` or ``json_extract`` of the value at a path."""
    if not any(isinstance(step, str) and '"' in step for step in path.steps):
        return SQL(f'{function}(logrec, ?)', '$' + ''.join(map(_step, path.steps)))
    # In SQLite 3.40 a quoted key ends at the first quote: walk down object by object.
    value = reduce(_child, path.steps[:-1], SQL('logrec'))
    last = path.steps[-1]
    if isinstance(last, int):
        return join(f'{function}({{}}, {{}})', value, SQL('?', _step(last).join(('$', ''))))
    column = 'type' if function == 'json_type' else 'atom'
    return join(f'(SELECT {column} FROM json_each({{}}) WHERE key = {{}})', value, SQL('?', last))


def _child(parent: SQL, step: str | int) -> SQL:
    """The object or array at a step below *parent*, or null."""
    child = "SELECT CASE WHEN type IN ('object', 'array') THEN value END"
    return join(f'({child} FROM json_each({{}}) WHERE key = {{}})', parent, SQL('?', step))


def _step(step: str | int) -> str:
    """A step of SQLite's own path; keys are compared with JSON's escapes in them."""
    return f'[{step}]' if isinstance(step, int) else f'.{orjson.dumps(step).decode()}'
