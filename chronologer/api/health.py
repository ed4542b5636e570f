"""``/health``: whether the process answers, for load balancers and scripts; no credentials."""

import cherrypy
import orjson

from chronologer import __version__
from chronologer.api.params import check_known
from chronologer.api.respond import JSON


class HealthResource:
    """Says that the process is up, and its version."""

    exposed = True

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"status": "ok", "version": …}``, without asking the storage."""
        check_known(params)
        cherrypy.response.headers['Content-Type'] = JSON
        cherrypy.response.headers['Cache-Control'] = 'no-store'
        return orjson.dumps({'status': 'ok', 'version': __version__})
