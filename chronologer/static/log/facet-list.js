/**
 * <facet-list>: levels, loggers as a tree, and the values of fields, with counts.
 *
 * Methods `load(parameters)` and `addField(field)`; events `choose` with changes of the state,
 * `filter` with an expression.
 */

import {LatestRequest, get} from '../lib/api.js';
import {h} from '../lib/dom.js';
import {differs, equals, notBelow} from './filter.js';
import {grouped, levelParameter, levelText, visible} from '../lib/text.js';

const MOST_FIELDS = 200;
const EAGER = 12; // fields whose values are counted without a click
const VALUES = 20;
const MOST_ASKED = 50; // fields of one request
const SAMPLE = 200; // records by which fields are ranked
const UNIQUE = 0.9; // a field with more distinct values per record is no useful facet

/** @typedef {{field: string, values: {value: any, count: number}[], distinct: number, total: number}} Facet */
/** @typedef {{name: string, path: string, count: number, children: Map<string, LoggerNode>}} LoggerNode */

export class FacetList extends HTMLElement {
  #request = new LatestRequest();
  /** @type {Record<string, string>} */
  #parameters = {};
  #levels = section('Level', true);
  #loggers = section('Logger', true);
  #fields = h('div', {class: 'fields'});
  #folded = section('Other fields', false);
  /** @type {Set<string>} */
  #added = new Set();
  /** @type {Set<string>} loggers whose children are shown */
  #unfolded = new Set();

  connectedCallback() {
    this.append(this.#levels, this.#loggers, this.#fields, this.#folded);
    this.#folded.hidden = true;
  }

  /** Count values among the records that the parameters select. @param {Record<string, string>} parameters */
  async load(parameters) {
    this.#parameters = parameters;
    await this.#request.run(async (signal) => {
      const [levels, loggers] = await Promise.all([
        get('facet', {...parameters, field: 'level'}, signal),
        get('facet', {...parameters, field: 'name', limit: 1000}, signal),
      ]);
      if (signal.aborted) return;
      levels.values.sort((/** @type {any} */ a, /** @type {any} */ b) => b.value - a.value);
      fill(this.#levels, levels.values.map((/** @type {any} */ entry) => this.#level(entry)));
      fill(this.#loggers, this.#tree(asTree(loggers.values)));
      await this.#askFields(signal);
    });
  }

  /** Count the values of a field too. @param {string} field */
  addField(field) {
    this.#added.add(field);
    this.load(this.#parameters).catch(() => {});
  }

  /** @param {AbortSignal} signal */
  async #askFields(signal) {
    const {fields} = await get('field', {prefix: 'data.', limit: MOST_FIELDS}, signal);
    const found = fields.map((/** @type {any} */ {field}) => field);
    const rows = found.length > 1 ? await this.#sample(found, signal) : [];
    if (signal.aborted) return;
    const names = [...new Set([...this.#added, ...ranked(found, rows)])];
    const eager = names.slice(0, Math.max(EAGER, this.#added.size));
    const shown = [];
    const folded = names.slice(eager.length);
    for (const field of eager) {
      const facet = await get('facet', {...this.#parameters, field, limit: VALUES}, signal);
      if (signal.aborted) return;
      if (this.#added.has(field) || isUseful(facet)) shown.push(facet);
      else folded.push(field);
    }
    this.#fields.replaceChildren(...shown.map((facet) => {
      const part = section(facet.field, true);
      fill(part, this.#values(facet));
      return part;
    }));
    this.#folded.hidden = !folded.length;
    fill(this.#folded, folded.map((field) => h('li', {},
      h('button', {class: 'quiet', title: `Count the values of ${field}`, onclick: () => this.addField(field)}, visible(field)))));
  }

  /**
   * The values of fields in some of the records, to tell which fields are worth to be counted.
   *
   * @param {string[]} names
   * @param {AbortSignal} signal
   * @returns {Promise<Record<string, any>[]>}
   */
  async #sample(names, signal) {
    const parts = Array.from({length: Math.ceil(names.length / MOST_ASKED)}, (_, i) => names.slice(i * MOST_ASKED, (i + 1) * MOST_ASKED));
    const pages = await Promise.all(parts.map((part) =>
      get('record', {...this.#parameters, fields: part.join(','), chars: 0, limit: SAMPLE}, signal)));
    return pages.flat().map(({fields}) => fields);
  }

  /** @param {{value: number, count: number}} entry */
  #level({value, count}) {
    return item(levelText(value), count, {
      choose: ['This level and above', () => this.#choose({level: levelParameter(value)})],
      only: ['Only this level', () => this.#filter(equals('level', value))],
      exclude: ['Exclude this level', () => this.#filter(differs('level', value))],
    });
  }

  /** @param {LoggerNode} node @returns {HTMLElement[]} */
  #tree(node) {
    return [...node.children.values()].sort((a, b) => b.count - a.count).map((child) => {
      const entry = item(child.name, child.count, {
        choose: [child.path, () => this.#choose({name: child.path})],
        exclude: [`Exclude ${child.path}`, () => this.#filter(notBelow(child.path))],
      });
      return child.children.size ? this.#branch(entry, child.path, () => this.#tree(child)) : entry;
    });
  }

  /** An entry with children, which a button shows. @param {HTMLElement} entry @param {string} name @param {() => HTMLElement[]} make */
  #branch(entry, name, make) {
    const list = h('ul', {});
    const button = h('button', {class: 'quiet toggle', 'aria-label': `Loggers below ${name}`, onclick: () => {
      this.#unfolded[this.#unfolded.has(name) ? 'delete' : 'add'](name);
      show();
    }}, '▸');
    const show = () => {
      list.hidden = !this.#unfolded.has(name);
      button.setAttribute('aria-expanded', String(!list.hidden));
      if (!list.hidden && !list.children.length) list.append(...make());
    };
    show();
    return h('li', {}, h('div', {class: 'value-item'}, button, ...entry.childNodes), list);
  }

  /** @param {Facet} facet */
  #values({field, values, distinct}) {
    const items = values.map(({value, count}) => item(String(value), count, {
      choose: [`${field} = ${value}`, () => this.#filter(equals(field, value))],
      exclude: [`Exclude ${field} = ${value}`, () => this.#filter(differs(field, value))],
    }));
    const left = distinct - values.length;
    return left > 0 ? [...items, h('li', {class: 'hint'}, `${grouped(left)} more values`)] : items;
  }

  /** @param {Partial<import('./url-state.js').LogState>} changes */
  #choose(changes) {
    this.dispatchEvent(new CustomEvent('choose', {detail: changes}));
  }

  /** @param {string} expression */
  #filter(expression) {
    this.dispatchEvent(new CustomEvent('filter', {detail: expression}));
  }
}

customElements.define('facet-list', FacetList);

/** Whether a choice between its values is useful. @param {{distinct: number, total: number}} facet */
export function isUseful({distinct, total}) {
  return distinct > 1 && (distinct <= total * UNIQUE || total < VALUES);
}

/**
 * Fields by how useful a choice between their values is: first those with few values, of these the
 * ones that most records have; last those with one value, or with a different one in each record.
 *
 * @param {string[]} names
 * @param {Record<string, any>[]} rows values by field, of some records
 */
export function ranked(names, rows) {
  const places = new Map(names.map((name) => {
    const values = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
    const total = values.length;
    const distinct = new Set(values).size;
    const kind = !isUseful({distinct, total}) ? 2 : distinct > VALUES ? 1 : 0;
    return [name, [kind, -total, distinct]];
  }));
  return [...names].sort((a, b) => {
    const [first, second] = [places.get(a) ?? [], places.get(b) ?? []];
    return first.map((place, i) => place - second[i]).find(Boolean) ?? 0;
  });
}

/** Loggers by the parts of their names. @param {{value: string, count: number}[]} values @returns {LoggerNode} */
export function asTree(values) {
  /** @type {LoggerNode} */
  const root = {name: '', path: '', count: 0, children: new Map()};
  for (const {value, count} of values) {
    let node = root;
    const parts = value.split('.');
    parts.forEach((name, depth) => {
      let child = node.children.get(name);
      if (!child) {
        child = {name, path: parts.slice(0, depth + 1).join('.'), count: 0, children: new Map()};
        node.children.set(name, child);
      }
      child.count += count;
      node = child;
    });
  }
  return root;
}

/** @param {string} title @param {boolean} open */
function section(title, open) {
  return h('details', {class: 'facet', open}, h('summary', {}, h('h2', {}, visible(title))), h('ul', {}));
}

/** @param {HTMLElement} part @param {HTMLElement[]} items */
function fill(part, items) {
  part.querySelector('ul')?.replaceChildren(...(items.length ? items : [h('li', {class: 'hint'}, 'None')]));
}

/**
 * @param {string} text
 * @param {number} count
 * @param {Record<string, [string, () => void]>} actions
 */
function item(text, count, {choose, only, exclude}) {
  const act = (/** @type {() => void} */ action) => (/** @type {Event} */ event) => {
    event.preventDefault();
    action();
  };
  const shown = text === '' ? '(empty)' : visible(text.slice(0, 200));
  return h('li', {class: 'value-item'},
    h('button', {class: 'quiet choose', title: choose[0], onclick: act(choose[1])}, shown),
    only && h('button', {class: 'quiet side', title: only[0], 'aria-label': only[0], onclick: act(only[1])}, '='),
    h('button', {class: 'quiet side', title: exclude[0], 'aria-label': exclude[0], onclick: act(exclude[1])}, '≠'),
    h('span', {class: 'count'}, grouped(count)));
}
