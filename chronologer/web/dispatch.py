"""Makes CherryPy strict: a dispatcher with our own errors, tools with our own rules."""

from collections.abc import Callable
from typing import Any

import cherrypy

from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Identity, Role
from chronologer.auth.origin import check_origin
from chronologer.errors import ChronologerError, MethodError, NotFoundError, shown
from chronologer.web.body import request_headers
from chronologer.web.declare import Declaration
from chronologer.web.respond import Refusal

IDENTITY = 'chronologer.identity'  # in the WSGI environment


class Dispatcher(cherrypy.dispatch.MethodDispatcher):  # type: ignore[misc]
    """
    Finds resource and method; raises `NotFoundError` or `MethodError` if there is none.

    *methods_at* returns the methods of a path that are served outside of CherryPy, by doors.
    """

    def __init__(self, methods_at: Callable[[str], frozenset[str]]):
        super().__init__()
        self._methods_at = methods_at

    def find_handler(self, path: str) -> tuple[Any, list[str]]:
        """
        Find a resource and the rest of the path, which it accepts if it declares so.

        ``accepts_path``: any rest. ``items``: resources below an id, by what follows the id.
        """
        resource, rest = super().find_handler(path)
        if path.strip('/') == 'index':  # CherryPy's own name for what is at /
            return None, []
        if not rest or getattr(resource, 'accepts_path', False):
            return resource, rest
        id, *below = rest
        return getattr(resource, 'items', {}).get(tuple(below)), [id]

    def __call__(self, path_info: str) -> None:
        super().__call__(path_info)
        request = cherrypy.serving.request
        if isinstance(request.handler, cherrypy.NotFound):
            request.handler = self._missing(cherrypy.serving.response, set())
        elif isinstance(request.handler, cherrypy.HTTPError):
            allowed = cherrypy.serving.response.headers.pop('Allow').split(', ')
            request.handler = self._missing(cherrypy.serving.response, set(allowed))

    def _missing(self, response: Any, allowed: set[str]) -> Callable[..., None]:
        """A handler for a path without resource, or for a resource without the method."""
        request = cherrypy.serving.request
        method, path = request.method, request.path_info
        outside = self._methods_at('/' + '/'.join(filter(None, path.split('/'))))
        # A door has this method at another spelling of the path.
        allowed = set() if method in outside else allowed | outside

        def refuse(*_: Any, **__: Any) -> None:
            if not allowed:
                hint = '; write the path without extra slashes' if method in outside else ''
                raise NotFoundError(f'there is nothing at {shown(path)}{hint}')
            listed = ', '.join(sorted(allowed))
            response.headers['Allow'] = listed
            raise MethodError(f'{shown(method)} is not allowed here; allowed: {listed}')

        return refuse


def current_identity() -> Identity:
    """Return the identity of the request that CherryPy is handling."""
    identity: Identity = cherrypy.serving.request.wsgi_environ[IDENTITY]
    return identity


def declaration_of(handler: Any) -> Declaration | None:
    """Return the declaration of a handler that the dispatcher has found; None for an error."""
    callable = getattr(handler, 'callable', None)
    return getattr(callable, 'declaration', None)


@cherrypy.tools.register('on_start_resource')  # type: ignore[misc]
def authenticate(authenticator: Authenticator) -> None:
    """Tool: check origin, identity and role before anything else of the request."""
    request = cherrypy.serving.request
    declaration = declaration_of(request.handler)
    required = Role.ANY if declaration is None else declaration.role
    headers = request_headers()
    try:
        check_origin(request.method, headers)
        if required is None:
            return
        identity = authenticator.identify(request.method, headers, request.remote.ip)
        identity.require(required)
    except ChronologerError as ex:
        raise Refusal(ex) from ex
    request.wsgi_environ[IDENTITY] = identity


@cherrypy.tools.register('before_handler')  # type: ignore[misc]
def declared_parameters() -> None:
    """Tool: call the handler with its checked parameters as the one argument ``params``."""
    request = cherrypy.serving.request
    declaration = declaration_of(request.handler)
    if declaration is None:
        request.params = {}
        return
    try:
        request.params = {'params': declaration.parse(request.wsgi_environ['QUERY_STRING'])}
    except ChronologerError as ex:
        raise Refusal(ex) from ex
