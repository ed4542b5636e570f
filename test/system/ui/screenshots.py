"""
Take screenshots of the pages: ``python -m test.system.ui.screenshots DIR``.

Light and dark, wide and narrow, from a real server and browser, with records that are made up.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect, sync_playwright

from test.servers.chronologer import AUTHORIZATION, Server
from test.system.ui.conftest import ARGUMENTS
from test.system.ui.shop import make_shop

VISITS = 20_000
SIZES = {'wide': (1680, 950), 'narrow': (400, 800)}


SAVED = {
    'Confirmations': 'q=confirmation&name=shop.mail&range=7d',
    'Failed payments': 'name=shop.checkout.payment&level=ERROR&range=24h',
    'Low stock': 'q="is+low"&level=WARNING&range=24h&col=data.item',
    'Orders of ada': "f=data.user+=+'ada'&f=data.order+IS+NOT+NULL&col=data.order&range=24h",
    'Slow pages': 'q=data.ms+>+200&name=shop.web&order=asc&range=6h&col=data.ms',
}


def fill(server: Server) -> None:
    """Store records of the last day, and saved searches."""
    body = '\n'.join(json.dumps(fields) for fields in make_shop(VISITS, time.time())).encode()
    headers = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
    assert server.request('POST', '/api/v1/record', body, headers).status == 201
    headers['Content-Type'] = 'application/json'
    for name, state in SAVED.items():
        body = json.dumps({'state': state}).encode()
        assert server.request('PUT', f'/api/v1/saved/{quote(name)}', body, headers).status == 201


def open_page(browser: Browser, server: Server, scheme: str, size: str, path: str = '') -> Page:
    """Open a page in a window of its own, and sign in."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={'width': width, 'height': height},
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id='UTC',
    )
    page = context.new_page()
    page.goto(f'http://{server.host}/{path}')
    page.fill('#username', 'logger')
    page.keyboard.press('Enter')
    return page


def show_error(page: Page) -> None:
    """Open the record of an error in the log."""
    page.locator('.rows .row').first.wait_for()
    page.locator('.facet .count').first.wait_for(state='attached')
    focused = page.locator('.rows .row:focus')
    page.keyboard.press('e')  # the next error
    focused.wait_for()
    while 'Payment' not in focused.inner_text():
        number = focused.get_attribute('data-id') or ''
        page.keyboard.press('e')
        expect(focused).not_to_have_attribute('data-id', number)
    if 'id=' not in page.url:  # a record that was far away is open
        page.keyboard.press('Enter')
    page.locator('record-detail .traceback').wait_for()
    page.locator('.fields .facet').first.wait_for(state='attached')


def main() -> None:
    """Write ``wide-light.png`` and the others into the directory that is named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Server(Path(name)) as server:
        fill(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which('chromium-headless-shell'), args=ARGUMENTS
            )
            for scheme in ('light', 'dark'):
                for size in SIZES:
                    page = open_page(browser, server, scheme, size)
                    show_error(page)
                    page.screenshot(path=directory / f'{size}-{scheme}.png')
                    page.context.close()
            page = open_page(browser, server, 'light', 'wide', 'saved')
            page.set_viewport_size({'width': 1100, 'height': 560})
            expect(page.locator('saved-search strong')).to_have_count(len(SAVED))
            page.screenshot(path=directory / 'saved-light.png')
            browser.close()


if __name__ == '__main__':
    main()
