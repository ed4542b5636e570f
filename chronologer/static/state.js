/** What the page shows, as its address says it: a click and the back button take the same way. */

import {isZone, parseLength} from './time.js';

/**
 * @typedef {object} State
 * @property {string} q what was typed: words, or an expression
 * @property {string} level the lowest, by name or number
 * @property {string} name prefixes of loggers, separated by commas
 * @property {string[]} filters expressions
 * @property {string} range such as `24h`, or `all`; empty with `from` or `to`
 * @property {string} from ISO 8601, inclusive
 * @property {string} to likewise
 * @property {string} tz `local`, or a name of the IANA database
 * @property {string} order `desc`, newest first, or `asc`
 * @property {string[]} cols fields that are columns
 * @property {string} id of the record that is open
 * @property {string} other id of a record beside it
 * @property {string} around id of the record whose surroundings are shown
 * @property {string} scope of them
 * @property {string} tail `1` while the log is followed
 * @property {string} refresh seconds, or empty
 */

/** @type {Readonly<State>} */
export const DEFAULTS = Object.freeze({
  q: '',
  level: '',
  name: '',
  filters: [],
  range: '24h',
  from: '',
  to: '',
  tz: 'local',
  order: 'desc',
  cols: [],
  id: '',
  other: '',
  around: '',
  scope: 'all',
  tail: '',
  refresh: '',
});

/** @type {Record<string, string>} */
const REPEATED = {filters: 'f', cols: 'col'};

/** What a part of the state may be, where the server is not asked. @type {Record<string, (text: string) => boolean>} */
const POSSIBLE = {
  range: (text) => text === '' || text === 'all' || parseLength(text) !== null,
  tz: isZone,
  order: (text) => ['asc', 'desc'].includes(text),
};

/** @param {string} search query string of the address @returns {State} */
export function parseState(search) {
  const parameters = new URLSearchParams(search);
  /** @type {any} */
  const state = {...DEFAULTS};
  for (const name of Object.keys(DEFAULTS)) {
    if (name in REPEATED) state[name] = parameters.getAll(REPEATED[name]);
    else if (parameters.has(name)) state[name] = parameters.get(name);
  }
  if (state.from || state.to) state.range = '';
  for (const [name, isPossible] of Object.entries(POSSIBLE)) {
    if (!isPossible(state[name])) state[name] = DEFAULTS[/** @type {keyof State} */ (name)];
  }
  return state;
}

/** Query string of the address, without what goes without saying. @param {State} state */
export function formatState(state) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (Array.isArray(value)) for (const item of value) parameters.append(REPEATED[name], item);
    else if (value && value !== Object(DEFAULTS)[name]) parameters.set(name, value);
  }
  const text = parameters.toString();
  return text.replace(/%(2C|3A|27|28|29|40|2F|24|3B)/g, (code) => decodeURIComponent(code));
}

/** Holds the state; fires `change` with `{before, state}` however it came to change. */
export class Store extends EventTarget {
  /** @type {State} */
  state = parseState(location.search);

  constructor() {
    super();
    window.addEventListener('popstate', () => this.#take(parseState(location.search)));
  }

  /**
   * Change some of it.
   *
   * @param {Partial<State>} changes
   * @param {{replace?: boolean}} [options] whether the back button leads past this
   */
  set(changes, {replace = false} = {}) {
    const state = {...this.state, ...changes};
    const text = formatState(state);
    if (text === formatState(this.state)) return;
    const address = `${location.pathname}${text && '?'}${text}`;
    history[replace ? 'replaceState' : 'pushState'](null, '', address);
    this.#take(state);
  }

  /** @param {State} state */
  #take(state) {
    const before = this.state;
    this.state = state;
    this.dispatchEvent(new CustomEvent('change', {detail: {before, state}}));
  }
}
