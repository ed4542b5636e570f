"""What a record says stays text, and the page stays usable whatever it is."""

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import Server
from test.system.ui.conftest import signed_in
from test.system.ui.corpus import NOW, send

ACT = 'window.hit=1;alert(1);fetch(`//evil.test`)'
ENTITY = '&#x61;lert&lpar;1&rpar;'
TAGS = [
    '<script>{}</script>',
    '</script><script>{}</script>',
    '<img src=x onerror="{}">',
    '<svg onload="{}">',
    '<svg/onload={}>',
    '<body onload={}>',
    '<iframe srcdoc="<script>{}</script>">',
    '<iframe src="javascript:{}">',
    '<a href="javascript:{}" autofocus onfocus="{}">x</a>',
    '<input autofocus onfocus="{}">',
    '<details open ontoggle="{}">',
    '<video><source onerror="{}">',
    '<math><mtext><img src=x onerror="{}"></mtext></math>',
    '<style onload="{}">*{{color:red}}</style>',
    '<link rel=stylesheet href=//evil.test/x onload="{}">',
    '<object data="javascript:{}">',
    '<embed src="javascript:{}">',
    '<form action="javascript:{}"><button>x',
    '<marquee onstart="{}">',
    '<base href="//evil.test/">{}',
    '<meta http-equiv=refresh content="0;{}">',
    '<template><img src=x onerror="{}"></template>',
    '<custom-x onpointerenter="{}" style="all:unset">',
    '<record-detail onclick="{}"></record-detail>',
    '<dialog open onclose="{}">',
]
BREAKS = ['{}', '"><b>{}', "'><b>{}", '--><b>{}', ']]>{}', '</pre>{}', '</textarea>{}', '`${{{}}}`']
VECTORS = [
    *(tag.replace('{}', ACT).replace('{{', '{').replace('}}', '}') for tag in TAGS),
    *(
        b.replace('{}', f'<img src=//evil.test/{i} onerror="{ACT}">')
        .replace('{{', '{')
        .replace('}}', '}')
        for i, b in enumerate(BREAKS)
    ),
    *(
        f'{prefix}{ACT}'
        for prefix in (
            'javascript:',
            'JaVaScRiPt:',
            'data:text/html,<script>',
            '\tjavascript:',
            'vbscript:',
            '{{constructor.constructor("',
            '${',
            '#{',
            '<%=',
            '{{',
            '[[',
            '__proto__=',
            'constructor.',
        )
    ),
    ENTITY,
    f'<b>{ENTITY}</b>',
    '&lt;img src=x onerror=alert(1)&gt;',
    '%3Cscript%3Ealert(1)%3C/script%3E',
    '\\u003cscript\\u003ealert(1)',
    '<scr<script>ipt>alert(1)',
    '<<script>alert(1)//<</script>',
    '<img/src="x"/onerror=alert`1`>',
    '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
    '<svg><use href="data:image/svg+xml,<svg onload=alert(1)>"></svg>',
    '" autofocus onfocus="alert(1)',
    "' style='background:url(//evil.test)'",
    '"onmouseover="alert(1)"',
    'x" data-id="1',
    '<img src=`x`onerror=alert(1)>',
    '<a\u2028href="javascript:alert(1)">',
    '<plaintext>',
    '<!--',
    '<![CDATA[',
    '<?xml version="1.0"?>',
    '<title>x</title>',
    '<noscript><img src=x onerror=alert(1)></noscript>',
    '<xmp><img src=x onerror=alert(1)></xmp>',
    '<select><img src=x onerror=alert(1)></select>',
    '<table><td background=//evil.test>',
    '<div style="position:fixed;inset:0;z-index:99">over</div>',
    '<img srcset="//evil.test/1 1x">',
    '<picture><source srcset=//evil.test/2>',
    '<audio src=//evil.test/3>',
    '<area href=javascript:alert(1)>',
    '<button popovertarget=saved-panel>',
    '<img id=notice name=body>',
    '<form id=q><input name=attributes>',
    '<a id=defaultView></a>',
    '<slot name=x>',
    '<isindex action=//evil.test>',
    '<keygen autofocus onfocus=alert(1)>',
    '<bgsound src=//evil.test>',
    '<layer src=//evil.test>',
    '<import src=//evil.test>',
    '<applet code=//evil.test>',
    '<frameset onload=alert(1)>',
    '<portal src=//evil.test>',
    '<track src=//evil.test>',
    '<param name=url value=//evil.test>',
    '<blink onclick=alert(1)>',
    '<map><area shape=default href=javascript:alert(1)>',
    '<meter onmouseover=alert(1)>0</meter>',
    '<output onclick=alert(1)>',
    '<ruby oncopy=alert(1)>',
    '<summary onfocus=alert(1) tabindex=0>',
    '<time-range onclick=alert(1)>',
    '<log-page></log-page>',
    '<sign-in></sign-in>',
    '<menu onwheel=alert(1)>',
    '<nobr onclick=alert(1)>',
    '<q oncut=alert(1)>',
]


# Goes from record to record; the text of each.
READ = """async ids => {
  const texts = [];
  for (const id of ids) {
    const name = `record-detail[aria-label="Record ${id}"]`;
    for (let i = 0; i < 300 && !document.querySelector(name); i++) {
      await new Promise(requestAnimationFrame);
    }
    texts.push(document.querySelector(name).textContent);
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}));
  }
  return texts;
}"""


@pytest.fixture(scope='module')
def odd(tmp_path_factory):
    """A server with odd records."""
    with Server(tmp_path_factory.mktemp('odd')) as server:
        yield server


@pytest.fixture
def wary(page, odd):
    """A page where anything that runs, or leads elsewhere, fails the test."""
    trouble = []

    def dismiss(dialog):
        trouble.append(dialog.message)
        dialog.dismiss()

    def look(request):
        if not request.url.startswith((f'http://{odd.host}/', 'data:,')):
            trouble.append(request.url)

    page.on('dialog', dismiss)
    page.on('request', look)
    yield signed_in(page, odd)
    assert [] == trouble
    assert page.evaluate('window.hit === undefined')


def base(**fields):
    """A record of the time that the page shows."""
    return {'name': 'odd', 'levelno': 20, 'created': NOW.timestamp() - 60, 'msg': 'x', **fields}


def test_there_are_a_hundred_vectors():
    """Each another one."""
    assert 100 <= len(set(VECTORS)) == len(VECTORS)


@pytest.mark.parametrize('place', ['name', 'msg', 'value', 'key', 'exc_text'])
def test_nothing_runs(wary, odd, place):
    """In rows, records, facets, columns and what is offered; each text is there as a text."""

    def fields(vector):
        if place in ('value', 'key'):
            return {'payload': {vector: 'v'} if place == 'key' else vector, 'place': place}
        return {place: vector, 'place': place}

    ids = send(odd, [base(**fields(vector)) for vector in VECTORS])
    query = f"range=all&order=asc&f=data.place+=+'{place}'&col=data.payload"
    wary.open(query, len(ids))
    wary.page.set_viewport_size({'width': 1400, 'height': 3400})
    expect(wary.rows).to_have_count(len(ids))
    if place in ('name', 'msg', 'value'):
        cell = {'name': '.name', 'msg': '.message', 'value': '.field'}[place]
        texts = wary.page.locator(f'.rows > .row > {cell}').all_text_contents()
        expected = [vector.replace('\u2028', '⟨2028⟩').strip('\t') for vector in VECTORS]
        found = [text.removesuffix(' …').strip('\t') for text in texts]
        assert sorted(expected) == sorted(found)
    expect(wary.page.locator('facet-list .value-item').first).to_be_visible()
    wary.row(ids[0]).click()
    texts = wary.page.evaluate(READ, ids)
    shown = {vector: vector.replace('\u2028', '⟨2028⟩') for vector in VECTORS}
    assert [] == [v for v, text in zip(VECTORS, texts, strict=True) if shown[v] not in text]
    assert (
        wary.page.locator('record-detail :is(img, script, iframe, svg, b, style, base)').count()
        == 0
    )


@pytest.fixture
def refusals(tolerated):
    """Questions with nonsense in them are refused."""
    tolerated.append('Failed to load resource: .* 40[04]')


@pytest.mark.parametrize('vector', VECTORS[:6])
@pytest.mark.usefixtures('refusals')
def test_nothing_runs_from_an_address(wary, odd, vector):
    """Nor from what a link says."""
    send(odd, [base()])
    for name in ('q', 'name', 'id', 'col', 'level', 'scope'):
        wary.open('range=all&' + urlencode({name: f'"{vector}"' if name == 'q' else vector}))
        expect(wary.search).to_be_visible()


def test_what_deceives_is_shown(wary, odd):
    """Characters that turn the direction of others, or are unseen."""
    text = 'user\u202egpj.exe\u2066x\u200by\ufeffz\x07\u00ad'
    shown = 'user⟨202E⟩gpj.exe⟨2066⟩x⟨200B⟩y⟨FEFF⟩z⟨0007⟩⟨00AD⟩'
    (number,) = send(odd, [base(msg=text, name='deceit' + text, exc_text=text, **{text: text})])
    wary.open('range=all&name=deceit', 1)
    expect(wary.row(number).locator('.message')).to_have_text(shown)
    expect(wary.row(number).locator('.name')).to_have_text('deceit' + shown)
    wary.row(number).click()
    for part in ('.whole-message', '.traceback', 'section .key', 'section .value.text'):
        expect(wary.detail.locator(part).filter(has_text=shown).first).to_be_visible()
    assert not set('\u202e\u2066\u200b\ufeff') & set(wary.page.locator('body').inner_text())


def test_directions_stay_in_their_cells(wary, odd):
    """Hebrew and Arabic are shown as they are written, without moving what is beside them."""
    (number,) = send(odd, [base(name='rtl', msg='שלום (עולם) مرحبا 123')])
    wary.open('range=all&name=rtl', 1)
    row = wary.row(number)
    boxes = [row.locator(part).bounding_box()['x'] for part in ('.time', '.name', '.message')]
    assert boxes == sorted(boxes)


def fits(page):
    """Whether the document is as wide as the window."""
    return page.evaluate(
        '[document.documentElement, document.body].every(box => box.scrollWidth <= innerWidth)'
    )


@pytest.mark.parametrize('width', [1400, 360])
def test_a_message_of_a_megabyte(wary, odd, width):
    """In one line; it can be seen as a whole."""
    text = 'start ' + 'x' * 2**20 + ' end'
    (number,) = send(odd, [base(name=f'large{width}', msg=text)])
    wary.page.set_viewport_size({'width': width, 'height': 800})
    wary.open(f'range=all&name=large{width}', 1)
    expect(wary.row(number).locator('.more')).to_be_attached()
    assert 3000 > len(wary.row(number).inner_text())
    assert fits(wary.page)
    wary.row(number).click()
    whole = wary.detail.locator('.whole-message')
    expect(whole).to_be_visible()
    assert fits(wary.page)
    wary.detail.get_by_role('button', name='Show all 1,048,586 characters').click()
    expect(wary.detail.get_by_role('button', name='Show all')).to_have_count(0)
    assert text == whole.evaluate('pre => pre.textContent')
    assert fits(wary.page)
    wary.page.keyboard.press('Escape')
    expect(wary.detail).to_have_count(0)


def test_ten_thousand_fields(wary, odd):
    """A part of them at first, the others when they are wanted."""
    fields = {f'field_{i:05}': i for i in range(10_000)}
    (number,) = send(odd, [base(name='wide', **fields)])
    wary.open(f'range=all&name=wide&id={number}', 1)
    expect(wary.detail.locator('.leaf').first).to_be_visible()
    assert 1000 > wary.detail.locator('.leaf').count()
    wary.detail.get_by_role('button', name='9,800 more entries').click()
    expect(wary.detail.locator('.key').get_by_text('field_00399', exact=True)).to_be_attached()
    assert fits(wary.page)
    wary.search_for('nothing')
    wary.expect_count(0)


def test_colour_codes(wary, odd):
    """Are left out."""
    (number,) = send(odd, [base(name='ansi', msg='\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain')])
    wary.open('range=all&name=ansi', 1)
    expect(wary.row(number).locator('.message')).to_have_text('red plain')
    wary.row(number).click()
    expect(wary.detail.locator('.whole-message')).to_have_text('red plain')


def test_many_lines(wary, odd):
    """A row shows the first and that there is more; the record shows all."""
    text = '\n'.join(f'line {i}' for i in range(1000))
    (number,) = send(odd, [base(name='lines', msg=text)])
    wary.open('range=all&name=lines', 1)
    expect(wary.row(number).locator('.message')).to_have_text('line 0 …')
    assert 40 > wary.row(number).bounding_box()['height']
    wary.row(number).click()
    assert text == wary.detail.locator('.whole-message').evaluate('pre => pre.textContent')


@pytest.mark.parametrize(
    'value', [[], {}, None, '', 0, [[[[[[1]]]]]], {'': {'': ''}}, 2**53 - 1, 1e300]
)
def test_odd_values(wary, odd, value):
    """Are shown, and can be copied."""
    (number,) = send(odd, [base(name='value', odd=value)])
    wary.open(f'range=all&name=value&id={number}')
    expect(wary.detail.locator('.key').get_by_text('odd', exact=True)).to_be_visible()
    wary.act('Copy the record', 'JSON')
    expect(wary.notice).to_have_text('Copied')
    assert value == json.loads(wary.clipboard)['logrec']['data']['odd']


def test_integers_of_64_bits(wary, odd):
    """Such as ids: shown with all their digits, and found by them."""
    (number, _) = send(odd, [base(name='ids', odd=2**60 + 1), base(name='ids', odd=2**60 + 9)])
    wary.open(f'range=all&name=ids&id={number}', 2)
    leaf = wary.detail.locator('.leaf').filter(has=wary.page.get_by_text('odd', exact=True))
    expect(leaf.locator('.value')).to_have_text(str(2**60 + 1))
    wary.choose('data.odd', 'Filter for this value')
    wary.expect_count(1)
