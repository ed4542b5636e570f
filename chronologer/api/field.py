"""``/api/v1/field``: what can be asked for."""

import cherrypy
import orjson

from chronologer.api.params import check_known, take_limit
from chronologer.api.respond import JSON
from chronologer.query import COLUMNS
from chronologer.storage import MAX_FIELDS, Storage

LIMIT = 1000


class FieldResource:
    """Lists fields."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"fields": [{"field", "types"}], "more"}``: columns, then what records had."""
        prefix = params.pop('prefix', '')
        limit = take_limit(params, 'limit', MAX_FIELDS, LIMIT)
        check_known(params, 'prefix', 'limit')
        known = {name: {type} for name, type in COLUMNS.items()} | self._storage.fields()
        fields = [
            {'field': name, 'types': sorted(types)}
            for name, types in known.items()
            if name.startswith(prefix)
        ]
        cherrypy.response.headers['Content-Type'] = JSON
        cherrypy.response.headers['Cache-Control'] = 'no-cache'
        return orjson.dumps({'fields': fields[:limit], 'more': len(fields) > limit})
