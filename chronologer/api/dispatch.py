"""CherryPy made strict: its dispatcher answers with our errors, its tools with our rules."""

from typing import Any

import cherrypy

from chronologer.api.body import request_headers
from chronologer.api.params import parse_query_string
from chronologer.api.respond import Refusal
from chronologer.auth import Auth
from chronologer.errors import ChronologerError, MethodError, NotFoundError, shown


class Dispatcher(cherrypy.dispatch.MethodDispatcher):  # type: ignore[misc]
    """Finds resource and method; raises `NotFoundError` and `MethodError` where there is none."""

    def find_handler(self, path: str) -> tuple[Any, list[str]]:
        """Let only resources with ``takes_path`` have addresses below their own."""
        resource, rest = super().find_handler(path)
        is_known = not rest or getattr(resource, 'takes_path', False)
        return (resource, rest) if is_known else (None, [])

    def __call__(self, path_info: str) -> None:
        super().__call__(path_info)
        request = cherrypy.serving.request
        if isinstance(request.handler, cherrypy.NotFound):
            request.handler = _not_found
        elif isinstance(request.handler, cherrypy.HTTPError):
            request.handler = _method_not_allowed


def _not_found(*_: Any, **__: Any) -> None:
    raise NotFoundError(f'there is nothing at {shown(cherrypy.serving.request.path_info)}')


def _method_not_allowed(*_: Any, **__: Any) -> None:
    request, response = cherrypy.serving.request, cherrypy.serving.response
    allowed = response.headers['Allow']
    raise MethodError(f'{shown(request.method)} is not taken here; allowed: {allowed}')


@cherrypy.tools.register('on_start_resource')  # type: ignore[misc]
def authenticate(auth: Auth) -> None:
    """Tool: check credentials or session before anything else of the request is looked at."""
    try:
        auth.check(cherrypy.serving.request.method, request_headers())
    except ChronologerError as ex:
        raise Refusal(ex) from ex


@cherrypy.tools.register('before_handler')  # type: ignore[misc]
def strict_query(is_ours: bool = True) -> None:
    """
    Tool: call the handler with the decoded query string as its one argument ``params``.

    Unless *is_ours*: then it may be anything, and is for somebody else.
    """
    request = cherrypy.serving.request
    if not is_ours:
        request.params = {'params': {}}
        return
    try:
        request.params = {'params': parse_query_string(request.wsgi_environ['QUERY_STRING'])}
    except ChronologerError as ex:
        raise Refusal(ex) from ex
