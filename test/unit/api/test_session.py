"""Signing in and out, and what the session cookie allows."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer import __version__
from chronologer.auth import session
from chronologer.auth.session import Sessions
from chronologer.errors import StorageBusyError, StorageError

URL, RECORD = '/api/v1/session', '/api/v1/record'
USER = {'username': 'logger', 'password': 'pässword'}
SCRIPT = {'X-Requested-With': 'Chronologer'}
FIELDS = {'name': 'a', 'levelno': '20', 'created': '1'}
ANSWER = {'username': 'logger', 'role': 'admin', 'version': __version__}


@pytest.fixture
def token(anonymous):
    """The value of the cookie of a signed-in user."""
    response = anonymous.post_json(URL, USER, headers=SCRIPT)
    anonymous.reset()
    return response.headers['Set-Cookie'].partition('=')[2].partition(';')[0]


def get_session(app, token, status=200, name='chronologer_8080', **headers):
    """Request the current session with this cookie."""
    headers['Cookie'] = f'{name}={token}'
    return app.get(URL, headers=headers, status=status)


def test_signing_in(anonymous):
    """The answer has the user name, and sets a cookie that scripts cannot read."""
    response = anonymous.post_json(URL, USER)
    assert ANSWER == response.json
    assert 'no-store' == response.headers['Cache-Control']
    cookie, *attributes = response.headers['Set-Cookie'].split('; ')
    assert cookie.startswith('chronologer_8080=')
    assert ['Max-Age=2592000', 'Path=/', 'HttpOnly', 'SameSite=Strict'] == attributes
    assert ANSWER == anonymous.get(URL).json


@pytest.mark.parametrize(
    ('protocol', 'is_secure'), [('https', True), ('HTTPS, http', True), ('http', False)]
)
def test_cookies_of_https_stay_there(anonymous, protocol, is_secure):
    """The cookie is Secure if X-Forwarded-Proto of the proxy says https."""
    headers = {'X-Forwarded-Proto': protocol}
    response = anonymous.post_json(URL, USER, headers=headers)
    assert is_secure == response.headers['Set-Cookie'].endswith('; Secure')
    response = anonymous.delete(URL, headers=headers)
    assert is_secure == response.headers['Set-Cookie'].endswith('; Secure')


@pytest.mark.parametrize('change', [{'password': ''}, {'password': 'password'}, {'username': 'x'},
                                    {'username': 'logger:pässword', 'password': ''}])  # fmt: skip
def test_wrong_credentials(anonymous, change):
    """The answer is 401 without a cookie; a page gets no challenge."""
    for headers, has_challenge in (({}, True), (SCRIPT, False)):
        response = anonymous.post_json(URL, USER | change, headers=headers, status=401)
        assert 'AuthenticationError' == response.json['error']['type']
        assert has_challenge == ('WWW-Authenticate' in response.headers)
        assert 'Set-Cookie' not in response.headers


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'POST', 'DELETE'])
@pytest.mark.parametrize('path', [RECORD, '/api/nothing', '/api/v1/saved/x'])
def test_pages_are_not_challenged(anonymous, method, path):
    """A challenge would open the browser's dialog over the page's form; other clients get one."""
    for headers, has_challenge in (({}, True), (SCRIPT, False)):
        response = anonymous.request(path, method=method, headers=headers, status=401)
        assert has_challenge == ('WWW-Authenticate' in response.headers)


@pytest.mark.parametrize(
    ('body', 'content_type', 'status', 'words'),
    [
        ('{}', 'text/plain', 415, "expected application/json, got 'text/plain'"),
        ('{}', 'application/x-www-form-urlencoded', 415, 'application/json'),
        ('{}', '', 415, 'application/json'),
        ('', 'application/json', 400, 'not JSON'),
        ('{', 'application/json', 400, 'not JSON'),
        ('\xff', 'application/json', 400, 'not JSON'),
        ('[' * 60_000, 'application/json', 400, 'not JSON'),
        ('[]', 'application/json', 400, 'username, password, got []'),
        ('{}', 'application/json', 400, 'username: required'),
        ('{"username": "a"}', 'application/json', 400, 'password: required'),
        ('{"username": 1, "password": "a"}', 'application/json', 400, 'username: expected a text'),
        ('{"username": "a", "password": null}', 'application/json', 400, 'password: expected'),
        ('{"username": "a", "password": "", "x": 1}', 'application/json', 400, "field 'x'"),
        (' ' * 65537, 'application/json', 413, 'at most 65,536 bytes'),
    ],
)
def test_odd_bodies(anonymous, body, content_type, status, words):
    """The message describes the fault of each body."""
    headers = {'Content-Type': content_type}
    response = anonymous.post(URL, body.encode('latin-1'), headers=headers, status=status)
    assert words in response.json['error']['message']


def test_current_session(anonymous, app, token):
    """A cookie or HTTP Basic identifies the user; HTTP Basic takes precedence."""
    authorization = app.extra_environ.pop('HTTP_AUTHORIZATION')
    anonymous.get(URL, status=401)
    assert ANSWER == get_session(anonymous, token).json
    assert ANSWER == anonymous.get(URL, headers={'Authorization': authorization}).json
    get_session(anonymous, token, 401, Authorization='Basic bG9nZ2VyOg==')
    assert ANSWER == get_session(anonymous, 'x', Authorization=authorization).json
    assert ANSWER == get_session(anonymous, token, Authorization='').json


def test_signing_out(anonymous, token):
    """Signing out also succeeds without a session."""
    for headers in ({}, SCRIPT, {'Cookie': f'chronologer_8080={token}'}):
        response = anonymous.delete(URL, headers=headers, status=204)
        assert b'' == response.body
        assert response.headers['Set-Cookie'].startswith('chronologer_8080=; Max-Age=0; Path=/;')


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'PATCH'])
@pytest.mark.parametrize('path', [RECORD, f'{RECORD}/', '/api/v1/saved/x', '/api/v1/nothing'])
def test_a_cookie_alone_changes_nothing(anonymous, token, method, path):
    """A page of another site may have sent it, so it must not change anything."""
    headers = {'Cookie': f'chronologer_8080={token}', 'Content-Type': 'application/json'}
    response = anonymous.request(path, method=method, headers=headers, body=b'{}', status=403)
    assert 'ForbiddenError' == response.json['error']['type']
    assert 'X-Requested-With' in response.json['error']['message']


def test_pages_use_the_cookie(anonymous, token):
    """The cookie is enough for reading; a POST also needs the page's header."""
    cookie = {'Cookie': f'chronologer_8080={token}'}
    anonymous.get(RECORD, headers=cookie)
    anonymous.head(RECORD, headers=cookie)
    response = anonymous.post(RECORD, FIELDS, headers=cookie | SCRIPT, status=201)
    assert 1 == response.json['id']
    anonymous.post(RECORD, FIELDS, headers=SCRIPT, status=401)


def test_cookies_of_others_do_no_harm(anonymous, token):
    """Cookies of other servers on the host, also malformed ones, do not affect ours."""
    for others in ('a=b', '[]=1', '=;;', '\xff=\x01', 'chronologer_8080=x', 'chronologer_80=x',
                   '"', 'a,b', 'chronologer_8080', '$Version=1', 'x' * 5000):  # fmt: skip
        headers = {'Cookie': f'{others}; chronologer_8080={token}'}
        assert ANSWER == anonymous.get(URL, headers=headers).json
        assert anonymous.get('/', headers=headers)
        anonymous.get(URL, headers={'Cookie': others}, status=401)
    get_session(anonymous, token, 401, name='chronologer_8081')


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_forged_cookies(anonymous, token, data):
    """A changed cookie is rejected, and leads to no 500."""
    place = data.draw(st.integers(0, len(token)))
    new = data.draw(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=3))
    end = data.draw(st.integers(place, len(token)))
    forged = token[:place] + new + token[end:]
    if forged.partition(';')[0].partition(',')[0].strip() != token:
        get_session(anonymous, forged, 401)


def test_cookies_end(anonymous, token, monkeypatch):
    """A cookie expires after 30 days and not earlier."""
    now = int(time.time())
    monkeypatch.setattr(session, '_now', lambda: now + 30 * 24 * 3600 - 60)
    get_session(anonymous, token)
    monkeypatch.setattr(session, '_now', lambda: now + 30 * 24 * 3600 + 60)
    get_session(anonymous, token, 401)


def test_other_credentials_or_another_secret_end_sessions():
    """A cookie is valid for one user, one password and one storage; its name has the port."""

    def sessions(username='logger', password='a', port=1, secret=b's' * 32):
        return Sessions(username, password, port, lambda: secret)

    cookie = sessions().cookie(False).partition(';')[0]
    assert 'logger' == sessions().user_of(cookie)
    for other in ({'username': 'b'}, {'password': 'b'}, {'port': 2}, {'secret': b't' * 32}):
        assert sessions(**other).user_of(cookie) is None
    odd = sessions(username='ü;, =🙂')
    assert 'ü;, =🙂' == odd.user_of(odd.cookie(True).partition(';')[0])


def test_the_secret_is_queried_once_and_only_for_cookies():
    """Only a cookie that may be valid needs the secret of the storage, which is cached."""
    queries = []
    sessions = Sessions('logger', '', 1, lambda: queries.append(1) or b's')
    for cookies in (
        '',
        'a=b',
        'chronologer_1=',
        'chronologer_1=a.1.b',
        f'chronologer_1=a.1.{"b" * 43}',
    ):
        assert not sessions.may_wait(cookies)
        assert sessions.user_of(cookies) is None
    assert [] == queries
    forged = f'chronologer_1=a.99999999999.{"b" * 43}'
    assert sessions.may_wait(forged)
    assert sessions.user_of(forged) is None
    assert not sessions.may_wait(forged)
    sessions.user_of(sessions.cookie(False))
    assert [1] == queries


def test_a_failing_metastore_is_busy_without_details(caplog):
    """Anybody can send a cookie, so the error of the database is in the server's log only."""

    def secret():
        raise StorageError("SQLite file '/var/private': database disk image is malformed")

    sessions = Sessions('logger', '', 1, secret)
    for attempt in (
        lambda: sessions.cookie(is_secure=False),
        lambda: sessions.user_of(f'chronologer_1=x.999999999999.{"a" * 43}'),
    ):
        with pytest.raises(StorageBusyError, match=r'^the metastore, .* does not answer$'):
            attempt()
    assert 'malformed' in caplog.text


def test_one_request_waits_for_the_secret(monkeypatch):
    """One request waits for the storage; others get a StorageBusyError and occupy no thread."""
    monkeypatch.setattr(session, 'PATIENCE', 0.05)
    has_begun, may_end = threading.Event(), threading.Event()

    def secret():
        has_begun.set()
        assert may_end.wait(10)
        return b's'

    sessions = Sessions('logger', '', 1, secret)
    thread = threading.Thread(target=sessions.cookie, args=(False,))
    thread.start()
    assert has_begun.wait(10)
    with pytest.raises(StorageBusyError):
        sessions.cookie(False)
    may_end.set()
    thread.join()
    assert sessions.user_of(sessions.cookie(False))


def test_head_and_parameters(app):
    """HEAD and unknown parameters are handled as for other resources."""
    app.head(URL, status=200)
    app.get(f'{URL}?a=1', status=400)
    assert 'DELETE, GET, HEAD, POST' == app.put(URL, status=405).headers['Allow']
