"""The page at ``/``."""

from pathlib import Path

import cherrypy
from cherrypy.lib.static import serve_file

STATIC = Path(__file__).parent.parent / 'static'


class Page:
    """Serves the page itself; what it loads comes from ``/static``."""

    exposed = True

    def GET(self, *, params: dict[str, str]) -> object:
        """The HTML document; parameters are for its own scripts."""
        cherrypy.response.headers['Cache-Control'] = 'no-cache'
        return serve_file(str(STATIC / 'index.html'), content_type='text/html;charset=utf-8')
