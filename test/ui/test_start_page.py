"""The page that a newcomer sees first."""

import re
import subprocess
import sys

import pytest


def test_it_shows_how_to_send_a_record_to_this_server(page, server):
    """With the address that the page came from; the snippet can be pasted and works."""
    page.goto(f'http://{server.host}/')
    assert 'Chronologer' == page.title()
    code = page.locator('pre').inner_text()
    assert server.host in code
    assert 'secure=True' not in code
    subprocess.run([sys.executable, '-c', code], check=True)
    (record,) = server.get('record?left=0&right=9&name=app&level=ERROR')
    assert 'Hello, Chronologer' == record['message']


def test_its_links_lead_somewhere(page, server):
    """Each is an address of the API that answers."""
    page.goto(f'http://{server.host}/')
    links = [link.get_attribute('href') for link in page.locator('a').all()]
    assert links
    for link in links:
        assert re.match('/api/v1/', link)
        server.get(link.removeprefix('/api/v1/'))


@pytest.mark.parametrize('width', [360, 1400])
def test_it_fits_any_width(page, server, width):
    """Long lines of code scroll in their box, not the page."""
    page.set_viewport_size({'width': width, 'height': 800})
    page.goto(f'http://{server.host}/')
    assert width >= page.evaluate('document.documentElement.scrollWidth')
