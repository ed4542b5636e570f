"""Real Chromium, from Debian, driven by Playwright, on real servers."""

import os
import re
import shutil

import pytest

from test.servers.chronologer import Server
from test.system.ui.corpus import CORPUS, SIZE, send

ARGUMENTS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]

WAIT = 30_000  # milliseconds for anything to appear, on a busy machine

# The first question of a page is who is there, which Chromium reports if it is nobody.
NOT_SIGNED_IN = 'Failed to load resource: the server responded with a status of 401'


@pytest.fixture(scope='session')
def browser():
    """A headless browser."""
    executable = shutil.which('chromium-headless-shell')
    if executable is None:
        message = 'Chromium is missing: run test/servers/install packages'
        if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all':
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def tolerated():
    """Regular expressions of what the console may complain of; a test may add some."""
    return [NOT_SIGNED_IN]


@pytest.fixture
def context(browser):
    """Somebody in Berlin, with a window of usual size."""
    context = browser.new_context(
        viewport={'width': 1400, 'height': 900},
        timezone_id='Europe/Berlin',
        locale='en-GB',
        reduced_motion='reduce',
        permissions=['clipboard-read', 'clipboard-write'],
    )
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def page(context, tolerated):
    """A page; anything that its console complains of fails the test."""
    complaints = []
    page = context.new_page()
    page.on('console', lambda message: complaints.append(message.text))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [] == [text for text in complaints if not re.match('|'.join(tolerated), text)]


def seeded(directory, **settings):
    """A server whose store has the corpus."""
    server = Server(directory, **settings).start()
    assert [*range(1, SIZE + 1)] == send(server, CORPUS.values())
    return server


@pytest.fixture(scope='session')
def corpus(tmp_path_factory):
    """A server with the corpus, on SQLite; nobody writes to it."""
    server = seeded(tmp_path_factory.mktemp('corpus'))
    yield server
    server.__exit__()


@pytest.fixture(scope='session')
def corpus_mysql(tmp_path_factory, mysql):
    """The same on MySQL."""
    server = seeded(tmp_path_factory.mktemp('corpus'), dsn=mysql.empty_dsn())
    yield server
    server.__exit__()


def signed_in(page, server):
    """The page of a user of the server."""
    from test.system.ui.log_page import LogPage

    return LogPage(page, server).sign_in()


@pytest.fixture
def log(page, corpus):
    """The page on the corpus."""
    return signed_in(page, corpus)


@pytest.fixture(params=['corpus', 'corpus_mysql'])
def each_log(request, page):
    """The page on the corpus, on each engine."""
    return signed_in(page, request.getfixturevalue(request.param))


@pytest.fixture
def own_server(tmp_path):
    """A server on an empty store, which the test may do with as it likes."""
    with Server(tmp_path) as server:
        yield server


@pytest.fixture
def own_log(own_server, page):  # the page closes first
    """The page on it."""
    return signed_in(page, own_server)
