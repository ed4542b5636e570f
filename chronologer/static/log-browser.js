/**
 * <log-browser>: the page: puts its parts together, and lets what one of them says reach the others.
 *
 *     <header> <filter-bar> <record-timeline> <status-line> <div class="main"> facets, list, aside
 */

import {get, lastId, remove} from './api.js';
import {DetailPane} from './detail-pane.js';
import {copyText, fill, h, say} from './dom.js';
import {equals, differs} from './filter.js';
import {Following} from './following.js';
import {listen, showHelp} from './keys.js';
import {columnMenu, exportMenu, savedMenu, settingsMenu} from './menus.js';
import {prefer, preference} from './preferences.js';
import {Question} from './question.js';
import {Records, cursorOf} from './records.js';
import {DEFAULTS, Store, formatState} from './state.js';
import {rangeOf} from './time.js';

/** @typedef {import('./state.js').State} State */

/** @type {(keyof State)[]} what makes another question */
const ASKED = ['q', 'level', 'name', 'filters', 'range', 'from', 'to', 'order', 'cols', 'around', 'scope', 'tail'];
const RETRY = 2000; // milliseconds until a server that was away is asked again

export class LogBrowser extends HTMLElement {
  #store = new Store();
  #records = new Records();
  #question = new Question(this.#records);
  #search = /** @type {any} */ (h('search-box'));
  #range = /** @type {any} */ (h('time-range'));
  #filters = /** @type {any} */ (h('filter-bar'));
  #timeline = /** @type {any} */ (h('record-timeline'));
  #status = /** @type {any} */ (h('status-line'));
  #facets = /** @type {any} */ (h('facet-list', {class: 'facets', 'aria-label': 'Facets', role: 'complementary'}));
  #list = /** @type {import('./record-list.js').RecordList} */ (h('record-list'));
  #empty = h('div', {class: 'empty', hidden: true});
  #aside = h('aside', {class: 'detail', hidden: true});
  #order = h('button', {title: 'Order of time'});
  #tailButton = h('button', {class: 'tail', title: 'Follow the log (t)', 'aria-pressed': 'false'}, 'Tail');
  #following = new Following(this.#records, this.#list, this.#status, this.#question);
  /** @type {DetailPane} */
  #detail = new DetailPane(this.#aside, this.#list, () => ({
    tz: this.#store.state.tz, terms: this.#question.reading.terms ?? [],
    stateOf: (id) => this.#absolute({id: String(id), other: ''}),
  }));
  /** @type {Partial<State>[]} ranges to go back to */
  #zooms = [];
  #retry = 0;
  #refresh = 0;

  connectedCallback() {
    if (!location.search) this.#store.set({cols: preference('cols')}, {replace: true});
    this.#build();
    this.#wire();
    this.#followState(null);
    this.#start();
  }

  #build() {
    const ask = () => ({parameters: this.#question.parameters, count: this.#question.count});
    this.append(
      h('header', {class: 'top'}, h('a', {href: '/', class: 'brand', title: 'Chronologer'}, h('img', {src: new URL('icon.svg', import.meta.url).href, alt: 'Chronologer', width: 22, height: 22})),
        this.#search, h('div', {class: 'tools'}, this.#range, this.#filters.level, this.#order, this.#tailButton,
        savedMenu(this.#store), columnMenu(this.#store), exportMenu(this.#store, ask),
        settingsMenu(() => this.#look(), () => this.#signOut()),
        h('button', {title: 'Keys (?)', 'aria-label': 'Help', onclick: showHelp}, '?'))),
      this.#filters,
      this.#timeline,
      this.#status,
      h('div', {class: 'main'}, this.#facets, h('div', {class: 'middle'}, this.#empty, this.#list), this.#aside),
    );
    this.#list.records = this.#records;
  }

  #wire() {
    const set = (/** @type {any} */ event) => this.#store.set(event.detail);
    const on = (/** @type {EventTarget} */ part, /** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      part.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
    this.#store.addEventListener('change', (event) => this.#followState(/** @type {any} */ (event).detail.before));
    on(this.#search, 'ask', (q) => (q === this.#store.state.q ? this.#ask() : this.#store.set({q, id: '', other: ''})));
    this.#range.addEventListener('change-range', set);
    this.#filters.addEventListener('choose', set);
    this.#facets.addEventListener('choose', set);
    on(this.#facets, 'filter', (expression) => this.#addFilter(expression));
    on(this.#timeline, 'select-range', (span) => this.#zoom(span));
    on(this.#timeline, 'widen', () => this.#widen());
    on(this.#timeline, 'show-level', (level) => this.#store.set({level: level === 'NOTSET' ? '' : level}));
    on(this.#list, 'open-record', (id) => this.#open(id));
    on(this.#list, 'reach', (side) => this.#records.more(side).catch((error) => this.#showProblem(error, () => this.#list.redraw())));
    on(this.#list, 'column-width', ({index, width}) => {
      prefer('widths', {...preference('widths'), [index < 4 ? index : this.#store.state.cols[index - 4]]: width});
      this.#setColumns();
    });
    this.addEventListener('detail-action', (event) => this.#act(/** @type {any} */ (event).detail));
    this.addEventListener('value-action', (event) => this.#actOnValue(/** @type {any} */ (event).detail));
    this.#order.addEventListener('click', () => this.#store.set({order: this.#store.state.order === 'desc' ? 'asc' : 'desc'}));
    this.#tailButton.addEventListener('click', () => this.#toggleTail());
    on(this.#question, 'begin', () => (this.#status.busy = true));
    on(this.#question, 'done', () => this.#done());
    on(this.#question, 'problem', (error) => this.#showProblem(error));
    on(this.#question, 'reading', (reading) => {
      this.#search.reading = reading;
      this.#look();
    });
    on(this.#question, 'count', (count) => {
      this.#status.count = count;
      this.#showEmpty(count);
    });
    on(this.#question, 'aside', () => (this.#timeline.ariaBusy = 'true'));
    on(this.#question, 'timeline', (data) => (this.#timeline.data = data));
    on(this.#following, 'trouble', (error) => (error ? this.#showProblem(error) : (this.#status.problem = '')));
    this.#status.addEventListener('cancel', () => {
      this.#question.cancel();
      this.#timeline.ariaBusy = 'false';
    });
    this.#status.addEventListener('retry', () => this.#ask());
    this.#status.addEventListener('resume', () => this.#following.resume() || this.#ask());
    window.addEventListener('signed-out', () => this.#askWho());
    window.addEventListener('online', () => this.#ask());
    listen((action) => this.#key(action));
  }

  /** Let every part show the state. @param {State | null} before */
  #followState(before) {
    const {state} = this.#store;
    this.#search.value = state.q;
    this.#range.state = state;
    this.#filters.state = state;
    this.#order.textContent = state.order === 'desc' ? 'Newest first' : 'Oldest first';
    this.#tailButton.setAttribute('aria-pressed', String(Boolean(state.tail)));
    if (before && ASKED.some((name) => String(before[name]) !== String(state[name]))) this.#ask();
    else if (before && before.tz !== state.tz) {
      this.#look();
      this.#detail.redraw();
      this.#question.askAside(state);
    }
    if (before && String(before.cols) !== String(state.cols)) prefer('cols', state.cols);
    clearInterval(this.#refresh);
    if (Number(state.refresh) > 0) this.#refresh = setInterval(() => this.#askAgain(), Number(state.refresh) * 1000);
    this.#detail.show(state.id, state.other);
  }

  /** Find out who is there before anything is asked, unless that is known from before. */
  async #start() {
    try {
      if (!preference('user')) prefer('user', (await get('session')).username);
      await this.#ask();
    } catch (error) {
      this.#showProblem(error);
    }
  }

  async #ask() {
    const {state} = this.#store;
    clearTimeout(this.#retry);
    this.#following.stop();
    this.#status.problem = '';
    this.#status.count = null;
    await this.#question.ask(state);
  }

  /** By itself: the list stays where it is if somebody reads further down. */
  #askAgain() {
    if (this.#following.isRunning || this.#question.isBusy) return;
    if (this.#list.isAtTop && !this.#store.state.id) this.#ask();
    else this.#question.askAside(this.#store.state);
  }

  #done() {
    const {state} = this.#store;
    const {reading, center, parameters, last} = this.#question;
    this.#status.busy = false;
    if (reading.kind === 'error') {
      this.#status.problem = reading.message;
      return;
    }
    this.#list.toggleAttribute('following', Boolean(state.tail));
    if (center) this.#list.reveal(center.id, !document.activeElement || document.activeElement === document.body);
    if (state.tail) this.#following.start(last, parameters, state);
    this.#facets.hidden = !preference('facets');
    if (preference('facets')) this.#facets.ask(parameters).catch((/** @type {Error} */ error) => this.#showProblem(error));
  }

  /** Show rows as they are preferred. */
  #look() {
    const {tz, cols} = this.#store.state;
    const wrap = preference('wrap');
    this.#list.classList.toggle('wrap', wrap);
    this.#list.classList.toggle('roomy', !preference('dense'));
    this.#facets.hidden = !preference('facets');
    this.#setColumns();
    this.#list.look = {tz, cols, wrap, terms: this.#question.reading.terms ?? [], now: Date.now()};
  }

  #setColumns() {
    const widths = preference('widths');
    const {cols} = this.#store.state;
    const width = (/** @type {string | number} */ key, /** @type {string} */ usual) => (widths[key] ? `${widths[key]}px` : usual);
    const message = width(3, 'var(--message-width)');
    const others = cols.map((field) => width(field, '10rem'));
    const before = [width(0, 'var(--time-width)'), 'var(--level-width)', width(2, 'var(--name-width)')];
    const columns = [...before, `minmax(${message}, 1fr)`, ...others];
    this.#list.style.setProperty('--columns', columns.join(' '));
    this.#list.style.setProperty('--least', `calc(${[...before, message, ...others].join(' + ')} + 3px)`);
  }

  /** @param {any} error @param {() => void} [retry] what to do when the server may be back */
  #showProblem(error, retry = () => this.#start()) {
    this.#status.busy = false;
    this.#timeline.ariaBusy = 'false';
    if (error.status === 401) return;
    const isAway = error.status === 0 || (error.status === 503 && error.type === 'StorageBusyError');
    this.#status.problem = isAway ? `${error.message} Trying again…` : error.message;
    clearTimeout(this.#retry);
    if (isAway && !this.#following.isRunning) this.#retry = setTimeout(() => {
      this.#status.problem = '';
      retry();
    }, RETRY);
  }

  /** @param {number} count */
  async #showEmpty(count) {
    this.#empty.hidden = count > 0 || Boolean(this.#store.state.tail);
    this.#list.hidden = !this.#empty.hidden;
    if (this.#empty.hidden) return;
    if ((await lastId().catch(() => 1)) === 0) {
      this.#empty.replaceChildren(h('first-record', {user: preference('user')}));
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#awaitFirst(), 1000);
      return;
    }
    const {state} = this.#store;
    const isNarrow = state.q || state.level || state.name || state.filters.length;
    fill(this.#empty,
      h('p', {}, 'No records match', state.range === 'all' ? '.' : ' in that time.'),
      state.range !== 'all' && h('button', {onclick: () => this.#store.set({range: 'all', from: '', to: ''})}, 'Look in all time'), ' ',
      isNarrow ? h('button', {onclick: () => this.#store.set({q: '', level: '', name: '', filters: []})}, 'Take all filters away') : '',
    );
  }

  async #awaitFirst() {
    const isThere = await lastId().catch(() => 0);
    if (!isThere) this.#retry = setTimeout(() => this.#awaitFirst(), 1000);
    else if (this.#store.state.range === 'all') this.#ask();
    else this.#store.set({range: 'all', from: '', to: ''}, {replace: true});
  }

  #askWho() {
    prefer('user', '');
    if (this.querySelector('sign-in')) return;
    this.#following.stop();
    const form = h('sign-in');
    form.addEventListener('signed-in', () => {
      form.remove();
      this.#start();
      this.#detail.redraw();
    });
    this.prepend(form);
  }

  async #signOut() {
    await remove('session');
    prefer('user', '');
    location.reload(); // nothing of what was seen stays behind
  }

  /** The state with its range in absolute time. @param {Partial<State>} changes */
  #absolute(changes = {}) {
    const {state} = this.#store;
    const now = this.#question.now || Date.now();
    const {after, before} = rangeOf(state, now);
    const iso = (/** @type {number | null} */ time) => (time === null ? '' : new Date(time).toISOString());
    const isAll = after === null && before === null;
    const range = isAll ? {} : {range: '', from: iso(after), to: iso(before ?? now)};
    return {...state, ...range, tail: '', refresh: '', ...changes};
  }

  /** @param {string} expression */
  #addFilter(expression) {
    const {filters} = this.#store.state;
    if (!filters.includes(expression)) this.#store.set({filters: [...filters, expression]});
  }

  /** @param {{start: number, end: number}} span */
  #zoom({start, end}) {
    const {range, from, to} = this.#store.state;
    this.#zooms.push({range, from, to});
    this.#store.set({range: '', from: new Date(start).toISOString(), to: new Date(end).toISOString(), tail: ''});
  }

  #widen() {
    const {after, before} = rangeOf(this.#store.state, Date.now());
    if (after === null) return;
    const end = before ?? Date.now();
    const half = (end - after) / 2;
    this.#zoom({start: after - half, end: Math.min(Math.max(end, Date.now()), end + half)});
  }

  #toggleTail() {
    const {state} = this.#store;
    if (state.tail) this.#store.set({tail: ''});
    else this.#store.set({tail: '1', from: '', to: '', around: '', range: state.range || '15m'});
  }

  /** @param {number} id */
  #open(id) {
    const {state} = this.#store;
    this.#store.set({id: state.id === String(id) ? '' : String(id)}, {replace: Boolean(state.id)});
  }

  /** What a button of an open record asks for. @param {{action: string, value: any}} detail */
  #act({action, value}) {
    if (action === 'close') this.#close();
    else if (action === 'previous' || action === 'next') this.#step(action === 'next' ? 1 : -1, true);
    else if (action === 'compare') this.#store.set({other: String(value.id)});
    else if (action === 'context') this.#store.set({around: String(value.record.id), scope: value.scope, id: String(value.record.id), tail: ''});
  }

  /** @param {{action: string, field: string, value: any}} detail */
  #actOnValue({action, field, value}) {
    const {cols} = this.#store.state;
    if (action === 'filter') this.#addFilter(equals(field, value));
    else if (action === 'exclude') this.#addFilter(differs(field, value));
    else if (action === 'column' && !cols.includes(field)) this.#store.set({cols: [...cols, field]});
    else if (action === 'facet') {
      prefer('facets', true);
      this.#look();
      this.#facets.want(field);
    }
  }

  #close() {
    const {state} = this.#store;
    if (state.id || state.other) this.#store.set({id: '', other: ''});
    else if (state.around) this.#store.set({around: '', scope: DEFAULTS.scope});
    else if (this.#zooms.length) this.#store.set(/** @type {Partial<State>} */ (this.#zooms.pop()));
    else return false;
    if (state.id) this.#list.reveal(Number(state.id));
    return true;
  }

  /** @param {number} step @param {boolean} [open] whether to open it */
  #step(step, open = Boolean(this.#store.state.id)) {
    const {current} = this.#list;
    if (!current) return;
    const hasFocus = document.activeElement?.closest('[data-id]');
    const index = this.#records.indexOf(Number(this.#store.state.id) || current.id);
    const row = this.#records.rows[hasFocus || this.#store.state.id ? index + step : index];
    if (!row) return;
    if (open) this.#store.set({id: String(row.id)}, {replace: true});
    this.#list.reveal(row.id);
  }

  /** @param {string} level @param {boolean} isBack */
  async #nearest(level, isBack) {
    const {current} = this.#list;
    if (!current) return;
    const {state} = this.#store;
    try {
      const row = await this.#question.nearest(state, cursorOf(current), level, isBack);
      if (!row) say(`No ${level.toLowerCase()} ${isBack ? 'before' : 'after'} this one`);
      else if (this.#list.reveal(row.id)) return state.id && this.#store.set({id: String(row.id)}, {replace: true});
      else {
        this.#store.set({id: String(row.id)}, {replace: true});
        await this.#ask();
      }
    } catch (error) {
      this.#showProblem(error);
    }
  }

  /** @param {string} action @returns {boolean} */
  #key(action) {
    const {state} = this.#store;
    const {current} = this.#list;
    if (action === 'search') this.#search.focusInput();
    else if (action === 'next' || action === 'previous') this.#step(action === 'next' ? 1 : -1);
    else if (action === 'open' && current) this.#open(current.id);
    else if (action === 'close') return this.#close() !== false;
    else if (action.endsWith('-error')) this.#nearest('ERROR', action.startsWith('previous'));
    else if (action.endsWith('-warning')) this.#nearest('WARNING', action.startsWith('previous'));
    else if (action === 'tail') this.#toggleTail();
    else if (action === 'time') this.#range.open();
    else if (action === 'copy-link') copyText(`${location.origin}/?${formatState(this.#absolute({id: state.id}))}`);
    else if (action === 'help') showHelp();
    else return false;
    return true;
  }
}
