"""The page and its static files: compression, caching and conditional requests."""

import gzip
import mimetypes
import re
from urllib.parse import urljoin

import pytest
from webob import Request
from webtest import TestApp

from chronologer.errors import StorageError
from chronologer.storage.sqlite import SQLiteStorage
from chronologer.web.page import IMPORT, PAGES, STATIC, VERSIONED, accepts_gzip
from test.servers.asgi import as_wsgi, open_application

FILES = ['/', '/saved', '/static/app/main.js', '/static/app/app.css', '/static/app/icon.svg']
TYPES = ['text/html', 'text/html', 'text/javascript', 'text/css', 'image/svg+xml']


@pytest.mark.parametrize(
    ('path', 'media_type'),
    [*zip(FILES, TYPES, strict=True)],
)
def test_types_do_not_depend_on_the_machine(anonymous, monkeypatch, path, media_type):
    """Content types do not depend on the machine; a browser runs no script of another type."""
    monkeypatch.setattr(mimetypes, 'types_map', {'.js': 'text/plain', '.svg': 'x/y', '.css': 'x/y'})
    response = anonymous.get(path)
    assert media_type == response.headers['Content-Type'].partition(';')[0]
    assert 'no-cache' == response.headers['Cache-Control']


@pytest.mark.parametrize('path', FILES)
def test_compression(anonymous, path):
    """Files are compressed for clients that accept it."""
    plain = anonymous.get(path)
    assert 'Content-Encoding' not in plain.headers
    request = Request.blank(path, headers={'Accept-Encoding': 'br, gzip'})
    packed = request.get_response(anonymous.app)  # WebTest would decompress the body
    assert 'gzip' == packed.headers['Content-Encoding']
    assert len(packed.body) == packed.content_length
    assert gzip.decompress(packed.body) == plain.body
    if path.startswith('/static/'):
        assert (STATIC / path.removeprefix('/static/')).read_bytes() == plain.body
    assert 'Accept-Encoding' in plain.headers['Vary'] == packed.headers['Vary']
    assert plain.headers['ETag'] == packed.headers['ETag']
    head = anonymous.head(path, headers={'Accept-Encoding': 'gzip'})
    assert (200, b'') == (head.status_int, head.body)


@pytest.mark.parametrize('path', FILES)
@pytest.mark.parametrize('encoding', ['', 'gzip'])
def test_unchanged_files_are_not_sent_again(anonymous, path, encoding):
    """Only the ETag counts, because the dates of installed files mean nothing."""
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


def preloaded(app, path):
    """Return the modules that a page preloads, as paths below the static directory."""
    links = re.findall(r'rel="modulepreload" href="([^"]+)"', app.get(path).text)
    return [link.removeprefix(f'{VERSIONED[1:]}/') for link in links]


@pytest.mark.parametrize('path', PAGES)
def test_a_page_preloads_its_modules(anonymous, path):
    """It preloads those of the shell and its own, with their imports, but not other pages."""
    modules = preloaded(anonymous, f'/{path}')
    assert {'app/main.js', 'app/pages.js', 'lib/api.js', PAGES[path]} < set(modules)
    assert not set(modules) & {module for other, module in PAGES.items() if other != path}
    assert sorted(modules) == modules
    for module in modules:
        statements = re.findall(r'^import .*', (STATIC / module).read_text(), re.M)
        assert len(statements) == len(IMPORT.findall((STATIC / module).read_text()))


def test_the_shell_has_the_same_pages():
    """The paths and modules of its table are those that the server has."""
    text = (STATIC / 'app/pages.js').read_text()
    assert dict(re.findall(r"{path: '(.*)', title: .* import\('../(.*)'\)}", text)) == PAGES


@pytest.mark.parametrize('path', PAGES)
def test_each_page_is_the_same_document(anonymous, path):
    """Only its modules differ; its path may end with a slash."""
    html = anonymous.get(f'/{path}').text
    assert '<app-shell></app-shell>' in html
    assert '<base href="./">' in html
    assert anonymous.head(f'/{path}').headers['ETag'] == anonymous.get(f'/{path}').headers['ETag']
    if path:
        expected = html.replace('<base href="./">', '<base href="../">')
        assert expected == anonymous.get(f'/{path}/').text


@pytest.mark.parametrize('path', ['//', '///', '//saved', '/saved//', '//saved///'])
def test_extra_slashes_lead_to_the_root(anonymous, path):
    """The base is the root, whose files the document loads, however the address is written."""
    (base,) = re.findall(r'<base href="(.*)">', anonymous.get(path).text)
    assert 'http://host/' == urljoin(f'http://host{path}', base)


@pytest.mark.parametrize('path', ['/savd', '/saved/x', '/saved.html', '/Saved', '/log', '/index'])
def test_no_other_path_is_a_page(anonymous, path):
    """The error names the path."""
    error = anonymous.get(path, status=404).json['error']
    assert f"there is nothing at '{path}'" == error['message']


def test_all_style_sheets_are_loaded_together(anonymous):
    """Each page loads all of them, so none is drawn without its style when it is visited."""
    html = anonymous.get('/').text
    loaded = re.findall(rf'rel="stylesheet" href="{VERSIONED[1:]}/([^"]+)"', html)
    assert 'app/app.css' == loaded[0]
    assert sorted(loaded) == sorted(str(p.relative_to(STATIC)) for p in STATIC.rglob('*.css'))


def test_the_page_loads_immutable_files(anonymous):
    """The addresses of the page's files contain a hash of their content, so caches keep them."""
    base, *links = re.findall(r'(?:href|src)="([^"]+)"', anonymous.get('/').text)
    assert './' == base
    for link in links:
        assert f'/{link}'.startswith(f'{VERSIONED}/')
        assert 'immutable' in anonymous.get(f'/{link}').headers['Cache-Control']
    assert 404 == anonymous.get('/static/0/app/main.js', expect_errors=True).status_int


def base_of(app, prefix):
    """Return the base address in the HTML document, for a request with X-Forwarded-Prefix."""
    response = app.get('/', headers={'X-Forwarded-Prefix': prefix})
    assert 'X-Forwarded-Prefix' in response.headers['Vary']
    (base,) = re.findall(r'<base href="(.*)">', response.text)
    return base


@pytest.mark.parametrize(
    ('prefix', 'base'),
    [('/logs', '/logs/'), ('/logs/', '/logs/'), ('/a/b-c_d.e~1', '/a/b-c_d.e~1/'), ('', './')],
)
def test_the_base_is_the_path_of_the_proxy(anonymous, prefix, base):
    """The base is X-Forwarded-Prefix, or without it the path of the document."""
    assert base == base_of(anonymous, prefix)


@pytest.mark.parametrize(
    'prefix',
    ['/', '//', '//evil.test', '/logs//x', 'logs', 'https://evil.test', '/..', '/a/../b', '/./a',
     '/"><script>alert(1)</script>', '/a b', '/a?b', '/a#b', '/%2f', '/a,/b', '/a;b',
     '/\\evil.test', "/'", '/\xe4', '/&quot;', '/' + 'a' * 200],
)  # fmt: skip
def test_a_prefix_that_is_no_plain_path_is_ignored(anonymous, prefix):
    """A prefix can neither inject HTML nor lead to another server."""
    assert './' == base_of(anonymous, prefix)


def test_the_setting_has_precedence_over_the_header(configuration):
    """The operator's setting overrides the header of a request."""
    conf = configuration.having(base_path='/logs')
    with open_application(conf) as app:
        assert '/logs/' == base_of(TestApp(as_wsgi(app)), '/other')


@pytest.mark.parametrize(
    'query', ['f=1&f=2', 'q=%FF%FE', 'a=%00', 'params=1&self=2', '&&=', 'x' * 9000]
)
def test_any_address_is_for_the_page(anonymous, query):
    """Any query string returns the page: the scripts read it, not the server."""
    assert anonymous.get('/').body == anonymous.get(f'/?{query}', status=200).body


@pytest.mark.parametrize(
    ('accepted', 'expected'),
    [('gzip', True), ('br,GZIP ;q=0.1', True), ('gzip;q=0', False), ('gzip; q=0.00', False),
     ('', False), ('*', False), ('gzip;q=x', True), ('br', False)],
)  # fmt: skip
def test_gzip_is_accepted(accepted, expected):
    """Only clients that accept gzip get it."""
    assert expected == accepts_gzip(accepted)


@pytest.mark.parametrize('name', ['Content-Disposition', 'Accept-Encoding', 'Content-Type'])
@pytest.mark.parametrize('value', ['a; filename*=x', ';=', 'gzip;q=x', '\xff', 'a; charset=\xff'])
def test_malformed_headers_lead_to_no_500(app, name, value):
    """Malformed headers of requests lead to no 500, for files and for other resources."""
    for path in ('/', '/static/app/main.js', '/api/v1/session'):
        assert app.get(path, headers={name: value}, expect_errors=True).status_int in (200, 400)


def test_readiness(anonymous, configuration, monkeypatch, caplog):
    """Readiness needs no credentials and does not reveal where the storage is."""
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
