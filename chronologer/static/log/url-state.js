/** The state of the log page, kept in the query string of the URL: a click and the back button both change it. */

import {isZone, parseIso, parseLength} from '../lib/time.js';

/**
 * @typedef {object} LogState
 * @property {string} q the search: words, or an expression
 * @property {string} level the lowest level, by name or number
 * @property {string} name prefixes of logger names, separated by commas
 * @property {string[]} filters expressions
 * @property {string} range such as `24h`, or `all`; empty with `from` or `to`
 * @property {string} from ISO 8601, inclusive
 * @property {string} to ISO 8601, inclusive
 * @property {string} tz `local`, or a name of the IANA database
 * @property {string} order `desc`, newest first, or `asc`
 * @property {string[]} cols fields that are columns
 * @property {string} id of the record that is open
 * @property {string} other id of a record that is shown beside it
 * @property {string} around id of the record whose context is shown
 * @property {string} scope of the context: all, logger, process, thread, or a field
 * @property {string} tail `1` for the live tail
 * @property {string} refresh seconds between automatic reloads, or empty
 */

/** @type {Readonly<LogState>} */
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

const isMoment = (/** @type {string} */ text) => text === '' || parseIso(text) !== null;

/** Checks of what the server does not check. @type {Record<string, (text: string) => boolean>} */
const CHECKS = {
  range: (text) => text === '' || text === 'all' || parseLength(text) !== null,
  from: isMoment,
  to: isMoment,
  tz: isZone,
  order: (text) => ['asc', 'desc'].includes(text),
  refresh: (text) => text === '' || Number(text) > 0,
};

/** Read a query string; what is invalid has its default. @param {string} search @returns {LogState} */
export function parseState(search) {
  return readState(search).state;
}

/** What of a query string is not understood, such as `from=foo`. @param {string} search @returns {string[]} */
export function ignoredParts(search) {
  return readState(search).ignored;
}

/** @param {string} search @returns {{state: LogState, ignored: string[]}} */
function readState(search) {
  const parameters = new URLSearchParams(search);
  /** @type {any} */
  const state = {...DEFAULTS};
  for (const name of Object.keys(DEFAULTS)) {
    if (name in REPEATED) state[name] = parameters.getAll(REPEATED[name]);
    else if (parameters.has(name)) state[name] = parameters.get(name);
  }
  const known = [...Object.keys(DEFAULTS).filter((name) => !(name in REPEATED)), ...Object.values(REPEATED)];
  const ignored = [...parameters].filter(([name]) => !known.includes(name)).map((pair) => pair.join('='));
  for (const [name, isValid] of Object.entries(CHECKS)) {
    if (isValid(state[name])) continue;
    ignored.push(`${name}=${state[name]}`);
    state[name] = DEFAULTS[/** @type {keyof LogState} */ (name)];
  }
  if (state.from || state.to) state.range = '';
  return {state, ignored};
}

/** The query string of a state, without its defaults. @param {LogState} state */
export function formatState(state) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (Array.isArray(value)) for (const item of value) parameters.append(REPEATED[name], item);
    else if (value && value !== Object(DEFAULTS)[name]) parameters.set(name, value);
  }
  const text = parameters.toString();
  // Readable, but without what a shell would read as its own: quotes, dollar, brackets, semicolon.
  return text.replace(/%(2C|3A|40|2F)/g, (code) => decodeURIComponent(code)).replaceAll('*', '%2A');
}

/** The state in the URL; fires `change` with `{before, state}`, also after Back and Forward. */
export class UrlState extends EventTarget {
  /** @type {LogState} */
  state = parseState(location.search);
  /** @type {string[]} parts of the address that are not understood */
  ignored = ignoredParts(location.search);

  /** @param {AbortSignal} signal that ends it */
  constructor(signal) {
    super();
    window.addEventListener('popstate', () => {
      this.ignored = ignoredParts(location.search);
      this.#update(parseState(location.search));
    }, {signal});
  }

  /**
   * Change parts of the state.
   *
   * @param {Partial<LogState>} changes
   * @param {{replace?: boolean}} [options] whether the back button skips the state before
   */
  set(changes, {replace = false} = {}) {
    const state = {...this.state, ...changes};
    const text = formatState(state);
    if (text === formatState(this.state)) return;
    const url = `${location.pathname}${text && '?'}${text}`;
    this.ignored = [];
    history[replace ? 'replaceState' : 'pushState'](null, '', url);
    this.#update(state);
  }

  /** @param {LogState} state */
  #update(state) {
    const before = this.state;
    this.state = state;
    this.dispatchEvent(new CustomEvent('change', {detail: {before, state}}));
  }
}
