/**
 * <saved-search>: one saved search: its name, what it selects, and the records of the last 24 hours.
 *
 * Methods `show(search)` and `loadCount()`; fires `rename` with a new name, and `delete`.
 */

import {describe} from './description.js';
import {sparkLine} from '../chart/spark-line.js';
import {LatestRequest, get} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {counted, grouped, visible} from '../lib/text.js';
import {localZone} from '../lib/time.js';
import {toParameters} from '../log/filter.js';
import {parseState} from '../log/url-state.js';

const DAY = 86_400_000; // milliseconds
const GROUP = 'hour';

/** @typedef {{name: string, state: string}} Search */

export class SavedSearch extends HTMLElement {
  /** @type {Search} */
  search = {name: '', state: ''};
  #request = new LatestRequest();
  #title = h('div', {class: 'title'});
  #count = h('div', {class: 'count'}, h('span', {class: 'hint'}, '…'));
  #problem = h('p', {class: 'problem', role: 'alert'});
  #uncounted = h('p', {class: 'problem', role: 'status'});
  #rename = h('button', {class: 'quiet', onclick: () => this.#edit()}, 'Rename');
  #delete = h('button', {class: 'quiet', onclick: () => this.#fire('delete')}, 'Delete');

  disconnectedCallback() {
    this.#request.cancel();
  }

  /** @param {Search} search */
  show(search) {
    this.search = search;
    const state = parseState(search.state);
    this.#showName();
    this.#rename.setAttribute('aria-label', `Rename ${search.name}`);
    this.#delete.setAttribute('aria-label', `Delete ${search.name}`);
    fill(this,
      h('div', {class: 'what'}, this.#title,
        h('dl', {class: 'parts'}, ...describe(state).map(({label, text, isCode}) => h('div', {},
          h('dt', {}, label), h('dd', {}, h(isCode ? 'code' : 'span', {}, visible(text)))))),
        this.#uncounted, this.#problem),
      this.#count,
      h('div', {class: 'actions'}, this.#rename, this.#delete));
  }

  /** @param {string} message */
  set problem(message) {
    this.#problem.textContent = message;
  }

  /** Count the records of the last 24 hours, or show why that fails. */
  async loadCount() {
    const state = parseState(this.search.state);
    if (state.around) {
      fill(this.#count, h('span', {class: 'hint'}, 'Context of one record'));
      return;
    }
    try {
      await this.#request.run((signal) => this.#load(state, signal));
    } catch (error) {
      this.#showUncounted(/** @type {Error} */ (error).message);
    }
  }

  /** @param {import('../log/url-state.js').LogState} state @param {AbortSignal} signal */
  async #load(state, signal) {
    const interpretation = state.q ? await get('interpretation', {text: state.q}, signal) : {kind: 'none'};
    if (interpretation.kind === 'error') {
      this.#showUncounted(interpretation.message);
      return;
    }
    const now = Date.now();
    const lastDay = {...state, range: '24h', from: '', to: ''};
    const parameters = toParameters(lastDay, interpretation, now);
    const timeline = await get('timeline', {...parameters, group: GROUP, timezone: localZone()}, signal);
    const buckets = timeline.buckets.map((/** @type {any} */ bucket) => ({...bucket, start: bucket.start * 1000}));
    const total = buckets.reduce((/** @type {number} */ sum, /** @type {any} */ {count}) => sum + count, 0);
    this.#uncounted.textContent = '';
    fill(this.#count,
      sparkLine(buckets, GROUP, {start: now - DAY, end: now}),
      h('span', {title: `${counted(total, 'record')} in the last 24 hours`},
        h('strong', {}, grouped(total)), ` ${total === 1 ? 'record' : 'records'} in 24 h`));
  }

  /** @param {string} message why there is no number */
  #showUncounted(message) {
    this.#uncounted.textContent = message;
    fill(this.#count, h('span', {}, 'Not counted'));
  }

  #showName() {
    const {name, state} = this.search;
    fill(this.#title, h('h2', {}, h('a', {href: `./?${state}`}, visible(name))));
  }

  /** Replace the name by a form. */
  #edit() {
    const input = /** @type {HTMLInputElement} */ (h('input', {
      'aria-label': `New name of ${this.search.name}`, required: true, maxlength: 200, value: this.search.name}));
    const cancel = () => {
      this.problem = '';
      this.#showName();
      this.#rename.focus();
    };
    fill(this.#title, h('form', {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const name = input.value.trim();
        if (name === this.search.name) cancel();
        else this.#fire('rename', name);
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === 'Escape') cancel();
      },
    }, input, h('button', {class: 'primary', type: 'submit'}, 'Save'), h('button', {type: 'button', onclick: cancel}, 'Cancel')));
    input.focus();
    input.select();
  }

  /** @param {string} name @param {any} [detail] */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

customElements.define('saved-search', SavedSearch);
