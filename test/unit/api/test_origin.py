"""Requests that pages of other sites have a browser send."""

import pytest

FORM = 'name=a&levelno=20&created=1525970213&msg=m'
OTHER = {'Origin': 'https://evil.example'}


@pytest.mark.parametrize(
    'headers',
    [
        OTHER,
        {'Origin': 'null'},
        {'Origin': 'http://[', 'Host': 'logs:8080'},
        {'Origin': 'http://logs:8081', 'Host': 'logs:8080'},
        {'Sec-Fetch-Site': 'cross-site'},
        {'Sec-Fetch-Site': 'same-site', 'Origin': 'https://other.logs.example'},
        {**OTHER, 'X-Forwarded-Host': 'logs.example'},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('POST', '/api/v1/record'), ('POST', '/api/v1/session'), ('DELETE', '/api/v1/session'),
        ('PUT', '/api/v1/saved/x'), ('DELETE', '/api/v1/saved/x'),
    ],
)  # fmt: skip
def test_they_are_refused_by_every_resource(app, method, path, headers):
    """Also with the right credentials, which browsers add; nothing is stored."""
    answer = app.request(path, method=method, body=FORM.encode(), headers=headers, status=403)
    assert 'ForbiddenError' == answer.json['error']['type']
    assert 'by a page of another site' in answer.json['error']['message']
    assert '0' == app.head('/api/v1/record').headers['X-Record-Count']


@pytest.mark.parametrize(
    'headers',
    [
        {},
        {'Sec-Fetch-Site': 'same-origin'},
        {'Sec-Fetch-Site': 'none'},
        {'Sec-Fetch-Site': 'same-origin', 'Origin': 'https://logs.example'},
        {'Origin': 'http://Logs:8080', 'Host': 'logs:8080'},
        {'Origin': 'https://logs.example', 'X-Forwarded-Host': 'logs.example, proxy'},
        {**OTHER, 'X-Requested-With': 'XMLHttpRequest'},
    ],
    ids=str,
)
def test_our_page_and_programs_may(app, headers):
    """Programs send no such header; a page of another site cannot send X-Requested-With."""
    app.post('/api/v1/record', FORM, headers=headers, status=201)


def test_links_of_other_sites_may_read(app):
    """A link that somebody shares leads to the page."""
    app.get('/api/v1/record', headers={**OTHER, 'Sec-Fetch-Site': 'cross-site'}, status=200)
