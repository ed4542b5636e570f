/**
 * <search-box>: the search, how the server interprets it, and suggestions.
 *
 *     <form role="search"> <input role="combobox"> <output class="badge"> <ul role="listbox">
 *
 * Properties `value` and `interpretation`; event `submit-search` with the text when Enter is pressed.
 */

import {LatestRequest, get} from '../lib/api.js';
import {complete, matching, wordAt} from './completion.js';
import {h} from '../lib/dom.js';
import {prefer, preference} from '../lib/preferences.js';
import {grouped} from '../lib/text.js';

const MOST_FIELDS = 200;
const MOST_VALUES = 20;
const KEPT = 50; // searches in the history
const COUNTED = /^(?:name|level|(?:data|meta|error)\..*[^.])$/; // fields whose values the server counts
const DELAY = 120; // milliseconds from the last key to requests

/** `completes`: the text that a completion is for. @typedef {{text: string, note?: string, completes?: string, apply: () => void}} Suggestion */
/** @typedef {{value: any, note?: string}} Offer */

export class SearchBox extends HTMLElement {
  #input = /** @type {HTMLInputElement} */ (h('input', {
    type: 'search', id: 'q', role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'suggestions',
    'aria-autocomplete': 'list', 'aria-label': 'Search: words or an expression', spellcheck: 'false', autocomplete: 'off',
    autocapitalize: 'off', enterkeyhint: 'search',
    placeholder: "Search words, or level >= 40 AND data.user = 'bob'   ( / )",
  }));
  #badge = h('output', {class: 'badge', for: 'q'});
  #list = h('ul', {id: 'suggestions', role: 'listbox', 'aria-label': 'Suggestions', hidden: true});
  /** @type {Suggestion[]} */
  #suggestions = [];
  #chosen = -1;
  #timer = 0;
  #offers = new LatestRequest();
  #interpretations = new LatestRequest();

  connectedCallback() {
    const form = h('form', {role: 'search', onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    }}, this.#input, this.#badge, this.#list);
    this.append(form);
    this.#input.addEventListener('input', () => this.#typed());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => {
      setTimeout(() => this.#show([]), 150);
      if (this.#isTyped) this.#interpret();
    });
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#offers.cancel();
    this.#interpretations.cancel();
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

  /** @param {import('./filter.js').Interpretation} interpretation of the input */
  set interpretation(interpretation) {
    const {kind, why = '', message = '', column} = interpretation;
    this.#badge.className = `badge ${kind}`;
    this.#badge.textContent = {query: 'Expression', search: 'Words', error: 'Error'}[kind] ?? '';
    this.#badge.title = kind === 'error' ? message : why;
    this.#input.setAttribute('aria-invalid', String(kind === 'error'));
    if (kind !== 'error') return;
    this.#badge.textContent = column ? `Error at column ${column}` : 'Error';
    if (column && document.activeElement === this.#input && this.#input.value === this.#submitted) {
      const offset = [...this.#submitted].slice(0, column - 1).join('').length; // columns count characters
      this.#input.setSelectionRange(offset, offset);
    }
  }

  #submitted = '';
  #completed = ''; // the text as the last completion left it

  #submit() {
    if (this.#chosen >= 0) {
      this.#suggestions[this.#chosen].apply();
      return;
    }
    const text = this.#input.value.trim();
    this.#show([]);
    clearTimeout(this.#timer);
    this.#offers.cancel();
    this.#submitted = this.#input.value;
    this.#isTyped = false;
    if (text) {
      const history = preference('history').filter((/** @type {string} */ old) => old !== text);
      prefer('history', [text, ...history].slice(0, KEPT));
    }
    this.dispatchEvent(new CustomEvent('submit-search', {detail: text}));
  }

  #isTyped = false; // since Enter was pressed

  #typed() {
    this.#submitted = '';
    this.#isTyped = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#interpret();
      this.#suggest();
    }, DELAY);
  }

  async #interpret() {
    const text = this.#input.value;
    const interpretation = await this.#interpretations.run((signal) => get('interpretation', {text}, signal)).catch(() => null);
    if (!interpretation || text !== this.#input.value) return;
    // An expression that is being typed is no mistake yet; Enter, or leaving the box, asks for it.
    const isTyping = interpretation.kind === 'error' && document.activeElement === this.#input && !this.#submitted;
    this.interpretation = isTyping ? {kind: 'query', why: interpretation.message} : interpretation;
  }

  async #suggest() {
    const text = this.#input.value;
    const caret = this.#input.selectionStart ?? text.length;
    const word = wordAt(text, caret);
    if (!text || !word || !word.typed && word.kind === 'field') return this.#show(text ? [] : this.#past(''));
    const offered = await this.#offers
      .run((signal) => (word.kind === 'field' ? fields(word.typed, signal) : values(word, signal)))
      .catch(() => []);
    if (!offered || this.#input.value !== text) return;
    this.#show(offered.map(({value, note}) => ({
      text: String(value),
      note,
      completes: text,
      apply: () => {
        if (this.#input.value !== text) return; // typed on meanwhile
        const done = complete(text, caret, word, value);
        this.#input.value = done.text;
        this.#input.setSelectionRange(done.caret, done.caret);
        this.#input.focus();
        this.#completed = done.text;
        this.#typed();
        this.#show([]);
      },
    })));
  }

  /** Past searches that contain a text. @param {string} text @returns {Suggestion[]} */
  #past(text) {
    return matching(preference('history'), text).slice(0, 10).map((old) => ({
      text: old,
      note: 'recent',
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
    else if (key === 'Tab' && !event.shiftKey && this.#offered) this.#offered.apply();
    else if (key === ' ' && this.#isAfterBlank) this.#completed = ''; // the completion has added it
    else if (key === 'Escape' && !this.#list.hidden) this.#show([]);
    else if (key === 'Escape') this.#input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** What Tab accepts: the chosen suggestion, or the first completion. */
  get #offered() {
    const first = this.#suggestions[0];
    return this.#suggestions[this.#chosen] ?? (first?.completes === this.#input.value ? first : null);
  }

  /** Whether the caret is behind the blank that a completion has added. */
  get #isAfterBlank() {
    const {value, selectionStart, selectionEnd} = this.#input;
    return value === this.#completed && selectionStart === selectionEnd && value[(selectionStart ?? 0) - 1] === ' ';
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

customElements.define('search-box', SearchBox);

/** @param {string} typed @param {AbortSignal} signal @returns {Promise<Offer[]>} */
async function fields(typed, signal) {
  const request = async (/** @type {string} */ prefix) => (await get('field', {prefix, limit: MOST_FIELDS}, signal)).fields;
  const begin = await request(typed);
  const found = begin.length < MOST_VALUES ? [...begin, ...(await request(''))] : begin;
  /** @type {Map<string, string[]>} */
  const types = new Map(found.map((/** @type {any} */ entry) => [entry.field, entry.types]));
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
