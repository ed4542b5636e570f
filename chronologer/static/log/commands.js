/** What keys and buttons of the log page do: they change its state, or move in the list. */

import {equals, differs} from './filter.js';
import {cursorOf} from './record-window.js';
import {DEFAULTS, formatState} from './url-state.js';
import {absolute} from '../lib/api.js';
import {copyText, notify} from '../lib/dom.js';
import {LEVELS} from '../lib/text.js';
import {rangeOf} from '../lib/time.js';

/** @typedef {import('./url-state.js').LogState} LogState */

/**
 * @typedef {object} Page what the commands act on
 * @property {import('./url-state.js').UrlState} url
 * @property {import('./record-window.js').RecordWindow} records
 * @property {import('./record-list.js').RecordList} list
 * @property {import('./loader.js').Loader} loader
 * @property {() => Promise<void>} load
 * @property {(error: any) => void} showProblem
 */

export class Commands {
  #page;
  /** @type {Partial<LogState>[]} ranges to return to */
  #zooms = [];

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  get #state() {
    return this.#page.url.state;
  }

  /** Do the action of a key. @param {string} action @returns {boolean} whether it did anything */
  act(action) {
    const {current} = this.#page.list;
    if (action === 'next' || action === 'previous') this.step(action === 'next' ? 1 : -1);
    else if (action === 'open' && current) this.open(current.id);
    else if (action === 'close') return this.close();
    else if (action.endsWith('-error')) this.#goToNearest('ERROR', action.startsWith('previous'));
    else if (action.endsWith('-warning')) this.#goToNearest('WARNING', action.startsWith('previous'));
    else if (action === 'tail') this.toggleTail();
    else if (action === 'copy-link') copyText(absolute(`./?${formatState(this.absoluteState({id: this.#state.id}))}`));
    else return false;
    return true;
  }

  /** Do what a button of an open record requests. @param {{action: string, value: any}} detail */
  actOnRecord({action, value}) {
    const {url} = this.#page;
    if (action === 'close') this.close();
    else if (action === 'previous' || action === 'next') this.step(action === 'next' ? 1 : -1, true);
    else if (action === 'compare') url.set({other: String(value.id)});
    else if (action === 'context') url.set({around: String(value.record.id), scope: value.scope, id: String(value.record.id), tail: ''});
  }

  /** Do what the menu of a value requests. @param {{action: string, field: string, value: any}} detail */
  actOnValue({action, field, value}) {
    const {cols} = this.#state;
    if (action === 'filter') this.addFilter(equals(field, value));
    else if (action === 'exclude') this.addFilter(differs(field, value));
    else if (action === 'column' && !cols.includes(field)) this.#page.url.set({cols: [...cols, field]});
  }

  /** The state with its range in absolute time. @param {Partial<LogState>} changes */
  absoluteState(changes = {}) {
    const now = this.#page.loader.now || Date.now();
    const {after, before} = rangeOf(this.#state, now);
    const iso = (/** @type {number | null} */ time) => (time === null ? '' : new Date(time).toISOString());
    const isAll = after === null && before === null;
    const range = isAll ? {} : {range: '', from: iso(after), to: iso(before ?? now)};
    return {...this.#state, ...range, tail: '', refresh: '', ...changes};
  }

  /** @param {string} expression */
  addFilter(expression) {
    const {filters} = this.#state;
    const isIn = filters.includes(expression);
    this.#page.url.set({filters: isIn ? filters : [...filters, expression], around: '', scope: DEFAULTS.scope});
  }

  toggleOrder() {
    this.#page.url.set({order: this.#state.order === 'desc' ? 'asc' : 'desc'});
  }

  toggleTail() {
    const {tail, range} = this.#state;
    if (tail) this.#page.url.set({tail: ''});
    else this.#page.url.set({tail: '1', from: '', to: '', around: '', range: range || '15m'});
  }

  /** Show a part of the time range; `close` returns to it. @param {{start: number, end: number}} span */
  zoom({start, end}) {
    const {range, from, to} = this.#state;
    this.#zooms.push({range, from, to});
    this.#page.url.set({range: '', from: new Date(start).toISOString(), to: new Date(end).toISOString(), tail: '', around: '', scope: DEFAULTS.scope});
  }

  /** Double the time range, but not beyond now. */
  zoomOut() {
    const now = Date.now();
    const {after, before} = rangeOf(this.#state, now);
    if (after === null || this.#state.around) return;
    const end = before ?? now;
    const half = (end - after) / 2;
    this.zoom({start: after - half, end: Math.min(Math.max(end, now), end + half)});
  }

  /** Open a record, or close it if it is open. @param {number} id */
  open(id) {
    const before = this.#state.id;
    this.#page.url.set({id: before === String(id) ? '' : String(id)}, {replace: Boolean(before)});
  }

  /** Close the open record; without one the context; without that undo a zoom. */
  close() {
    const {url, list} = this.#page;
    const {id, other, around} = this.#state;
    if (id || other) url.set({id: '', other: ''});
    else if (around) url.set({around: '', scope: DEFAULTS.scope});
    else if (this.#zooms.length) url.set(/** @type {Partial<LogState>} */ (this.#zooms.pop()));
    else return false;
    if (id) list.reveal(Number(id));
    return true;
  }

  /** Move to another row. @param {number} step rows @param {boolean} [open] whether to open its record */
  step(step, open = Boolean(this.#state.id)) {
    const {url, list, records} = this.#page;
    const {current} = list;
    if (!current) return;
    const hasFocus = document.activeElement?.closest('[data-id]');
    const index = records.indexOf(Number(this.#state.id) || current.id);
    const row = records.rows[hasFocus || this.#state.id ? index + step : index];
    if (!row) return;
    if (open) url.set({id: String(row.id)}, {replace: true});
    list.reveal(row.id);
  }

  /** Move to the nearest record of a level or above. @param {string} level @param {boolean} isBack */
  async #goToNearest(level, isBack) {
    const {url, list, loader, load, showProblem} = this.#page;
    const {current} = list;
    if (!current) return;
    try {
      // Nobody has come to the first row in sight yet: it is the next one itself.
      const isNext = !isBack && !list.hasCurrent && current.level >= lowest(level);
      const row = isNext ? current : await loader.nearest(this.#state, cursorOf(current), level, isBack);
      if (!row) {
        notify(`No ${level.toLowerCase()} ${isBack ? 'before' : 'after'} this record`);
        return;
      }
      const isLoaded = list.reveal(row.id);
      if (!isLoaded || this.#state.id) url.set({id: String(row.id)}, {replace: true});
      if (!isLoaded) await load();
    } catch (error) {
      showProblem(error);
    }
  }
}

/** @param {string} name of a standard level */
const lowest = (name) => LEVELS.find(([, other]) => other === name)?.[0] ?? 0;
