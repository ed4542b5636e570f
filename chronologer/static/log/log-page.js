/**
 * <log-page>: the log browser: connects its parts to the state in the URL.
 *
 *     <div class="toolbar"> <filter-bar> <record-timeline> <status-line>
 *     <div class="columns"> <facet-list> <record-list> or <no-records>, <pane-splitter> <aside>
 */

import {Commands} from './commands.js';
import {DetailPane} from './detail-pane.js';
import {HINT, KEYS} from './keys.js';
import {columnStyle} from './list-head.js';
import {LiveTail} from './live-tail.js';
import {Loader} from './loader.js';
import {columnMenu, exportMenu, savedMenu, viewMenu} from './menus.js';
import {RecordWindow} from './record-window.js';
import {DEFAULTS, UrlState} from './url-state.js';
import {h} from '../lib/dom.js';
import {prefer, preference} from '../lib/preferences.js';
import '../chart/record-timeline.js';
import './facet-list.js';
import './filter-bar.js';
import {findHint} from './no-records.js';
import './pane-splitter.js';
import './record-list.js';
import './search-box.js';
import './status-line.js';
import './time-range.js';

/** @typedef {import('./url-state.js').LogState} LogState */

/** @type {(keyof LogState)[]} changes of these load other records */
const LOADED_BY = ['q', 'level', 'name', 'filters', 'range', 'from', 'to', 'order', 'cols', 'around', 'scope', 'tail'];
const RETRY = 2000; // milliseconds until a request to a server that cannot be reached is repeated

export class LogPage extends HTMLElement {
  keys = KEYS;
  hint = HINT;
  #left = new AbortController(); // aborted when the page is left
  #url = new UrlState(this.#left.signal);
  #records = new RecordWindow();
  #loader = new Loader(this.#records);
  #search = /** @type {any} */ (h('search-box'));
  #range = /** @type {any} */ (h('time-range'));
  #filters = /** @type {any} */ (h('filter-bar'));
  #timeline = /** @type {any} */ (h('record-timeline'));
  #status = /** @type {any} */ (h('status-line'));
  #facets = /** @type {any} */ (h('facet-list', {class: 'facets', 'aria-label': 'Facets', role: 'complementary'}));
  #list = /** @type {import('./record-list.js').RecordList} */ (h('record-list'));
  #empty = /** @type {import('./no-records.js').NoRecords} */ (h('no-records', {hidden: true}));
  #aside = h('aside', {class: 'detail', hidden: true});
  #columns = h('div', {class: 'columns'});
  #order = h('button', {title: 'Change the order', onclick: () => this.#commands.toggleOrder()});
  #tailButton = h('button', {class: 'tail', title: 'Show records as they arrive (t)', 'aria-pressed': 'false',
    onclick: () => this.#commands.toggleTail()}, 'Live tail');
  #liveTail = new LiveTail(this.#records, this.#list, this.#status, this.#loader);
  #commands = new Commands({
    url: this.#url, records: this.#records, list: this.#list, loader: this.#loader,
    load: () => this.#load(), showProblem: (error) => this.#showProblem(error),
  });
  #detail = new DetailPane(this.#aside, this.#list, () => ({
    tz: this.#url.state.tz, terms: this.#loader.interpretation.terms ?? [],
    stateOf: (id) => this.#commands.absoluteState({id: String(id), other: ''}),
  }), this.#left.signal);
  /** @type {string[]} what is marked in the rows */
  #terms = [];
  #retry = 0;
  #refresh = 0;

  connectedCallback() {
    if (!location.search) this.#url.set({cols: preference('cols')}, {replace: true});
    this.#build();
    this.#connectControls();
    this.#connectData();
    this.#applyLook();
    this.#showState(null);
    this.#load();
  }

  disconnectedCallback() {
    this.#left.abort();
    clearTimeout(this.#retry);
    clearInterval(this.#refresh);
    this.#liveTail.stop();
    this.#loader.cancel();
  }

  /** Do the action of a key. @param {string} action @returns {boolean} whether it did anything */
  act(action) {
    if (action === 'search') this.#search.focusInput();
    else if (action === 'time') this.#range.open();
    else return this.#commands.act(action);
    return true;
  }

  #build() {
    const result = () => ({parameters: this.#loader.parameters, count: this.#loader.count});
    this.append(
      h('h1', {class: 'unseen'}, 'Log'),
      h('div', {class: 'toolbar'}, this.#search,
        h('div', {class: 'tools'}, this.#range, this.#filters.level, this.#order, this.#tailButton,
          savedMenu(this.#url), columnMenu(this.#url), exportMenu(this.#url, result), viewMenu((name) => this.#look(name), () => this.#whyNoFacets))),
      this.#filters,
      this.#timeline,
      this.#status,
      this.#columns,
    );
    this.#columns.append(this.#facets, h('div', {class: 'middle'}, this.#empty, this.#list), h('pane-splitter'), this.#aside);
    this.#list.records = this.#records;
  }

  /** Let controls change the state. */
  #connectControls() {
    const commands = this.#commands;
    const set = (/** @type {any} */ changes) => this.#url.set(changes);
    // Whatever narrows the list leaves the context of a record, in which it does not apply.
    const narrow = (/** @type {any} */ changes) => set('tz' in changes && Object.keys(changes).length === 1 || 'refresh' in changes
      ? changes : {around: '', scope: DEFAULTS.scope, ...changes});
    on(this.#search, 'submit-search', (q) => (q === (this.#url.state.around ? '' : this.#url.state.q) ? this.#load() : narrow({q, id: '', other: ''})));
    on(this.#range, 'change-range', narrow);
    on(this.#filters, 'choose', narrow);
    on(this.#facets, 'choose', narrow);
    on(this.#empty, 'choose', set);
    on(this.#status, 'choose', set);
    on(this.#empty, 'arrive', () => {
      if (this.#url.state.range === 'all') this.#load();
      else this.#url.set({range: 'all', from: '', to: ''}, {replace: true});
    });
    on(this.#facets, 'filter', (expression) => commands.addFilter(expression));
    on(this.#timeline, 'select-range', (span) => commands.zoom(span));
    on(this.#timeline, 'zoom-out', () => commands.zoomOut());
    on(this.#timeline, 'show-level', (level) => narrow({level: level === 'NOTSET' ? '' : level}));
    on(this.#list, 'open-record', (id) => commands.open(id));
    on(this.#list, 'column-width', ({name, width}) => {
      prefer('widths', {...preference('widths'), [name]: width});
      this.#applyWidths();
    });
    on(this, 'detail-action', (detail) => commands.actOnRecord(detail));
    on(this, 'value-action', (detail) => (detail.action === 'facet' ? this.#addFacet(detail.field) : commands.actOnValue(detail)));
  }

  /** Show what the server returns, and how requests go. */
  #connectData() {
    on(this.#url, 'change', ({before}) => this.#showState(before));
    on(this.#list, 'reach', (side) => this.#records.more(side).catch((error) => this.#showProblem(error, () => this.#list.redraw())));
    on(this.#loader, 'begin', () => (this.#status.busy = true));
    on(this.#loader, 'done', () => this.#showLoaded());
    on(this.#loader, 'problem', (error) => this.#showProblem(error));
    on(this.#loader, 'interpretation', (interpretation) => {
      this.#search.interpretation = interpretation;
    });
    // Rows keep the marks of their own search until those of the next one are there.
    on(this.#records, 'change', ({added}) => {
      if (added !== 'all') return;
      this.#terms = this.#loader.interpretation.terms ?? [];
      this.#applyLook();
    });
    on(this.#loader, 'summary', () => (this.#timeline.ariaBusy = 'true'));
    on(this.#loader, 'count', (count) => {
      this.#status.count = count;
      this.#showEmpty(count);
    });
    on(this.#loader, 'timeline', (data) => (this.#timeline.data = data));
    on(this.#liveTail, 'problem', (error) => (error ? this.#showProblem(error) : (this.#status.problem = '')));
    on(this.#status, 'cancel', () => {
      this.#loader.cancel();
      this.#status.busy = false;
      this.#timeline.ariaBusy = 'false';
    });
    on(this.#status, 'retry', () => this.#load());
    on(this.#status, 'resume', () => this.#liveTail.resume() || this.#load());
    window.addEventListener('online', () => this.#load(), {signal: this.#left.signal});
  }

  /** Show the state in all parts, and load what it requires. @param {LogState | null} before */
  #showState(before) {
    const {state} = this.#url;
    this.#search.value = state.around ? '' : state.q;
    this.#status.ignored = this.#url.ignored;
    this.#range.state = state;
    this.#filters.state = state;
    this.#order.textContent = state.order === 'desc' ? 'Newest first' : 'Oldest first';
    this.#tailButton.setAttribute('aria-pressed', String(Boolean(state.tail)));
    if (before && LOADED_BY.some((name) => String(before[name]) !== String(state[name]))) this.#load();
    else if (before && before.tz !== state.tz) {
      this.#applyLook();
      this.#detail.redraw();
      this.#loader.loadSummary(state);
    }
    if (before && String(before.cols) !== String(state.cols)) prefer('cols', state.cols);
    clearInterval(this.#refresh);
    if (Number(state.refresh) > 0) this.#refresh = setInterval(() => this.#reload(), Number(state.refresh) * 1000);
    if (!state.id) this.#columns.classList.remove('asked');
    this.#detail.show(state.id, state.other);
  }

  async #load() {
    clearTimeout(this.#retry);
    this.#liveTail.stop();
    this.#status.problem = '';
    this.#status.count = null;
    await this.#loader.load(this.#url.state);
  }

  /** Load again periodically; a list that is scrolled down, or has an open record, stays as it is. */
  #reload() {
    if (this.#liveTail.isRunning || this.#loader.isPending) return;
    if (this.#list.isAtTop && !this.#url.state.id) this.#load();
    else this.#loader.loadSummary(this.#url.state);
  }

  #showLoaded() {
    const {state} = this.#url;
    const {interpretation, center, parameters, last} = this.#loader;
    this.#status.busy = false;
    if (interpretation.kind === 'error') {
      this.#status.problem = interpretation.message;
      this.classList.add('stale');
      findHint(state.q).then((hint) => {
        if (interpretation === this.#loader.interpretation && state === this.#url.state) this.#status.hint = hint;
      });
      return;
    }
    this.classList.remove('stale');
    this.#list.toggleAttribute('following', Boolean(state.tail));
    if (center) this.#list.reveal(center.id, document.activeElement?.matches('body, main') ?? true);
    if (state.tail) this.#liveTail.start(last, parameters, state);
    this.#facets.hidden = !preference('facets');
    if (preference('facets')) this.#loadFacets();
  }

  /** Show rows and facets as preferred. */
  #applyLook() {
    const {tz, cols} = this.#url.state;
    const wrap = preference('wrap');
    this.#list.classList.toggle('wrap', wrap);
    this.#list.classList.toggle('roomy', !preference('dense'));
    this.#facets.hidden = !preference('facets');
    this.#list.look = {tz, cols, wrap, terms: this.#terms, now: Date.now()};
    this.#applyWidths();
  }

  #applyWidths() {
    const style = columnStyle(preference('widths'), this.#url.state.cols);
    for (const [name, value] of Object.entries(style)) this.#columns.style.setProperty(name, value);
    this.#list.fitColumns();
  }

  /** Apply a preference that was just changed. @param {string} name */
  #look(name) {
    // An open record hides facets, but not those that are asked for.
    if (name === 'facets') this.#columns.classList.add('asked');
    const hadNone = this.#facets.hidden;
    this.#applyLook();
    if (hadNone && !this.#facets.hidden) this.#loadFacets();
  }

  /** Why facets cannot be shown now, if they cannot. */
  get #whyNoFacets() {
    if (this.#aside.classList.contains('two')) return 'Not beside two records.';
    return window.matchMedia('(max-width: 900px)').matches ? 'The window is too narrow.' : '';
  }

  #loadFacets() {
    this.#facets.load(this.#loader.parameters).catch((/** @type {Error} */ error) => this.#showProblem(error));
  }

  /** @param {string} field */
  #addFacet(field) {
    prefer('facets', true);
    this.#columns.classList.add('asked');
    this.#applyLook();
    this.#facets.addField(field);
  }

  /** @param {number} count */
  #showEmpty(count) {
    const isEmpty = count === 0 && !this.#url.state.tail;
    this.#list.hidden = isEmpty;
    if (isEmpty) this.#empty.show(this.#url.state);
    else this.#empty.hide();
  }

  /** @param {any} error @param {() => void} [retry] what to repeat when the server may be back */
  #showProblem(error, retry = () => this.#load()) {
    this.#status.busy = false;
    this.#timeline.ariaBusy = 'false';
    this.classList.toggle('stale', this.#loader.isStale);
    if (error.status === 401 || !this.isConnected) return;
    const isAway = error.status === 0 || (error.status === 503 && error.type === 'StorageBusyError');
    this.#status.problem = isAway ? `${error.message} Retrying…` : error.message;
    clearTimeout(this.#retry);
    if (isAway && !this.#liveTail.isRunning) this.#retry = setTimeout(() => {
      this.#status.problem = '';
      retry();
    }, RETRY);
  }
}

/** @param {EventTarget} source @param {string} name @param {(detail: any) => void} act */
function on(source, name, act) {
  source.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
}

customElements.define('log-page', LogPage);
