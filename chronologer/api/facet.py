"""``/api/v1/facet``: the most frequent values of a field."""

from chronologer.auth.identity import Role
from chronologer.errors import InputError
from chronologer.query.parser import parse_field
from chronologer.query.tree import Column
from chronologer.storage import Storage
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import FILTER, filter_of, limit, text
from chronologer.web.respond import json_answer

SAMPLE = 10_000  # newest matches in which a field of logrec is counted
FACET = Parameters(
    text('field', 'name, level or a field such as data.user', is_required=True),
    limit(1000, default=20, low=1),
    *FILTER,
)


class FacetResource:
    """Counts values."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(FACET, role=Role.READER)
    def GET(self, *, params: Values) -> bytes:
        """``{"field", "values": [{"value", "count"}], "distinct", "total", "sample"}``."""
        field = parse_field(params['field'])
        if isinstance(field, Column) and field.name not in ('name', 'level'):
            raise InputError(f'field: {field.name} has no facet; name, level and fields have')
        facet = self._storage.facet(filter_of(params), field, SAMPLE)
        shown = facet[: params['limit']]
        return json_answer(
            {
                'field': params['field'],
                'values': [{'value': value, 'count': count} for value, count in shown],
                'distinct': len(facet),
                'total': sum(count for _, count in facet),
                'sample': None if isinstance(field, Column) else SAMPLE,
            }
        )
