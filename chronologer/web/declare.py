"""
Declarations of handlers: their query parameters, and the role that they require.

The check of values, the refusal of unknown names and the error messages follow from a declaration.
An unknown parameter is an error, because ignoring a misspelled filter would show wrong records.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from chronologer.auth.identity import Role
from chronologer.errors import InputError, shown

MAX_PARAMS = 100

Values = Mapping[str, Any]  # parsed parameters by name, defaults included
Handler = TypeVar('Handler', bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter."""

    name: str
    type: str  # as in OpenAPI: string, integer, date-time
    parse: Callable[[str], Any]  # raises InputError with the name, the expected form and the value
    default: Any = None  # the value where the parameter is absent
    is_required: bool = False
    help: str


class Parameters:
    """
    The parameters of one way to call a handler.

    *key* has the parameters that select this way: it is used if any of them is given.
    """

    def __init__(self, *parameters: Parameter, key: tuple[str, ...] = ()):
        self.parameters = parameters
        self.key = key
        self._by_name = {parameter.name: parameter for parameter in parameters}
        self._defaults = {parameter.name: parameter.default for parameter in parameters}
        self._has_required = any(parameter.is_required for parameter in parameters)

    def parse(self, given: Mapping[str, str]) -> Values:
        """
        Check the parameters of a request; an empty optional one is as if it were not given.

        Raises:
            InputError: A name is unknown, a value is malformed, or a required one is missing.
        """
        if not given and not self._has_required:  # as in most posts
            return self._defaults.copy()
        values = {
            name: parameter.parse(given[name])
            if given.get(name) or (parameter.is_required and name in given)
            else parameter.default
            for name, parameter in self._by_name.items()
        }
        if unknown := [name for name in given if name not in self._by_name]:
            listed = ', '.join(map(shown, unknown[:3]))
            known = ', '.join(self._by_name) or 'none'
            raise InputError(f'unknown parameter {listed}; accepted here: {known}')
        for name, parameter in self._by_name.items():
            if parameter.is_required and name not in given:
                raise InputError(f'{name}: required: {parameter.help}')
        return values


@dataclass(frozen=True, slots=True)
class Declaration:
    """The role that a handler requires, and the ways to call it; the last one is the default."""

    role: Role | None  # None: open to anybody, without credentials
    ways: tuple[Parameters, ...]  # empty: only the page reads the query string

    def parse(self, query_string: str) -> Values:
        """Return the checked parameters of the selected way."""
        if not self.ways:
            return {}
        given = parse_query_string(query_string)
        for way in self.ways[:-1]:
            if any(name in given for name in way.key):
                return way.parse(given)
        return self.ways[-1].parse(given)


def takes(*ways: Parameters, role: Role | None) -> Callable[[Handler], Handler]:
    """Declare the parameters of a handler, and the role that it requires."""

    def declare(handler: Handler) -> Handler:
        handler.declaration = Declaration(role, ways)  # type: ignore[attr-defined]
        return handler

    return declare


def parse_query_string(query_string: str) -> dict[str, str]:
    """
    Decode a query string of WSGI, which has its bytes as Latin-1 characters.

    Raises:
        InputError: It is not UTF-8, or a parameter is repeated or contains a NUL character.
    """
    if not query_string:
        return {}
    try:
        text = query_string.encode('latin-1').decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors='strict', max_num_fields=MAX_PARAMS)
    except UnicodeDecodeError as ex:
        raise InputError(f'the query string is not UTF-8: {shown(query_string)}') from ex
    except ValueError as ex:
        raise InputError(f'the query string has more than {MAX_PARAMS} parameters') from ex
    params = dict(pairs)
    if len(params) != len(pairs):
        raise InputError(f'a parameter is given more than once: {shown(query_string)}')
    for name, value in pairs:
        if '\0' in name + value:
            raise InputError(f'{shown(name)}: NUL characters are not allowed, got {shown(value)}')
    return params
