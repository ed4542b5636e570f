"""``/api/v1/reading``: how an input is understood."""

from dataclasses import asdict

import cherrypy
import orjson

from chronologer.api.params import check_known
from chronologer.api.respond import JSON
from chronologer.errors import InputError
from chronologer.reading import Mistake, Nothing, Query, Text, read

KINDS = {Nothing: 'none', Query: 'query', Text: 'search', Mistake: 'error'}


class ReadingResource:
    """Tells queries from texts to search for."""

    exposed = True

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"kind"}`` with ``why``, ``terms`` and ``without``, or ``message`` and ``column``."""
        text = params.pop('text', None)
        check_known(params, 'text')
        if text is None:
            raise InputError('text: required, what a person has typed')
        reading = read(text)
        cherrypy.response.headers['Content-Type'] = JSON
        cherrypy.response.headers['Cache-Control'] = 'no-cache'
        return orjson.dumps({'kind': KINDS[type(reading)], **asdict(reading)})
