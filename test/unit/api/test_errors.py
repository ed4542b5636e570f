"""Bad input: the answer is a clear 4xx of one shape on every path, and other requests go on."""

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronologer.web.params import FILTER as PARAMETERS

FILTER = [parameter.name for parameter in PARAMETERS]
URL = '/api/v1/record'
RECORD = {'name': 'a', 'levelno': 20, 'created': 1, 'msg': 'hello'}
FORM = 'application/x-www-form-urlencoded'


def check_shape(response, type, status):
    """Check that the error is JSON, or in headers for HEAD."""
    assert status == response.status_int
    if response.request.method == 'HEAD':
        assert type == response.headers['X-Error-Type']
        message = response.headers['X-Error-Message']
        assert message.isascii()
        assert message.isprintable()
        return message
    assert 'application/json' == response.content_type
    assert ['error'] == list(response.json)
    assert {'type': type, 'message': response.json['error']['message']} == response.json['error']
    return response.json['error']['message']


@pytest.mark.parametrize('method', ['GET', 'HEAD'])
@pytest.mark.parametrize(
    ('query', 'named'),
    [
        ('after=tomorrow', 'after'),
        ('before=2018-05-10T16:36:53+02:00', '%2B'),
        ('before=0001-01-01T00:00%2B05:00', 'before'),
        ('level=LOUD', 'level'),
        ('level=1e1', 'level'),
        ('level=99999999999999999999', 'level'),
        ('name=a,,b', 'name'),
        ('query=a', 'query'),
        ('search="a', 'search'),
        ('grep=a', 'grep'),
        ('Level=20', 'Level'),
        ('self=1', 'self'),
        ('level=20&level=30', 'more than once'),
        ('name=a%00', 'NUL'),
        ('a%00=1', 'NUL'),
        ('name=%FF', 'UTF-8'),
        ('name=%ED%A0%80', 'UTF-8'),
        ('%C3%28=1', 'UTF-8'),
        ('&'.join(f'a{index}=1' for index in range(200)), 'more than'),
    ],
)
def test_parameters_of_listing_and_count(app, method, query, named):
    """The message names the parameter and what was expected."""
    page = 'left=0&right=9&' if method == 'GET' else ''
    response = app.request(f'{URL}?{page}{query}', method=method, status=400)
    assert named in check_shape(response, 'InputError', 400)


@pytest.mark.parametrize(
    ('query', 'named'),
    [
        ('left=0', 'right'),
        ('right=0', 'left'),
        ('left=a&right=0', 'left'),
        ('left=&right=0', 'left'),
        ('left=0.0&right=0', 'left'),
        ('left=-1&right=0', 'left'),
        ('left=0&right=-1', 'right'),
        ('left=5&right=3', 'right'),
        ('left=0&right=10000', '10,000'),
        ('left=99999999999999999999&right=99999999999999999999', 'left'),
        ('left=0&right=9223372036854775808', 'right'),
        ('left=0&right=9&group=day', 'group'),
        ('left=0&right=9&timezone=UTC', 'timezone'),
    ],
)
def test_parameters_of_the_listing(app, query, named):
    """The message names the parameter that is missing, malformed, reversed or too wide."""
    assert named in check_shape(app.get(f'{URL}?{query}', status=400), 'InputError', 400)


@pytest.mark.parametrize(
    ('query', 'named'),
    [
        ('group=day', 'timezone'),
        ('group=day&timezone=', 'timezone'),
        ('group=day&timezone=Mars', 'timezone'),
        ('timezone=Mars', 'timezone'),
        ('group=century&timezone=UTC', 'group'),
        ('left=0&right=9', 'left'),
        ('group=%0a%c3%a9&timezone=UTC', '\\xe9'),
    ],
)
def test_parameters_of_the_count(app, query, named):
    """The message names the parameter and is one line of printable ASCII."""
    assert named in check_shape(app.head(f'{URL}?{query}', status=400), 'InputError', 400)


@pytest.mark.parametrize(
    ('body', 'named'),
    [
        ('', 'name, levelno, created'),
        ('name=a&levelno=20', 'created'),
        ('name=a&levelno=high&created=1', 'levelno'),
        ('name=a&levelno=20&created=nan', 'created'),
        ('name=a&levelno=20&created=1&x=1&x=2', "'x'"),
    ],
)
def test_forms_that_are_not_log_records(app, body, named):
    """The message names the field, and nothing is stored."""
    response = app.post(URL, body, {'Content-Type': FORM}, status=400)
    assert named in check_shape(response, 'InputError', 400)
    assert '0' == app.head(URL).headers['X-Record-Count']


def test_post_has_no_parameters(app):
    """Parameters of the query string are rejected, because they would be mistaken for fields."""
    response = app.post(f'{URL}?name=a', RECORD, status=400)
    assert 'name' in check_shape(response, 'InputError', 400)


@pytest.mark.parametrize(
    'content_type', ['application/xml', 'text/plain', 'multipart/form-data', '']
)
def test_other_formats_are_refused(app, content_type):
    """The message names the accepted format."""
    response = app.post(URL, '{}', {'Content-Type': content_type}, status=415)
    assert FORM in check_shape(response, 'MediaTypeError', 415)


def test_unknown_compression_is_refused(app):
    """A body of unknown compression is rejected, because it would be stored as rubbish."""
    headers = {'Content-Type': FORM, 'Content-Encoding': 'br'}
    check_shape(app.post(URL, 'a=b', headers, status=415), 'MediaTypeError', 415)


def test_larger_bodies_are_refused(app):
    """The message has the limit; a body of exactly the limit is accepted."""
    start = b'name=a&levelno=20&created=1&msg='
    headers = {'Content-Type': FORM}
    response = app.post(URL, start + b'x' * (2**20 - len(start) + 1), headers, status=413)
    assert '1,048,576' in check_shape(response, 'LimitError', 413)
    app.post(URL, start + b'x' * (2**20 - len(start)), headers, status=201)


@pytest.mark.parametrize(
    ('path', 'allowed'),
    [(URL, 'GET, HEAD, POST'), (f'{URL}/1', 'GET, HEAD'), ('/health', 'GET, HEAD'),
     ('/', 'GET, HEAD')],
)  # fmt: skip
@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])
def test_wrong_method(app, path, allowed, method):
    """The answer is 405 with Allow."""
    response = app.request(path, method=method, status=405)
    assert allowed == response.headers['Allow']
    assert allowed in check_shape(response, 'MethodError', 405)


@pytest.mark.parametrize(
    'path',
    ['/nothing', '/api', '/api/', '/api/v1', '/api/v1/nothing', '/api/v1/record/1/2',
     '/static', '/static/', '/static/nothing.js', '/static/app', '/static/app/',
     '/health/x', '/index.html', '/api/v1/__init__', '/api/v1/record/1/_storage',
     '/health/_cp_config', '/api/v2/record'],
)  # fmt: skip
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_unknown_address(app, path, method):
    """The answer is 404 in the common shape, also for paths that name attributes in the code."""
    response = app.request(path, method=method, status=404)
    check_shape(response, 'NotFoundError', 404)


@pytest.mark.parametrize('path', ['/static/../server.py', '/static/%2e%2e/%2e%2e/setup.py'])
def test_static_files_end_at_their_directory(app, path):
    """Files above the directory of static files are not served."""
    check_shape(app.get(path, status=403), 'HTTPError', 403)


@pytest.mark.parametrize('path', [f'{URL}/', f'/{URL}', '/api//v1/record'])
def test_post_to_another_spelling_of_the_path(app, path):
    """A POST with extra slashes is a 404 whose message names them; nothing is stored elsewhere."""
    response = app.post(path, RECORD, status=404)
    assert 'extra slashes' in check_shape(response, 'NotFoundError', 404)


@pytest.mark.parametrize(
    ('method', 'path'),
    [('POST', URL), ('GET', URL), ('HEAD', URL), ('GET', f'{URL}/1'), ('PUT', URL), ('GET', '/api'),
     ('GET', '/api/nothing'), ('GET', f'/{URL}'), ('GET', '/api//v1/record'), ('POST', f'{URL}/')],
)  # fmt: skip
@pytest.mark.parametrize(
    'authorization',
    [None, '', 'Basic', 'Basic !', 'Basic bG9nZ2VyOg==', 'Bearer bG9nZ2VyOnDDpHNzd29yZA==',
     'Basic bG9nZ2VyOnDDpHNzd29yZA', 'basic', 'Basic \xff', 'Basic OnDDpHNzd29yZA=='],
)  # fmt: skip
def test_the_api_requires_credentials(anonymous, method, path, authorization):
    """Every path under /api answers 401 with a challenge."""
    headers = {} if authorization is None else {'Authorization': authorization}
    response = anonymous.request(path, method=method, headers=headers, status=401)
    assert response.headers['WWW-Authenticate'].startswith('Basic ')
    check_shape(response, 'AuthenticationError', 401)


def test_health_and_page_are_open(anonymous):
    """Load balancers query /health without credentials, and the page has the sign-in form."""
    assert 'ok' == anonymous.get('/health').json['status']
    assert 'Chronologer' in anonymous.get('/').text
    assert 200 == anonymous.get('/static/app/main.js').status_int
    assert 400 == anonymous.get('/health?a=b', status=400).status_int


@pytest.mark.parametrize('range', ['bytes=x', 'bytes=0-', 'x', 'bytes=5-1', 'bytes=99999-'])
def test_ranges_are_ignored(anonymous, range):
    """The Range header is ignored, also if it is malformed."""
    for path in ('/', '/static/app/main.js'):
        assert 200 == anonymous.get(path, headers={'Range': range}).status_int


def test_pages_have_security_headers(anonymous):
    """Pages allow no scripts of other origins and no guessing of content types."""
    for path in ('/', '/static/app/main.js', '/health'):
        headers = anonymous.get(path).headers
        assert "default-src 'self'" in headers['Content-Security-Policy']
        assert 'nosniff' == headers['X-Content-Type-Options']


def test_unexpected_errors_are_logged_and_not_shown(app, monkeypatch, caplog):
    """The answer is 500 without a traceback; the log has the traceback."""
    monkeypatch.setattr('chronologer.doors.record.parse_integer', lambda *_: 1 / 0)
    monkeypatch.setattr('chronologer.api.record.filter_of', lambda *_: 1 / 0)
    for response in (
        app.post(URL, RECORD, status=500),
        app.get(f'{URL}?left=0&right=0', status=500),
    ):
        message = check_shape(response, 'ChronologerError', 500)
        assert 'ZeroDivision' not in message
    assert 2 == caplog.text.count('Traceback')


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ['name', 'levelno', 'created', 'msg', 'args', 'exc_info', 'exc_text', 'x', 'lineno']
        ),
        st.sampled_from([b'1', b'20', b'(', b'%s', b'(1,)', b'{}', b'None', b'', b'-1', b'1e400'])
        | st.binary(max_size=20),
    )
)
def test_any_form_is_stored_or_refused(app, fields):
    """No form leads to a 500, and no stored one breaks a listing, a count or a timeline."""
    response = app.post(URL, urlencode(fields), {'Content-Type': FORM}, expect_errors=True)
    assert response.status_int in (201, 400)
    if response.status_int == 201:
        assert response.json == app.get(f'{URL}/{response.json["id"]}').json
        app.get(f'{URL}?left=0&right=9999', status=200)
        app.head(f'{URL}?group=day&timezone=Asia/Kathmandu', status=200)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(['GET', 'HEAD']),
    st.lists(
        st.tuples(
            st.sampled_from([*FILTER, 'left', 'right', 'group', 'timezone']) | st.text(max_size=3),
            st.sampled_from(['0', '9', '20', 'UTC', 'day', 'hour', 'a']) | st.text(max_size=9)
            | st.integers().map(str) | st.datetimes().map(str),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_any_query_is_answered_or_refused(app, method, pairs):
    """No query leads to a 500."""
    query = urlencode(pairs, errors='surrogatepass')
    response = app.request(f'{URL}?{query}', method=method, expect_errors=True)
    assert response.status_int in (200, 400)
    if response.status_int == 400:
        check_shape(response, 'InputError', 400)
