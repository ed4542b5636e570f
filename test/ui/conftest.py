"""Real Chromium, from Debian, driven by Playwright."""

import os
import shutil

import pytest

ARGUMENTS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]


@pytest.fixture(scope='session')
def browser():
    """A headless browser."""
    executable = shutil.which('chromium')
    if executable is None:
        message = 'Chromium is missing: run test/servers/install, or apt-get install chromium'
        if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all':
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page; anything that its console complains of fails the test."""
    complaints = []
    page = browser.new_page()
    page.on('console', lambda message: complaints.append(message.text))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [] == complaints
