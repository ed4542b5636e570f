"""``/api/v1/field``: the fields that a query can name."""

from chronologer.auth.identity import Role
from chronologer.query.tree import COLUMNS, in_logrec
from chronologer.storage import MAX_FIELDS, Storage
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import limit, text
from chronologer.web.respond import json_answer

FIELD = Parameters(
    text('prefix', 'the beginning of the names', default=''), limit(MAX_FIELDS, default=1000)
)


class FieldResource:
    """Lists fields."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(FIELD, role=Role.READER)
    def GET(self, *, params: Values) -> bytes:
        """``{"fields": [{"field", "types"}], "more"}``: columns, then fields of records."""
        known = {name: {type} for name, type in COLUMNS.items()} | {
            in_logrec(name): types for name, types in self._storage.fields().items()
        }
        fields = [
            {'field': name, 'types': sorted(types)}
            for name, types in known.items()
            if name.startswith((params['prefix'], f'logrec.{params["prefix"]}'))
        ]
        limit = params['limit']
        return json_answer({'fields': fields[:limit], 'more': len(fields) > limit})
