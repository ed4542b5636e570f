/**
 * <no-records>: shown instead of an empty list: how to widen the search, or how to send the first
 * record to an empty log.
 *
 * Method `show(state)`; events `choose` with changes of the state, and `arrive` when the first
 * record is there.
 */

import {hintFor} from './search-hint.js';
import {get, lastId} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {preference} from '../lib/preferences.js';
import './first-record.js';

const PAUSE = 1000; // milliseconds between checks for the first record

/** @typedef {import('./url-state.js').LogState} LogState */

/** What may be meant by a search, as the server knows fields and loggers. @param {string} q */
export async function findHint(q) {
  const [{fields}, {values}] = await Promise.all([
    get('field', {limit: 1000}).catch(() => ({fields: []})),
    get('facet', {field: 'name', limit: 1000}).catch(() => ({values: []})),
  ]);
  return hintFor(q, fields, values.map((/** @type {any} */ {value}) => value));
}

export class NoRecords extends HTMLElement {
  #timer = 0;

  disconnectedCallback() {
    this.hide();
  }

  hide() {
    clearTimeout(this.#timer);
    this.hidden = true;
  }

  /** @param {LogState} state that no record matches */
  async show(state) {
    this.hidden = false;
    const isEmpty = (await lastId().catch(() => 1)) === 0;
    if (this.hidden) return;
    if (isEmpty) {
      fill(this, h('first-record', {user: preference('user') || 'logger'}));
      this.#awaitFirst();
      return;
    }
    const isAll = state.range === 'all';
    const isNarrow = state.q || state.level || state.name || state.filters.length;
    const hint = state.q && !state.around ? await findHint(state.q) : null;
    if (this.hidden) return;
    fill(this,
      h('p', {}, isAll ? 'No records match.' : 'No records match in this time range.'),
      hint && h('p', {class: 'meant'}, 'Did you mean this? ', h('button', {class: 'primary', onclick: () => this.#choose(hint.changes)}, hint.text)),
      !isAll && h('button', {onclick: () => this.#choose({range: 'all', from: '', to: ''})}, 'Search all time'), ' ',
      isNarrow && h('button', {onclick: () => this.#choose({q: '', level: '', name: '', filters: []})}, 'Remove all filters'),
    );
  }

  #awaitFirst() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const last = await lastId().catch(() => 0);
      if (this.hidden || !this.isConnected) return;
      if (last) this.dispatchEvent(new CustomEvent('arrive'));
      else this.#awaitFirst();
    }, PAUSE);
  }

  /** @param {Partial<LogState>} changes */
  #choose(changes) {
    this.dispatchEvent(new CustomEvent('choose', {detail: changes}));
  }
}

customElements.define('no-records', NoRecords);
