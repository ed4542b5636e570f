"""
Conditions for ClickHouse: those of filters, and those of queries.

``JSONType`` returns the type of the value at a path, ``JSONExtract…`` the value. Keys are compared
after JSON's escapes are decoded. The same call within a statement is evaluated once.
"""

import re

import orjson

from chronologer.model import Filter
from chronologer.query.tree import Arithmetic, Column, Condition, Operand, Path
from chronologer.search import fold
from chronologer.storage.bucket import ALL_TIME, Range
from chronologer.storage.clickhouse.lines import META_FIELDS
from chronologer.storage.render import (
    SQL,
    Renderer,
    join,
    required_equalities,
    required_texts,
)

TYPES = {
    'integer': "IN ('Int64', 'UInt64')",
    'float': "= 'Double'",
    'text': "= 'String'",
    'boolean': "= 'Bool'",
}
EXTRACTORS = {'integer': 'Int', 'float': 'Float', 'text': 'String', 'boolean': 'Bool'}
SECTION = 'data'  # whose fields are in the index
# As in the index of the table, character by character, or it is not used.
FIELDS = "arrayMap(field -> sipHash64(field.1, '=', field.2), JSONExtractKeysAndValuesRaw({}))"
SIMPLE = re.compile(r'[ !#-.0-\[\]-~]*')  # text that is the same in every encoder's JSON
TRIGRAM = 3  # characters, in the index of searchable text
EXACT = 10**15  # integers below it have one form in JSON


class ClickHouseRenderer(Renderer):
    """Of queries."""

    number_types = ('integer', 'float')
    at = '?'

    def hints(self, condition: Condition) -> list[SQL]:
        """
        A field can equal a literal only where its JSON is in the text, and its hash in the index.

        The index excludes whole granules; in the others, a test for the text first halves the time.
        Numbers have two forms, which the index treats as one. The index of searchable text excludes
        granules that lack a required text.
        """
        required = [text for text in required_texts(condition) if len(text) >= TRIGRAM]
        hints = [SQL('indexHint(text LIKE ?)', _containing(fold(text))) for text in required]
        for path, literal in required_equalities(condition):
            value = literal.value
            if isinstance(value, (bool, float)) or not isinstance(value, (str, int)):
                continue
            if isinstance(value, int) and abs(value) >= EXACT:
                continue
            section, *keys = path.steps
            # 0 has the form -0.0, too; an index applies to no object.
            if section == SECTION and len(keys) == 1 and isinstance(keys[0], str) and value != 0:
                field = orjson.dumps({keys[0]: value}).decode()
                known, wanted = FIELDS.format(SECTION), FIELDS.format('?')
                hints.append(SQL(f'indexHint(has({known}, arrayElement({wanted}, 1)))', field))
            text = str(value) if isinstance(value, int) else f'"{value}"'
            if SIMPLE.fullmatch(text[1:-1]):
                hints.append(SQL(f'position({_column(path)[0]}, ?) > 0', text))
        return hints

    def is_type(self, path: Path, type: str) -> SQL:
        json_type = _at('JSONType', path)
        if type == 'null':
            return join("({} = 'Null')", json_type)
        return join(f'{{}} {TYPES[type]}', json_type)

    def value(self, path: Path, type: str) -> SQL:
        return _at(f'JSONExtract{EXTRACTORS[type]}', path)

    def compare_texts(self, left: SQL, operator: str, right: SQL) -> SQL:
        return join(f'({{}} {operator} {{}})', left, right)

    def like(self, text: SQL, pattern: tuple[tuple[str, str], ...]) -> SQL:
        wildcards = {'any': '%', 'one': '_'}
        like = ''.join(wildcards.get(kind) or escaped(character) for kind, character in pattern)
        return join('({} LIKE {})', text, SQL('?', like))

    def to_float(self, number: SQL) -> SQL:
        return join('toFloat64({})', number)

    def call(self, name: str, text: SQL, numbers: tuple[int, ...]) -> SQL:
        function = {'length': 'lengthUTF8', 'substr': 'substringUTF8'}[name]
        places = ', '.join(['{}'] * (1 + len(numbers)))
        return join(f'{function}({places})', text, *(SQL('?', number) for number in numbers))

    def _value(self, operand: Operand, type: str) -> SQL:
        """A column is that of the record; division by zero is null."""
        if isinstance(operand, Column):
            return SQL(operand.name)
        if isinstance(operand, Arithmetic) and operand.operator == '/':
            left, right = self._number(operand.left), self._number(operand.right)
            return join('({} / nullIf({}, 0))', left, right)
        return super()._value(operand, type)


RENDERER = ClickHouseRenderer()


def conditions(filter: Filter, span: Range | None = None) -> SQL:
    """Return the condition of *filter* for records within *span*."""
    parts = [SQL('1 = 1')]
    if span is not None and span != ALL_TIME:
        parts.append(SQL('ts BETWEEN ? AND ?', span.low, span.high))
    if filter.level is not None:
        parts.append(SQL('level >= ?', filter.level))
    if filter.names:
        has_name = ' OR '.join(['startsWith(name, ?)'] * len(filter.names))
        parts.append(SQL(f'({has_name})', *filter.names))
    if filter.search is not None:
        wanted, unwanted = filter.search.wanted, filter.search.unwanted
        parts += [SQL('text LIKE ?', _containing(term)) for term in wanted]
        parts += [SQL('NOT text LIKE ?', _containing(term)) for term in unwanted]
    if filter.query is not None:
        parts += [*RENDERER.hints(filter.query), RENDERER.render(filter.query)]
    return join(' AND '.join(['{}'] * len(parts)), *parts)


def _containing(text: str) -> str:
    return f'%{"".join(map(escaped, text))}%'


def escaped(character: str) -> str:
    """Return a character as a pattern of LIKE has it."""
    return f'\\{character}' if character in '\\%_' else character


def _at(function: str, path: Path) -> SQL:
    """
    Return a function of the value at a path, if each index is of an array.

    ClickHouse counts indexes from 1, and accepts them for objects, too, which have no value there.
    """
    column, steps = _column(path)
    value = SQL(_call(function, column, len(steps)), *map(_step, steps))
    arrays = [
        SQL(f"{_call('JSONType', column, position)} = 'Array'", *map(_step, steps[:position]))
        for position, step in enumerate(steps)
        if isinstance(step, int)
    ]
    if not arrays:
        return value
    nothing = {'JSONType': "'Null'", 'JSONExtractString': "''"}.get(function, '0')
    are_arrays = join(' AND '.join(['{}'] * len(arrays)), *arrays)
    return join(f'if({{}}, {{}}, {nothing})', are_arrays, value)


def _column(path: Path) -> tuple[str, tuple[str | int, ...]]:
    """Return the column with the JSON that *path* leads to, and the steps within it."""
    section, *steps = path.steps
    if section in ('data', 'error'):
        return str(section), tuple(steps)
    if section != 'meta':
        return 'rest', path.steps
    if steps and steps[0] in META_FIELDS:
        return f'meta.{steps[0]}', tuple(steps[1:])
    return 'meta.others', tuple(steps)


def _call(function: str, column: str, steps: int) -> str:
    return f'{function}({", ".join([column, *"?" * steps])})'


def _step(step: str | int) -> str | int:
    return step + 1 if isinstance(step, int) else step
