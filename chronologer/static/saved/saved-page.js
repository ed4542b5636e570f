/**
 * <saved-page>: all saved searches, with counts that are loaded again every minute.
 *
 *     <h1> <p class="problem"> <ul> <li> <saved-search> …
 */

import {get, put, remove} from '../lib/api.js';
import {fill, h, notify} from '../lib/dom.js';
import {visible} from '../lib/text.js';
import './saved-search.js';

/** @typedef {import('./saved-search.js').SavedSearch} SavedSearch */
/** @typedef {import('./saved-search.js').Search} Search */

const PAUSE = 60_000; // milliseconds between counts
const RETRY = 2000; // milliseconds until a request to a server that cannot be reached is repeated

export class SavedPage extends HTMLElement {
  #timer = 0;
  #problem = h('p', {class: 'problem', role: 'alert'});
  #list = h('ul', {'aria-label': 'Saved searches'});
  #empty = h('div', {class: 'card', hidden: true},
    h('h2', {}, 'No searches are saved yet'),
    h('p', {}, 'A saved search keeps a search under a name: its words or expression, filters, time range and columns. '
      + 'All users of this server share them.'),
    h('ol', {},
      h('li', {}, 'Search the log, and narrow it by filters.'),
      h('li', {}, 'Choose ', h('b', {}, 'Saved'), ' above the chart.'),
      h('li', {}, 'Type a name, and choose ', h('b', {}, 'Save'), '.')),
    h('p', {}, h('a', {href: './'}, 'Go to the log')));

  connectedCallback() {
    this.append(
      h('h1', {}, 'Saved searches'),
      h('p', {class: 'hint'}, 'All users of this server share these searches. Counts are of the last 24 hours.'),
      this.#problem, this.#empty, this.#list);
    this.#load();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  async #load() {
    clearTimeout(this.#timer);
    try {
      const {saved} = await get('saved');
      this.#problem.textContent = '';
      this.#show(saved);
    } catch (error) {
      this.#showProblem(/** @type {any} */ (error));
    }
  }

  /** @param {Search[]} saved */
  #show(saved) {
    this.#empty.hidden = saved.length > 0;
    fill(this.#list, ...saved.map((search) => {
      const element = /** @type {SavedSearch} */ (h('saved-search', {
        onrename: (/** @type {CustomEvent} */ {detail}) => this.#rename(element, detail),
        ondelete: () => this.#confirmDelete(element),
      }));
      element.show(search);
      return h('li', {}, element);
    }));
    this.#count();
  }

  /** Count one search after the other: a long list shall not burden the server. */
  async #count() {
    clearTimeout(this.#timer);
    for (const element of this.#searches) {
      if (!element.isConnected) return;
      await element.loadCount();
    }
    if (this.isConnected) this.#timer = setTimeout(() => this.#count(), PAUSE);
  }

  get #searches() {
    return /** @type {SavedSearch[]} */ ([...this.#list.querySelectorAll('saved-search')]);
  }

  /** @param {any} error */
  #showProblem(error) {
    if (error.status === 401 || !this.isConnected) return;
    const isAway = error.status === 0;
    this.#problem.textContent = isAway ? `${error.message} Retrying…` : error.message;
    if (isAway) this.#timer = setTimeout(() => this.#load(), RETRY);
  }

  /** @param {SavedSearch} element @param {string} name */
  async #rename(element, name) {
    const {search} = element;
    try {
      const {saved} = await get('saved');
      if (saved.some((/** @type {Search} */ other) => other.name === name)) {
        element.problem = `There is already a saved search “${name}”. Choose another name.`;
        return;
      }
      await put(path(name), {state: search.state});
      await remove(path(search.name));
      notify('Renamed');
      await this.#load();
      this.#focusOn(name);
    } catch (error) {
      element.problem = /** @type {Error} */ (error).message;
    }
  }

  /** @param {SavedSearch} element */
  #confirmDelete(element) {
    const {name} = element.search;
    const dialog = /** @type {HTMLDialogElement} */ (h('dialog', {class: 'confirmation', 'aria-label': 'Delete saved search'},
      h('h2', {}, `Delete “${visible(name)}”?`),
      h('p', {}, 'All users of this server lose this saved search. Records are not deleted.'),
      h('form', {method: 'dialog'},
        h('button', {class: 'danger', value: 'delete'}, 'Delete'), h('button', {value: '', autofocus: true}, 'Cancel'))));
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (dialog.returnValue === 'delete') this.#delete(element);
    });
    this.append(dialog);
    dialog.showModal();
  }

  /** @param {SavedSearch} element */
  async #delete(element) {
    try {
      await remove(path(element.search.name));
    } catch (error) {
      element.problem = /** @type {Error} */ (error).message;
      return;
    }
    notify('Deleted');
    await this.#load();
    this.#focusOn();
  }

  /** Focus the link of a search, or the first, after the focused element was removed. @param {string} [name] */
  #focusOn(name) {
    const element = this.#searches.find(({search}) => name === undefined || search.name === name);
    (element?.querySelector('a') ?? this.closest('main'))?.focus();
  }
}

/** @param {string} name */
function path(name) {
  return `saved/${encodeURIComponent(name)}`;
}

customElements.define('saved-page', SavedPage);
