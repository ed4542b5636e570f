"""``/api/v1/session``: a browser signs in and out, and asks who it is."""

import cherrypy
import orjson

from chronologer import __version__
from chronologer.api.body import request_headers, take_json
from chronologer.api.params import check_known
from chronologer.api.respond import JSON
from chronologer.auth import Auth

OPEN = {'tools.authenticate.on': False}


class SessionResource:
    """Gives and takes the cookie of a session."""

    exposed = True

    def __init__(self, auth: Auth):
        self._auth = auth

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"username", "version"}`` of who has signed in, in either way."""
        check_known(params)
        return _answer(self._auth.check('GET', request_headers()))

    @cherrypy.config(**OPEN)  # type: ignore[misc]
    def POST(self, *, params: dict[str, str]) -> bytes:
        """Sign in with ``{"username", "password"}``; the same answer, and the cookie."""
        check_known(params)
        username, password = take_json('username', 'password')
        cookie = self._auth.sign_in(username, password, request_headers())
        cherrypy.response.headers['Set-Cookie'] = cookie
        return _answer(username)

    @cherrypy.config(**OPEN)  # type: ignore[misc]
    def DELETE(self, *, params: dict[str, str]) -> bytes:
        """Sign out; also who is not signed in."""
        check_known(params)
        response = cherrypy.response
        response.status = 204
        response.headers['Set-Cookie'] = self._auth.sign_out(request_headers())
        response.headers['Cache-Control'] = 'no-store'
        del response.headers['Content-Type']
        return b''


def _answer(username: str) -> bytes:
    cherrypy.response.headers['Content-Type'] = JSON
    cherrypy.response.headers['Cache-Control'] = 'no-store'
    return orjson.dumps({'username': username, 'version': __version__})
