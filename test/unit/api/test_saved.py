"""Saved searches over HTTP."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.metastore import saved

URL = '/api/v1/saved'


def put(app, name, state='q=1', status=None):
    return app.put_json(f'{URL}/{quote(name, safe="")}', {'state': state}, status=status)


def delete(app, name, status=204):
    return app.delete(f'{URL}/{quote(name, safe="")}', status=status)


def names(app):
    return [entry['name'] for entry in app.get(URL).json['saved']]


def test_saving(app):
    """The answer is 201 for a new search and 200 for a changed one; the list is sorted by name."""
    assert {'saved': []} == app.get(URL).json
    assert {'name': 'b', 'state': 'q=1'} == put(app, 'b', status=201).json
    put(app, 'a', 'q=a b&range=24h', status=201)
    assert {'name': 'b', 'state': 'q=2'} == put(app, 'b', 'q=2', status=200).json
    expected = [{'name': 'a', 'state': 'q=a b&range=24h'}, {'name': 'b', 'state': 'q=2'}]
    assert expected == app.get(URL).json['saved']
    assert expected[0] == app.get(f'{URL}/a').json
    assert b'' == delete(app, 'b').body
    assert ['a'] == names(app)


@pytest.mark.parametrize('method', ['GET', 'DELETE'])
@pytest.mark.parametrize('name', ['x', 'A', 'a ', '/', '', 'a/'])
def test_no_such_search(app, method, name):
    """The answer is 404 with the name."""
    put(app, 'a', status=201)
    if name or method != 'GET':
        response = app.request(f'{URL}/{quote(name, safe="")}', method=method, status=404)
        assert repr(name) in response.json['error']['message']


NAMES = st.text(st.characters(exclude_categories=['Cc', 'Cs']), min_size=1, max_size=9)
ODD = st.sampled_from(['/', '//', 'a/b/', '%2F', '%', '?', '#', '...', 'GET', '_storage', 'é',
                       ' ', 'index', '_cp_config', 'saved/saved', '🙂' * 200, '+'])  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES | ODD)
def test_names_of_any_characters(app, name):
    """Names of any characters are returned as they were."""
    if name in ('.', '..'):
        return
    assert {'name': name, 'state': 'x'} == put(app, name, 'x', status=201).json
    assert [name] == names(app)
    assert {'name': name, 'state': 'x'} == app.get(f'{URL}/{quote(name, safe="")}').json
    delete(app, name)
    assert [] == names(app)


@pytest.mark.parametrize('name', ['', 'x' * 201, 'a\n', '\x7f', '\x00', '.', '..'])
def test_names_that_are_refused(app, name):
    """The message has the reason."""
    assert 'name: ' in put(app, name, status=400).json['error']['message']


@pytest.mark.parametrize('path', ['%FF', '%C3%28', 'a%ED%A0%80'])
def test_names_that_are_no_text(app, path):
    """A name that is not UTF-8 is rejected or stored as the server decoded it, without a 500."""
    response = app.put_json(f'{URL}/{path}', {'state': 'x'}, expect_errors=True)
    assert response.status_int in (201, 400)


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        ({}, 'state: required'),
        ({'state': ''}, 'state: expected 1 to 8,000 characters'),
        ({'state': 'x' * 8001}, 'got 8,001'),
        ({'state': None}, 'state: expected a text'),
        ({'state': 'x', 'name': 'b'}, "unknown field 'name'"),
        ('x', 'expected a JSON object'),
    ],
)
def test_states_that_are_refused(app, body, words):
    """The message has the reason, and nothing is saved."""
    response = app.put_json(f'{URL}/a', body, status=400)
    assert words in response.json['error']['message']
    assert [] == names(app)


def test_limits(app, monkeypatch):
    """The number of saved searches and the size of a body are limited."""
    monkeypatch.setattr(saved, 'MAX_SAVED', 2)
    for name in 'ab':
        put(app, name, '€' * 8000, status=201)
    response = put(app, 'c', status=413)
    assert 'LimitError' == response.json['error']['type']
    put(app, 'b', status=200)
    app.put(f'{URL}/b', b'x' * 70_000, headers={'Content-Type': 'application/json'}, status=413)
    app.put(f'{URL}/b', b'{"state": "x"}', headers={'Content-Type': 'text/plain'}, status=415)
    app.get(f'{URL}?a=1', status=400)
    assert 'DELETE, GET, HEAD, PUT' == app.post(URL, status=405).headers['Allow']


def test_credentials_are_needed(anonymous):
    """Saved searches need credentials like other resources."""
    for method in ('GET', 'PUT', 'DELETE'):
        anonymous.request(f'{URL}/a', method=method, status=401)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(['/api/v1/saved/a', '/api/v1/session']),
    st.sampled_from(['PUT', 'POST', 'DELETE', 'PATCH']),
    st.sampled_from(['application/json', 'application/json; charset=x', 'text/plain', '', ';=,"']),
    st.binary(max_size=20)
    | st.sampled_from([b'{"state":"\\ud800"}', b'{"state":"\\u0000"}', b'{"state":1e999}',
                       b'\xef\xbb\xbf{}',
                       b'{"username":"\\ud800","password":""}', b'{"username":"","password":""}']),
)  # fmt: skip
def test_any_body_is_saved_or_refused(app, path, method, content_type, body):
    """No body leads to a 500."""
    headers = {'Content-Type': content_type}
    response = app.request(path, method=method, body=body, headers=headers, expect_errors=True)
    assert response.status_int in (200, 201, 204, 400, 401, 404, 405, 415)
    if response.status_int >= 400:
        assert ['message', 'type'] == sorted(response.json['error'])
