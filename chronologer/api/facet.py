"""``/api/v1/facet``: the most frequent values of a field."""

import cherrypy
import orjson

from chronologer.api.params import FILTER, check_known
from chronologer.api.respond import JSON
from chronologer.errors import InputError
from chronologer.model import Filter
from chronologer.parse import parse_integer
from chronologer.query import Column
from chronologer.query_parser import parse_field
from chronologer.storage import Storage

SAMPLE = 10_000  # newest matches that a field of logrec is counted in
LIMIT, MAX_LIMIT = 20, 1000  # values


class FacetResource:
    """Counts values."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"field", "values": [{"value", "count"}], "distinct", "total", "sample"}``."""
        filter = Filter.take(params)
        name, limit = params.pop('field', None), params.pop('limit', str(LIMIT))
        check_known(params, 'field', 'limit', *FILTER)
        if name is None:
            raise InputError('field: required: name, level or a field such as data.user')
        field = parse_field(name)
        if isinstance(field, Column) and field.name not in ('name', 'level'):
            raise InputError(f'field: {field.name} has no facet; name, level and fields have')
        most = parse_integer('limit', limit, 1, MAX_LIMIT)
        facet = self._storage.facet(filter, field, SAMPLE)
        cherrypy.response.headers['Content-Type'] = JSON
        cherrypy.response.headers['Cache-Control'] = 'no-cache'
        return orjson.dumps(
            {
                'field': name,
                'values': [{'value': value, 'count': count} for value, count in facet[:most]],
                'distinct': len(facet),
                'total': sum(count for _, count in facet),
                'sample': None if isinstance(field, Column) else SAMPLE,
            }
        )
