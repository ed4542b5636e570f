"""``/api/v1/saved``: searches that have been given a name."""

import unicodedata

import cherrypy
import orjson

from chronologer.api.body import take_json
from chronologer.api.params import check_known
from chronologer.api.respond import JSON
from chronologer.errors import InputError, NotFoundError, shown
from chronologer.storage import Storage

MAX_NAME, MAX_STATE = 200, 8000  # characters


class SavedResource:
    """Lists, keeps and drops them; a state is whatever the page wants to find again."""

    exposed = True
    takes_path = True  # of a saved search: its name

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, *_: str, params: dict[str, str]) -> bytes:
        """``{"saved": [{"name", "state"}]}`` by name; or the entry of a name."""
        check_known(params)
        saved = self._storage.saved()
        name = _name()
        if name is None:
            return _answer({'saved': [_entry(*item) for item in sorted(saved.items())]})
        if name not in saved:
            raise _not_found(name)
        return _answer(_entry(name, saved[name]))

    def PUT(self, *_: str, params: dict[str, str]) -> bytes:
        """Keep ``{"state"}``; 201 if the name is new, and the entry."""
        check_known(params)
        name = _check_name(_name() or '')
        (state,) = take_json('state')
        if not 0 < len(state) <= MAX_STATE:
            wanted = f'expected 1 to {MAX_STATE:,} characters'
            raise InputError(f'state: {wanted}, got {len(state):,}: {shown(state)}')
        if self._storage.save(name, state):
            cherrypy.response.status = 201
        return _answer(_entry(name, state))

    def DELETE(self, *_: str, params: dict[str, str]) -> bytes:
        """Drop it."""
        check_known(params)
        name = _name() or ''
        if not self._storage.forget(name):
            raise _not_found(name)
        cherrypy.response.status = 204
        del cherrypy.response.headers['Content-Type']
        return b''


def _name() -> str | None:
    """All that follows in the path, slashes included, of which CherryPy drops some."""
    path = cherrypy.serving.request.wsgi_environ['PATH_INFO'].encode('latin-1')
    _, slash, name = path.partition(b'/saved/')
    try:
        return name.decode() if slash else None
    except UnicodeDecodeError as ex:
        raise InputError(f'the name is not UTF-8: {shown(name)}') from ex


def _check_name(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME:
        wanted = f'expected 1 to {MAX_NAME} characters in the path, /api/v1/saved/…'
        raise InputError(f'name: {wanted}, got {len(name):,}: {shown(name)}')
    if any(unicodedata.category(character) in ('Cc', 'Cs') for character in name):
        raise InputError(f'name: control characters are not taken, got {shown(name)}')
    if name in ('.', '..'):
        raise InputError(f'name: {name!r} in a path means another path; choose another name')
    return name


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(f'there is no saved search {shown(name)}')


def _entry(name: str, state: str) -> dict[str, str]:
    return {'name': name, 'state': state}


def _answer(answer: object) -> bytes:
    cherrypy.response.headers['Content-Type'] = JSON
    cherrypy.response.headers['Cache-Control'] = 'no-cache'
    return orjson.dumps(answer)
