"""The page behind a reverse proxy that serves it below a path."""

import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import Server
from test.servers.proxy import Proxy
from test.system.ui.corpus import send
from test.system.ui.log_page import LogPage

KINDS = {
    'header': ({'X-Forwarded-Prefix': '/logs'}, {}),
    'setting': ({}, {'base_path': '/logs'}),
    'neither': ({}, {}),
}


@pytest.fixture(params=KINDS)
def proxied(request, tmp_path):
    """
    A server and a proxy before it, which strips /logs; the path is configured in different ways.

    A test requests this before its page, which is then closed before the server stops.
    """
    headers, settings = KINDS[request.param]
    with Server(tmp_path, **settings) as server, Proxy(server.host, '/logs', **headers) as proxy:
        yield server, proxy


def record(number):
    """A record of the present."""
    return {'name': 'app', 'levelno': 20, 'created': time.time(), 'msg': f'line {number}'}


def open_signed_in(page, server, proxy, query='range=all'):
    """Open the page at the proxy and sign in by its form."""
    page.goto(f'{proxy.url}?{query}')
    page.get_by_label('User name').fill('logger')
    page.keyboard.press('Enter')
    expect(page.locator('sign-in')).to_have_count(0)
    return LogPage(page, server)


def test_the_page_works_below_a_path(proxied, page):
    """Signing in, the list, an open record, links, saved searches, exports, and the live tail."""
    server, proxy = proxied
    ids = send(server, [record(n) for n in range(3)])
    strangers = []
    page.on('request', lambda it: it.url.startswith(proxy.url) or strangers.append(it.url))
    log = open_signed_in(page, server, proxy)
    log.expect_count(3)
    log.row(ids[1]).click()
    expect(log.detail.locator('.whole-message')).to_have_text('line 1')
    assert page.url.startswith(f'{proxy.url}?')
    log.act('Copy the record', 'curl command')
    log.expect_copied(f"curl -u 'logger' '{proxy.url}api/v1/record/{ids[1]}'")
    link = log.detail.get_by_role('link', name=f'#{ids[1]}').get_attribute('href')
    assert link.startswith(f'{proxy.url}?')
    page.goto(link)
    expect(log.detail.locator('.whole-message')).to_have_text('line 1')
    panel = log.panel('Saved')
    panel.locator('#saved-name').fill('mine')
    panel.get_by_role('button', name='Save').click()
    expect(panel.get_by_role('link', name='mine', exact=True)).to_be_visible()
    page.keyboard.press('Escape')
    page.get_by_role('link', name='Saved searches', exact=True).click()
    page.wait_for_url(f'{proxy.url}saved')
    page.reload()
    page.get_by_role('link', name='mine').click()
    page.wait_for_url(f'{proxy.url}?range=all')
    log.expect_count(3)
    panel = log.panel('Export')
    with page.expect_download() as download:
        panel.get_by_role('link', name='CSV').click()
    assert 4 == len(download.value.path().read_text().splitlines())
    page.goto(f'{proxy.url}?range=15m&tail=1')
    expect(page.locator('.rate')).not_to_be_empty()
    more = send(server, [record(3)])
    expect(log.row(more[0])).to_be_visible()
    page.locator('.brand').click()
    page.wait_for_url(proxy.url)
    log.expect_count(4)
    assert [] == strangers


def test_the_snippet_has_the_path_of_the_proxy(proxied, page):
    """Pasted into a program, it sends the first record through the proxy."""
    server, proxy = proxied
    log = open_signed_in(page, server, proxy, '')
    code = page.locator('first-record pre').inner_text()
    assert '/logs/api/v1/record' in code
    subprocess.run([sys.executable, '-c', code], check=True)
    log.expect_count(1)
