"""The page and its files: compressed, and asked for again by their ETag."""

import gzip
import mimetypes
import re

import pytest
from webob import Request

from chronologer.api.page import STATIC, VERSIONED, takes_gzip
from chronologer.errors import StorageError
from chronologer.storage.sqlite import SQLiteStorage

FILES = ['/', '/static/main.js', '/static/style.css', '/static/icon.svg']


@pytest.mark.parametrize(
    ('path', 'media_type'),
    [*zip(FILES, ['text/html', 'text/javascript', 'text/css', 'image/svg+xml'], strict=True)],
)
def test_types_are_not_the_machines(anonymous, monkeypatch, path, media_type):
    """A browser runs no script of another type."""
    monkeypatch.setattr(mimetypes, 'types_map', {'.js': 'text/plain', '.svg': 'x/y', '.css': 'x/y'})
    response = anonymous.get(path)
    assert media_type == response.headers['Content-Type'].partition(';')[0]
    assert 'no-cache' == response.headers['Cache-Control']


@pytest.mark.parametrize('path', FILES)
def test_compression(anonymous, path):
    """For who takes it."""
    plain = anonymous.get(path)
    assert 'Content-Encoding' not in plain.headers
    request = Request.blank(path, headers={'Accept-Encoding': 'br, gzip'})
    packed = request.get_response(anonymous.app)  # WebTest would decompress it
    assert 'gzip' == packed.headers['Content-Encoding']
    assert len(packed.body) == packed.content_length
    assert gzip.decompress(packed.body) == plain.body
    if path != '/':
        assert (STATIC / path.rpartition('/')[2]).read_bytes() == plain.body
    assert 'Accept-Encoding' == plain.headers['Vary'] == packed.headers['Vary']
    assert plain.headers['ETag'] == packed.headers['ETag']
    head = anonymous.head(path, headers={'Accept-Encoding': 'gzip'})
    assert (200, b'') == (head.status_int, head.body)


@pytest.mark.parametrize('path', FILES)
@pytest.mark.parametrize('encoding', ['', 'gzip'])
def test_unchanged_files_are_not_sent_again(anonymous, path, encoding):
    """Whatever their dates are: those of installed files say nothing."""
    headers = {'Accept-Encoding': encoding, 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT'}
    response = anonymous.get(path, headers=headers, status=200)
    headers['If-None-Match'] = response.headers['ETag']
    for method in ('GET', 'HEAD'):
        again = anonymous.request(path, method=method, headers=headers, status=304)
        assert b'' == again.body
        for name in ('ETag', 'Vary', 'Cache-Control'):
            assert response.headers[name] == again.headers[name]
    headers['If-None-Match'] = '"other"'
    assert response.body == anonymous.get(path, headers=headers, status=200).body


def test_the_page_loads_what_never_changes(anonymous):
    """Its files are known by their content, and all modules are asked for at once."""
    page = anonymous.get('/').text
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {path.name for path in STATIC.iterdir()} - {'index.html', 'README.rst'} == {
        link.rpartition('/')[2] for link in links
    }
    for link in links:
        assert link.startswith(VERSIONED)
        assert 'immutable' in anonymous.get(link).headers['Cache-Control']
    assert 404 == anonymous.get('/static/0/main.js', expect_errors=True).status_int


@pytest.mark.parametrize(
    'query', ['f=1&f=2', 'q=%FF%FE', 'a=%00', 'params=1&self=2', '&&=', 'x' * 9000]
)
def test_any_address_is_for_the_page(anonymous, query):
    """Its scripts read it, not the server."""
    assert anonymous.get('/').body == anonymous.get(f'/?{query}', status=200).body


@pytest.mark.parametrize(
    ('accepted', 'expected'),
    [('gzip', True), ('br,GZIP ;q=0.1', True), ('gzip;q=0', False), ('gzip; q=0.00', False),
     ('', False), ('*', False), ('gzip;q=x', True), ('br', False)],
)  # fmt: skip
def test_who_takes_gzip(accepted, expected):
    """Who names it."""
    assert expected == takes_gzip(accepted)


@pytest.mark.parametrize('name', ['Content-Disposition', 'Accept-Encoding', 'Content-Type'])
@pytest.mark.parametrize('value', ['a; filename*=x', ';=', 'gzip;q=x', '\xff', 'a; charset=\xff'])
def test_odd_headers_are_no_errors_of_ours(app, name, value):
    """Of requests for files, and of others."""
    for path in ('/', '/static/main.js', '/api/v1/session'):
        assert app.get(path, headers={name: value}, expect_errors=True).status_int in (200, 400)


def test_readiness(anonymous, configuration, monkeypatch, caplog):
    """Without credentials, and without saying where the storage is."""
    assert {'status': 'ok'} == anonymous.get('/ready').json
    anonymous.get('/ready?a=b', status=400)

    def fail(_):
        raise StorageError(f'no {configuration.storage_dsn}')

    monkeypatch.setattr(SQLiteStorage, 'check', fail)
    for _ in range(2):
        response = anonymous.get('/ready', status=503)
        assert 'StorageBusyError' == response.json['error']['type']
        assert 'sqlite' not in response.text
        assert '1' == response.headers['Retry-After']
    assert 'Not ready: no sqlite:///' in caplog.text
