"""
Screenshots of the page, light and dark, wide and narrow: ``python -m test.ui.screenshots DIR``.

From a real server and browser, with records that are made up.
"""

import json
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.corpus import as_logrecord, make_records
from test.servers.chronologer import AUTHORIZATION, Server
from test.ui.conftest import ARGUMENTS

RECORDS, SPAN = 20_000, timedelta(hours=20)
SIZES = {'wide': (1400, 900), 'narrow': (400, 800)}


def fill(server: Server) -> None:
    """Store records of the last hours, at an uneven rate."""
    lines = []
    now = time.time()
    for number, record in enumerate(make_records(RECORDS, duration=SPAN)):
        fields = as_logrecord(record)
        age = 1 - number / RECORDS
        fields['created'] = now - SPAN.total_seconds() * age**1.3
        lines.append(json.dumps(fields))
    body = '\n'.join(lines).encode()
    headers = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
    assert server.request('POST', '/api/v1/record', body, headers).status == 201


def take(browser: Browser, server: Server, directory: Path, scheme: str, size: str) -> None:
    """Take one picture, of the list with an open error."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={'width': width, 'height': height},
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id='UTC',
    )
    page = context.new_page()
    page.goto(f'http://{server.host}/')
    page.fill('#username', 'logger')
    page.keyboard.press('Enter')
    page.locator('.rows .row').first.wait_for()
    page.locator('.facet .count').first.wait_for(state='attached')
    page.keyboard.press('e')  # the next error
    page.locator('.rows .row.error:focus').wait_for()
    page.keyboard.press('Enter')
    page.locator('record-detail .traceback').wait_for()
    page.wait_for_timeout(500)  # for the facets of fields
    page.screenshot(path=directory / f'{size}-{scheme}.png')
    context.close()


def main() -> None:
    """Write ``wide-light.png`` and the others into the directory that is named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Server(Path(name)) as server:
        fill(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which('chromium'), args=ARGUMENTS
            )
            for scheme in ('light', 'dark'):
                for size in SIZES:
                    take(browser, server, directory, scheme, size)
            browser.close()


if __name__ == '__main__':
    main()
