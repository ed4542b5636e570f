/**
 * <record-detail>: one complete record.
 *
 * Method `show(record, look)`; buttons fire `detail-action` with `{action, value}`; actions are
 * close, previous, next, context, compare. Values fire `value-action`, see value-tree.js.
 */

import {absolute, address} from '../lib/api.js';
import {menuButton} from '../lib/action-menu.js';
import {copyText, fill, h} from '../lib/dom.js';
import {preference} from '../lib/preferences.js';
import {counted, levelName, levelText, toJson, visible} from '../lib/text.js';
import {formatIso, parseTs} from '../lib/time.js';
import {showTraceback} from './traceback.js';
import {marked} from './record-row.js';
import {valueTree} from './value-tree.js';

const LONG = 20_000; // characters of a message, until a click shows all
const SCOPES = [
  ['all', 'All records'], ['logger', 'Same logger'], ['process', 'Same process'], ['thread', 'Same thread'],
];

const COPIES = [['text', 'Text'], ['JSON', 'JSON'], ['link', 'Link'], ['curl', 'curl command']];

export class RecordDetail extends HTMLElement {
  /** @type {any} */
  #record = null;

  /**
   * @param {any} record
   * @param {{tz: string, terms: string[], link: () => string, fields?: string[], isSecond?: boolean}} look
   */
  show(record, look) {
    this.#record = record;
    const {data, meta, error, ...others} = record.logrec ?? {};
    this.classList.toggle('second', Boolean(look.isSecond));
    this.setAttribute('role', 'region');
    this.setAttribute('aria-label', `Record ${record.id}`);
    fill(this,
      this.#buttons(look),
      h('p', {class: 'line'},
        h('span', {class: `badge ${levelName(record.level).toLowerCase()}`}, levelText(record.level)), ' ',
        h('span', {class: 'name'}, visible(record.name.slice(0, 1000))), ' ',
        h('time', {datetime: record.ts, title: record.ts}, formatIso(parseTs(record.ts), look.tz))),
      this.#message(record.message, look.terms),
      error && h('section', {class: 'error-part'}, h('h3', {}, 'Exception'), this.#error(error)),
      this.#part('data', data),
      ...Object.entries(others).map(([key, value]) => this.#other(key, value)),
      this.#part('meta', meta),
    );
  }

  showError(/** @type {string} */ message) {
    this.replaceChildren(h('p', {class: 'problem', role: 'alert'}, message),
      this.#button('close', 'Close', '×'));
  }

  /** @param {{link: () => string, fields?: string[], isSecond?: boolean}} look */
  #buttons(look) {
    const record = this.#record;
    // The state may change while the record is open.
    const updateLink = (/** @type {Event} */ event) => /** @type {Element} */ (event.currentTarget).setAttribute('href', look.link());
    const permalink = h('a', {href: look.link(), class: 'permalink', title: 'Permalink', onfocus: updateLink, onpointerenter: updateLink}, `#${record.id}`);
    return h('div', {class: 'buttons'},
      !look.isSecond && this.#button('previous', 'Previous record (k)', '↑'),
      !look.isSecond && this.#button('next', 'Next record (j)', '↓'),
      this.#contextMenu(look.fields ?? []),
      !look.isSecond && this.#button('compare', 'Keep this record beside the next one that you open', 'Compare'),
      menuButton('Copy…', 'Copy the record', () => COPIES.map(([kind, text]) =>
        ({text, act: () => copyText(asText(record, kind, look.link()))}))),
      permalink,
      this.#button('close', 'Close (Esc)', '×'));
  }

  /** @param {string[]} fields whose values may tie records together */
  #contextMenu(fields) {
    const scopes = [...SCOPES, ...fields.map((field) => [field, `Same ${field}`])];
    return menuButton('Context…', 'Show the context of the record', () => scopes.map(([scope, text]) =>
      ({text, act: () => this.#fire('context', {scope, record: this.#record})})));
  }

  /** @param {string} action @param {string} title @param {string} text */
  #button(action, title, text) {
    return h('button', {class: action, title, 'aria-label': title, onclick: () => this.#fire(action, this.#record)}, text);
  }

  /** @param {string} action @param {any} value */
  #fire(action, value) {
    this.dispatchEvent(new CustomEvent('detail-action', {bubbles: true, detail: {action, value}}));
  }

  /** @param {string} message @param {string[]} terms */
  #message(message, terms) {
    const text = h('pre', {class: 'whole-message', tabindex: 0, 'aria-label': 'Message'},
      ...marked(visible(message.slice(0, LONG)), terms));
    if (message.length <= LONG) return text;
    const button = h('button', {onclick: () => {
      text.textContent = visible(message);
      button.remove();
    }}, `Show all ${counted(message.length, 'character')}`);
    return h('div', {}, text, button);
  }

  /** @param {any} error */
  #error(error) {
    if (!error || typeof error !== 'object') return showTraceback(toJson(error));
    const {exc_text: trace, exc_info: info, ...others} = error;
    // The traceback shows the rest of the structure; the type is useful in filters.
    const type = trace && info && typeof info === 'object' && typeof info.type === 'string' ? {type: info.type} : null;
    return h('div', {},
      trace ? showTraceback(String(trace)) : info && showTraceback(typeof info === 'string' ? info : toJson(info)),
      type && valueTree(type, ['error', 'exc_info']),
      Object.keys(others).length > 0 && valueTree(others, ['error']));
  }

  /** @param {string} name @param {any} content */
  #part(name, content) {
    if (content === null || typeof content !== 'object') return content !== undefined && this.#other(name, content);
    return h('section', {}, h('h3', {}, name), valueTree(content, [name]));
  }

  /** @param {string} key @param {any} value */
  #other(key, value) {
    return h('section', {}, valueTree({[key]: value}, []));
  }
}

customElements.define('record-detail', RecordDetail);

/** A text as a word of a shell. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {any} record @param {string} kind @param {string} link */
export function asText(record, kind, link) {
  if (kind === 'JSON') return toJson(record, 2);
  if (kind === 'link') return link;
  // Without a password, curl asks for it.
  if (kind === 'curl') return `curl -u ${quoted(preference('user') || 'USER')} ${quoted(absolute(address(`record/${record.id}`)))}`;
  const trace = record.logrec?.error?.exc_text;
  return `${record.ts} ${levelText(record.level)} ${record.name}: ${record.message}${trace ? `\n${trace}` : ''}`;
}
