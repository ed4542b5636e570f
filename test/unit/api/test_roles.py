"""Each route declares the role that it requires, and the server enforces it."""

import pytest

from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Identity, Role
from chronologer.tree import Branch, create_doors, create_tree

READ = {Role.READER, Role.EDITOR, Role.ADMIN}
WRITE = {Role.WRITER, Role.EDITOR, Role.ADMIN}
EDIT = {Role.EDITOR, Role.ADMIN}
EVERYBODY = set(Role) - {Role.ANY}

# Every route: method, path, and the roles that may use it; None is open without credentials.
ROUTES = [
    ('GET', '/', None),
    ('GET', '/saved', None),
    ('GET', '/health', None),
    ('GET', '/ready', None),
    ('GET', '/api/v1/export', READ),
    ('GET', '/api/v1/facet', READ),
    ('GET', '/api/v1/field', READ),
    ('GET', '/api/v1/interpretation', READ),
    ('GET', '/api/v1/record', READ),
    ('HEAD', '/api/v1/record', READ),
    ('POST', '/api/v1/record', WRITE),
    ('GET', '/api/v1/record/1', READ),
    ('GET', '/api/v1/record/1/context', READ),
    ('GET', '/api/v1/saved', READ),
    ('PUT', '/api/v1/saved', EDIT),
    ('DELETE', '/api/v1/saved', EDIT),
    ('GET', '/api/v1/session', EVERYBODY),
    ('POST', '/api/v1/session', None),
    ('DELETE', '/api/v1/session', None),
    ('GET', '/api/v1/timeline', READ),
]
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS')


def served(branch, path=''):
    """Yield the method, path and declaration of each handler below a branch."""
    for name, resource in vars(branch).items():
        address = f'{path}/{"" if name == "index" else name}'
        if isinstance(resource, Branch):
            yield from served(resource, address)
            continue
        items = {(): resource} | {
            ('1', *rest): item for rest, item in getattr(resource, 'items', {}).items()
        }
        for rest, item in items.items():
            for method in METHODS:
                if handler := getattr(item, method, None):
                    yield method, '/'.join((address, *rest)), handler.declaration


def test_the_table_has_every_route(configuration):
    """The table has all resources and doors, and each of them has a declaration."""
    routes = [(method, path) for method, path, _ in served(create_tree(None, None, None, ''))]
    for door in create_doors(configuration, None, None):
        assert door.declaration is not None
        routes += [(method, door.path) for method in door.methods]
    assert sorted(routes) == sorted((method, path) for method, path, _ in ROUTES)


@pytest.mark.parametrize('role', sorted(EVERYBODY, key=lambda role: role.value))
def test_every_route_requires_its_role(anonymous, monkeypatch, role):
    """Roles that may not use the route get a 403 that names both roles; the others get no 403."""
    identity = Identity('somebody', role)
    monkeypatch.setattr(Authenticator, 'identify', lambda *_: identity)
    for method, path, roles in ROUTES:
        response = anonymous.request(path, method=method, expect_errors=True)
        is_allowed = roles is None or role in roles
        assert is_allowed == (response.status_int != 403), (method, path, response.status)
        if not is_allowed and method != 'HEAD':
            assert 'ForbiddenError' == response.json['error']['type']
            assert role.value in response.json['error']['message']


def test_only_declared_routes_are_open(anonymous):
    """Without credentials all other routes answer 401, also paths that do not exist."""
    for method, path, roles in [*ROUTES, ('GET', '/api/v1/nothing', EVERYBODY)]:
        response = anonymous.request(path, method=method, expect_errors=True)
        assert (roles is not None) == (response.status_int == 401), (method, path)


def test_a_refused_post_stores_nothing(anonymous, configuration, monkeypatch):
    """The role is checked before the body is read."""
    monkeypatch.setattr(Authenticator, 'identify', lambda *_: Identity('r', Role.READER))
    record = {'name': 'a', 'levelno': '20', 'created': '1', 'msg': 'hello'}
    assert 403 == anonymous.post('/api/v1/record', record, expect_errors=True).status_int
    assert '0' == anonymous.head('/api/v1/record').headers['X-Record-Count']


@pytest.mark.parametrize(
    ('role', 'covered'),
    [(Role.READER, {Role.ANY, Role.READER}), (Role.WRITER, {Role.ANY, Role.WRITER}),
     (Role.EDITOR, {Role.ANY, Role.READER, Role.WRITER, Role.EDITOR}), (Role.ADMIN, set(Role))],
)  # fmt: skip
def test_permissions_of_a_role(role, covered):
    """A writer cannot read; an editor can read and write."""
    assert covered == {required for required in Role if role.covers(required)}
