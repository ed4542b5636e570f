"""``/api/v1/saved``: saved searches."""

import unicodedata

import cherrypy

from chronologer.auth.identity import Role
from chronologer.errors import InputError, NotFoundError, shown
from chronologer.metastore import Metastore
from chronologer.metastore.saved import remove, save, searches
from chronologer.web.body import take_json
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.respond import empty_answer, json_answer

MAX_NAME, MAX_STATE = 200, 8000  # characters


class SavedResource:
    """Lists, saves and deletes searches; only the page reads the state of a search."""

    exposed = True
    accepts_path = True  # the name of a saved search

    def __init__(self, metastore: Metastore):
        self._metastore = metastore

    @takes(Parameters(), role=Role.READER)
    def GET(self, *_: str, params: Values) -> bytes:
        """``{"saved": [{"name", "state"}]}`` by name; or the entry of a name."""
        saved = self._metastore.read(searches)
        name = _name()
        if name is None:
            return json_answer({'saved': [_entry(*item) for item in sorted(saved.items())]})
        if name not in saved:
            raise _not_found(name)
        return json_answer(_entry(name, saved[name]))

    @takes(Parameters(), role=Role.EDITOR)
    def PUT(self, *_: str, params: Values) -> bytes:
        """Save ``{"state"}``; answers 201 if the name is new, and the entry."""
        name = _check_name(_name() or '')
        (state,) = take_json('state')
        if not 0 < len(state) <= MAX_STATE:
            wanted = f'expected 1 to {MAX_STATE:,} characters'
            raise InputError(f'state: {wanted}, got {len(state):,}: {shown(state)}')
        is_new = self._metastore.write(lambda db: save(db, name, state))
        return json_answer(_entry(name, state), status=201 if is_new else 200)

    @takes(Parameters(), role=Role.EDITOR)
    def DELETE(self, *_: str, params: Values) -> bytes:
        """Delete a saved search."""
        name = _name() or ''
        if not self._metastore.write(lambda db: remove(db, name)):
            raise _not_found(name)
        return empty_answer()


def _name() -> str | None:
    """Return the rest of the path with all slashes, some of which CherryPy drops."""
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
        raise InputError(f'name: control characters are not allowed, got {shown(name)}')
    if name in ('.', '..'):
        raise InputError(f'name: {name!r} in a path means another path; choose another name')
    return name


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(f'there is no saved search {shown(name)}')


def _entry(name: str, state: str) -> dict[str, str]:
    return {'name': name, 'state': state}
