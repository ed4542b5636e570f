/**
 * <search-box>: what is looked for, how it was read, and what could be typed next.
 *
 *     <form role="search"> <input role="combobox"> <output class="badge"> <ul role="listbox">
 *
 * Property `value`; event `ask` with the text when Enter is pressed.
 */

import {Slot, get} from './api.js';
import {complete, matching, wordAt} from './completion.js';
import {h} from './dom.js';
import {prefer, preference} from './preferences.js';
import {grouped} from './text.js';

const MOST_FIELDS = 200;
const MOST_VALUES = 20;
const KEPT = 50; // of the history
const COUNTED = /^(?:name|level|(?:data|meta|error)\..*[^.])$/; // fields whose values the server counts
const DELAY = 120; // milliseconds after the last key

/** @typedef {{text: string, note?: string, apply: () => void}} Suggestion */
/** @typedef {{value: any, note?: string}} Offer */

export class SearchBox extends HTMLElement {
  #input = /** @type {HTMLInputElement} */ (h('input', {
    type: 'search', id: 'q', role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'suggestions',
    'aria-autocomplete': 'list', 'aria-label': 'Search: words, or an expression', spellcheck: 'false', autocomplete: 'off',
    autocapitalize: 'off', enterkeyhint: 'search',
    placeholder: "Search words, or level >= 40 AND data.user = 'bob'   ( / )",
  }));
  #badge = h('output', {class: 'badge', for: 'q'});
  #list = h('ul', {id: 'suggestions', role: 'listbox', 'aria-label': 'Suggestions', hidden: true});
  /** @type {Suggestion[]} */
  #suggestions = [];
  #chosen = -1;
  #timer = 0;
  #slot = new Slot();
  #readings = new Slot();

  connectedCallback() {
    const form = h('form', {role: 'search', onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    }}, this.#input, this.#badge, this.#list);
    this.append(form);
    this.#input.addEventListener('input', () => this.#typed());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => setTimeout(() => this.#show([]), 150));
  }

  set value(/** @type {string} */ text) {
    if (this.#input.value !== text) this.#input.value = text;
  }

  get value() {
    return this.#input.value;
  }

  focusInput() {
    this.#input.focus();
    this.#input.select();
  }

  /** Say how the input was read. @param {import('./filter.js').Reading} reading */
  set reading(reading) {
    const {kind, why = '', message = '', column} = reading;
    this.#badge.className = `badge ${kind}`;
    this.#badge.textContent = {query: 'expression', search: 'words', error: 'mistake'}[kind] ?? '';
    this.#badge.title = kind === 'error' ? message : why;
    this.#input.setAttribute('aria-invalid', String(kind === 'error'));
    if (kind !== 'error') return;
    this.#badge.textContent = column ? `mistake at column ${column}` : 'mistake';
    if (column && document.activeElement === this.#input && this.#input.value === this.#asked) {
      const place = [...this.#asked].slice(0, column - 1).join('').length; // columns are of characters
      this.#input.setSelectionRange(place, place);
    }
  }

  #asked = '';

  #submit() {
    if (this.#chosen >= 0) {
      this.#suggestions[this.#chosen].apply();
      return;
    }
    const text = this.#input.value.trim();
    this.#show([]);
    clearTimeout(this.#timer);
    this.#slot.cancel();
    this.#asked = this.#input.value;
    if (text) {
      const history = preference('history').filter((/** @type {string} */ old) => old !== text);
      prefer('history', [text, ...history].slice(0, KEPT));
    }
    this.dispatchEvent(new CustomEvent('ask', {detail: text}));
  }

  #typed() {
    this.#asked = '';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#read();
      this.#suggest();
    }, DELAY);
  }

  async #read() {
    const text = this.#input.value;
    const reading = await this.#readings.run((signal) => get('reading', {text}, signal)).catch(() => null);
    if (reading && text === this.#input.value) this.reading = reading;
  }

  async #suggest() {
    const text = this.#input.value;
    const caret = this.#input.selectionStart ?? text.length;
    const word = wordAt(text, caret);
    if (!text || !word || !word.typed && word.kind === 'field') return this.#show(text ? [] : this.#past(''));
    const offered = await this.#slot
      .run((signal) => (word.kind === 'field' ? fields(word.typed, signal) : values(word, signal)))
      .catch(() => []);
    if (!offered || this.#input.value !== text) return;
    this.#show(offered.map(({value, note}) => ({
      text: String(value),
      note,
      apply: () => {
        const done = complete(text, caret, word, value);
        this.#input.value = done.text;
        this.#input.setSelectionRange(done.caret, done.caret);
        this.#input.focus();
        this.#typed();
        this.#show([]);
      },
    })));
  }

  /** Past searches that contain a text. @param {string} text @returns {Suggestion[]} */
  #past(text) {
    return matching(preference('history'), text).slice(0, 10).map((old) => ({
      text: old,
      note: 'before',
      apply: () => {
        this.#input.value = old;
        this.#chosen = -1;
        this.#submit();
      },
    }));
  }

  /** @param {Suggestion[]} suggestions */
  #show(suggestions) {
    this.#suggestions = suggestions;
    this.#chosen = -1;
    this.#list.hidden = !suggestions.length;
    this.#input.setAttribute('aria-expanded', String(!this.#list.hidden));
    this.#input.removeAttribute('aria-activedescendant');
    this.#list.replaceChildren(...suggestions.map(({text, note, apply}, index) =>
      h('li', {
        role: 'option', id: `suggestion-${index}`, 'aria-selected': 'false',
        onpointerdown: (/** @type {Event} */ event) => {
          event.preventDefault();
          apply();
        },
      }, h('span', {}, text), note && h('small', {}, note))));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const {key} = event;
    if (key === 'ArrowDown' && this.#list.hidden) this.#show(this.#past(this.#input.value.trim()));
    else if (key === 'ArrowDown' || key === 'ArrowUp') this.#move(key === 'ArrowDown' ? 1 : -1);
    else if (key === 'Tab' && this.#chosen >= 0) this.#suggestions[this.#chosen].apply();
    else if (key === 'Escape' && !this.#list.hidden) this.#show([]);
    else if (key === 'Escape') this.#input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} step */
  #move(step) {
    const {length} = this.#suggestions;
    if (!length) return;
    this.#chosen = (this.#chosen + step + length + (this.#chosen < 0 && step < 0 ? 1 : 0)) % length;
    [...this.#list.children].forEach((item, index) => {
      item.setAttribute('aria-selected', String(index === this.#chosen));
      if (index === this.#chosen) item.scrollIntoView({block: 'nearest'});
    });
    this.#input.setAttribute('aria-activedescendant', `suggestion-${this.#chosen}`);
  }
}

/** @param {string} typed @param {AbortSignal} signal @returns {Promise<Offer[]>} */
async function fields(typed, signal) {
  const ask = async (/** @type {string} */ prefix) => (await get('field', {prefix, limit: MOST_FIELDS}, signal)).fields;
  const begin = await ask(typed);
  const known = begin.length < MOST_VALUES ? [...begin, ...(await ask(''))] : begin;
  /** @type {Map<string, string[]>} */
  const types = new Map(known.map((/** @type {any} */ entry) => [entry.field, entry.types]));
  return matching([...types.keys()], typed).slice(0, MOST_VALUES)
    .map((name) => ({value: name, note: types.get(name)?.join(', ')}));
}

/** @param {{field: string, typed: string}} word @param {AbortSignal} signal @returns {Promise<Offer[]>} */
async function values({field, typed}, signal) {
  if (!COUNTED.test(field)) return [];
  const facet = await get('facet', {field, limit: MOST_FIELDS}, signal);
  const isTyped = (/** @type {any} */ entry) => String(entry.value).toLowerCase().includes(typed.toLowerCase());
  return facet.values.filter(isTyped).slice(0, MOST_VALUES)
    .map((/** @type {any} */ {value, count}) => ({value, note: grouped(count)}));
}
