/**
 * <record-detail>: one record, whole.
 *
 * Property `record`; buttons fire `detail-action` with its name: close, previous, next,
 * context, compare. Values fire `value-action`, see value-tree.js.
 */

import {copyText, fill, h} from './dom.js';
import {counted, levelName, levelText, toJson, visible} from './text.js';
import {formatIso, parseTs} from './time.js';
import {showTraceback} from './traceback.js';
import {marked} from './record-row.js';
import {valueTree} from './value-tree.js';

const LONG = 20_000; // characters of a message, until asked for more
const SCOPES = [
  ['all', 'everything'], ['logger', 'same logger'], ['process', 'same process'], ['thread', 'same thread'],
];

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
    // What is shown around the record may change while it is open.
    const point = (/** @type {Event} */ event) => /** @type {Element} */ (event.currentTarget).setAttribute('href', look.link());
    const permalink = h('a', {href: look.link(), class: 'permalink', title: 'Permalink', onfocus: point, onpointerenter: point}, `#${record.id}`);
    return h('div', {class: 'buttons'},
      !look.isSecond && this.#button('previous', 'Previous record (k)', '↑'),
      !look.isSecond && this.#button('next', 'Next record (j)', '↓'),
      this.#contextMenu(look.fields ?? []),
      !look.isSecond && this.#button('compare', 'Keep it beside the next one that is opened', 'Compare'),
      h('select', {'aria-label': 'Copy the record', title: 'Copy the record', onchange: (/** @type {Event} */ event) => {
        const select = /** @type {HTMLSelectElement} */ (event.target);
        copyText(asText(record, select.value, look.link()));
        select.value = '';
      }},
      h('option', {value: ''}, 'Copy…'),
      ...['text', 'JSON', 'link', 'curl'].map((kind) => h('option', {value: kind}, kind))),
      permalink,
      this.#button('close', 'Close (Esc)', '×'));
  }

  /** @param {string[]} fields that may tie records together */
  #contextMenu(fields) {
    return h('select', {'aria-label': 'Show what was logged around it', title: 'What was logged around it',
      onchange: (/** @type {Event} */ event) => this.#fire('context', {
        scope: /** @type {HTMLSelectElement} */ (event.target).value, record: this.#record,
      })},
    h('option', {value: ''}, 'Around…'),
    ...SCOPES.map(([scope, text]) => h('option', {value: scope}, text)),
    ...fields.map((field) => h('option', {value: field}, `same ${field}`)));
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
    // The structure of what the traceback shows: of that, what one would filter by.
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

/** @param {any} record @param {string} kind @param {string} link */
export function asText(record, kind, link) {
  if (kind === 'JSON') return toJson(record, 2);
  if (kind === 'link') return link;
  if (kind === 'curl') return `curl -u USER: '${location.origin}/api/v1/record/${record.id}'`;
  const trace = record.logrec?.error?.exc_text;
  return `${record.ts} ${levelText(record.level)} ${record.name}: ${record.message}${trace ? `\n${trace}` : ''}`;
}
