"""The log browser as a test sees it."""

from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from test.system.ui.corpus import NOW

# Scrolls through everything, and notes what was in the document.
SCROLL = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const scroller = document.querySelector('.scroller');
  const seen = new Set();
  let most = 0, twice = 0;
  const look = () => {
    const rows = [...document.querySelectorAll('.rows > .row')];
    const ids = rows.map(row => Number(row.dataset.id));
    most = Math.max(most, rows.length);
    twice += ids.length - new Set(ids).size;
    const boxes = rows.map(row => row.getBoundingClientRect());
    const {top, bottom} = scroller.getBoundingClientRect();
    for (const id of ids) seen.add(id);
    return boxes.some(box => box.top < top + 40) && boxes.some(box => box.bottom > bottom - 40);
  };
  for (;;) {
    for (let i = 0; !look(); i++) {
      if (i > 100) throw new Error(`nothing is drawn at ${scroller.scrollTop}`);
      await frame();
    }
    const before = scroller.scrollTop;
    scroller.scrollTop += scroller.clientHeight * .8;
    const isEnd = scroller.getAttribute('aria-rowcount') !== '-1';
    if (isEnd && scroller.scrollTop === before) return {most, twice, ids: [...seen]};
    await frame();
  }
}"""


class LogPage:
    """A page that is signed in at a server, and what is found on it."""

    def __init__(self, page, server):
        self.page = page
        self.server = server
        self.search = page.locator('#q')
        self.badge = page.locator('search-box .badge')
        self.suggestions = page.locator('#suggestions li')
        self.rows = page.locator('.rows > .row')
        self.scroller = page.locator('.scroller')
        self.number = page.locator('status-line .number')
        self.problem = page.locator('status-line .problem')
        self.chips = page.locator('.chip code')
        self.detail = page.locator('record-detail[role=region]')
        self.chart = page.locator('svg.chart')
        self.range = page.locator('time-range > button')
        self.notice = page.locator('#notice')

    def sign_in(self):
        """Get the cookie of a session."""
        answer = self.page.request.post(
            f'http://{self.server.host}/api/v1/session',
            data={'username': 'logger', 'password': ''},
            headers={'X-Requested-With': 'Chronologer'},
        )
        assert answer.ok, answer.text()
        return self

    def open(self, query='range=all', count=None):
        """Go to a state of the page, perhaps when it is the corpus's time."""
        self.page.clock.set_fixed_time(NOW)
        self.page.goto(f'http://{self.server.host}/?{query}')
        if count is not None:
            self.expect_count(count)
            self.expect_timeline()
        return self

    def expect_count(self, count):
        """The number of records that is shown is the exact one."""
        expect(self.number).to_have_text(f'{count:,} record{"" if count == 1 else "s"}')

    def expect_timeline(self):
        """The chart is of what the state says; it may come after the number of records."""
        expect(self.page.locator('record-timeline')).to_have_attribute('aria-busy', 'false')

    def expect_ids(self, ids, is_all=True):
        """The first rows are those of these records."""
        for index, number in enumerate(ids[:8]):
            expect(self.row_at(index)).to_have_attribute('data-id', str(number))
        if is_all and len(ids) < 8:
            expect(self.rows).to_have_count(len(ids))

    def row_at(self, index):
        """A row by its place in the list."""
        return self.page.locator(f'.rows > .row[aria-rowindex="{index + 2}"]')

    def row(self, number):
        """A record's row, if it is in sight."""
        return self.page.locator(f'.rows > .row[data-id="{number}"]')

    def open_range(self):
        """Open the panel of the time."""
        self.range.click()
        expect(self.page.locator('#range-from')).to_be_focused()

    def search_for(self, text):
        """Type a text and press Enter."""
        self.search.fill(text)
        self.search.press('Enter')

    def choose(self, menu, item):
        """Do what the menu of a value says."""
        self.page.get_by_role('button', name=f'Actions for {menu}', exact=True).click()
        self.page.get_by_role('menuitem', name=item, exact=True).click()

    def act(self, menu, item):
        """Do what a menu of an open record says."""
        self.detail.get_by_role('button', name=menu, exact=True).click()
        self.page.get_by_role('menuitem', name=item, exact=True).click()

    def panel(self, name):
        """Open a panel of the toolbar."""
        self.page.locator('.tools').get_by_role('button', name=name, exact=True).click()
        return self.page.get_by_role('dialog', name=name, exact=True)

    def account(self):
        """Open the panel of the account."""
        self.page.locator('.top').get_by_role('button', name='Account').click()
        return self.page.get_by_role('dialog', name='Account')

    @property
    def state(self):
        """What the address says; lists where there are several of a name."""
        query = parse_qs(urlsplit(self.page.url).query, keep_blank_values=True)
        return {name: values if len(values) > 1 else values[0] for name, values in query.items()}

    def expect_state(self, **state):
        """The address comes to say this, and nothing else."""
        wanted = {name: sorted(value) if isinstance(value, list) else [value]
                  for name, value in state.items()}  # fmt: skip

        def is_there(url):
            found = parse_qs(urlsplit(url).query, keep_blank_values=True)
            return wanted == {name: sorted(values) for name, values in found.items()}

        self.page.wait_for_url(is_there, wait_until='commit')

    def scroll_through(self):
        """Scroll from the top to the end; all ids that have come, and what rows there were."""
        return self.page.evaluate(SCROLL)

    @property
    def clipboard(self):
        """What has been copied."""
        return self.page.evaluate('navigator.clipboard.readText()')

    def expect_copied(self, text):
        """A copy has been made, and is this text."""
        expect(self.notice).to_have_text('Copied')
        assert text == self.clipboard

    @contextmanager
    def requests(self, part):
        """The addresses asked for in a block that contain a text."""
        found = []

        def note(request):
            if part in request.url:
                found.append(request.url)

        self.page.on('request', note)
        yield found
        self.page.remove_listener('request', note)
