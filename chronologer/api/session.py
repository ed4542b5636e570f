"""``/api/v1/session``: signs browsers in and out, and reports the identity."""

import cherrypy

from chronologer import __version__
from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Identity, Role
from chronologer.web.body import request_headers, take_json
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.dispatch import current_identity
from chronologer.web.respond import empty_answer, json_answer


class SessionResource:
    """Sets and removes the cookie of a session."""

    exposed = True

    def __init__(self, authenticator: Authenticator):
        self._authenticator = authenticator

    @takes(Parameters(), role=Role.ANY)
    def GET(self, *, params: Values) -> bytes:
        """``{"username", "role", "version"}`` of the identity, signed in or by credentials."""
        return _answer(current_identity())

    @takes(Parameters(), role=None)
    def POST(self, *, params: Values) -> bytes:
        """Sign in with ``{"username", "password"}``; the same answer, and the cookie."""
        username, password = take_json('username', 'password')
        address = cherrypy.serving.request.remote.ip
        identity, cookie = self._authenticator.sign_in(
            username, password, request_headers(), address
        )
        cherrypy.response.headers['Set-Cookie'] = cookie
        return _answer(identity)

    @takes(Parameters(), role=None)
    def DELETE(self, *, params: Values) -> bytes:
        """Sign out; succeeds without a session too."""
        headers = cherrypy.response.headers
        headers['Set-Cookie'] = self._authenticator.sign_out(request_headers())
        headers['Cache-Control'] = 'no-store'
        return empty_answer()


def _answer(identity: Identity) -> bytes:
    entry = {'username': identity.name, 'role': identity.role.value, 'version': __version__}
    return json_answer(entry, cache='no-store')
