/**
 * <facet-list>: levels, loggers as a tree, and the values of fields, with counts.
 *
 * `ask(params)` begins anew; events `choose` with changes of the state, `filter` with an
 * expression.
 */

import {Slot, get} from './api.js';
import {h} from './dom.js';
import {differs, equals, notBelow} from './filter.js';
import {grouped, levelParameter, levelText, visible} from './text.js';

const MOST_FIELDS = 200;
const EAGER = 12; // fields that are counted without being asked
const VALUES = 20;
const UNIQUE = 0.9; // more distinct values than that part of the sample tell nothing

/** @typedef {{field: string, values: {value: any, count: number}[], distinct: number, total: number}} Facet */
/** @typedef {{name: string, path: string, count: number, children: Map<string, Node>}} Node */

export class FacetList extends HTMLElement {
  #slot = new Slot();
  /** @type {Record<string, string>} */
  #parameters = {};
  #levels = section('Level', true);
  #loggers = section('Logger', true);
  #fields = h('div', {class: 'fields'});
  #folded = section('Other fields', false);
  /** @type {Set<string>} */
  #wanted = new Set();
  /** @type {Set<string>} loggers below which others are shown */
  #unfolded = new Set();

  connectedCallback() {
    this.append(this.#levels, this.#loggers, this.#fields, this.#folded);
    this.#folded.hidden = true;
  }

  /** Count among what the parameters choose. @param {Record<string, string>} parameters */
  async ask(parameters) {
    this.#parameters = parameters;
    await this.#slot.run(async (signal) => {
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
  want(field) {
    this.#wanted.add(field);
    this.ask(this.#parameters).catch(() => {});
  }

  /** @param {AbortSignal} signal */
  async #askFields(signal) {
    const {fields} = await get('field', {prefix: 'data.', limit: MOST_FIELDS}, signal);
    const names = [...new Set([...this.#wanted, ...fields.map((/** @type {any} */ {field}) => field)])];
    const eager = names.slice(0, Math.max(EAGER, this.#wanted.size));
    const shown = [];
    const folded = names.slice(eager.length);
    for (const field of eager) {
      const facet = await get('facet', {...this.#parameters, field, limit: VALUES}, signal);
      if (signal.aborted) return;
      if (this.#wanted.has(field) || isTelling(facet)) shown.push(facet);
      else folded.push(field);
    }
    this.#fields.replaceChildren(...shown.map((facet) => {
      const part = section(facet.field, true);
      fill(part, this.#values(facet));
      return part;
    }));
    this.#folded.hidden = !folded.length;
    fill(this.#folded, folded.map((field) => h('li', {},
      h('button', {class: 'quiet', title: `Count the values of ${field}`, onclick: () => this.want(field)}, visible(field)))));
  }

  /** @param {{value: number, count: number}} entry */
  #level({value, count}) {
    return item(levelText(value), count, {
      choose: ['this level and worse', () => this.#choose({level: levelParameter(value)})],
      only: ['only this level', () => this.#filter(equals('level', value))],
      exclude: ['all but this level', () => this.#filter(differs('level', value))],
    });
  }

  /** @param {Node} node @returns {HTMLElement[]} */
  #tree(node) {
    return [...node.children.values()].sort((a, b) => b.count - a.count).map((child) => {
      const entry = item(child.name, child.count, {
        choose: [child.path, () => this.#choose({name: child.path})],
        exclude: [`all but ${child.path}`, () => this.#filter(notBelow(child.path))],
      });
      return child.children.size ? this.#branch(entry, child.path, () => this.#tree(child)) : entry;
    });
  }

  /** An entry with others below it, shown by a button. @param {HTMLElement} entry @param {string} name @param {() => HTMLElement[]} make */
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
      exclude: [`${field} is not ${value}`, () => this.#filter(differs(field, value))],
    }));
    const left = distinct - values.length;
    return left > 0 ? [...items, h('li', {class: 'hint'}, `and ${grouped(left)} other values`)] : items;
  }

  /** @param {Partial<import('./state.js').State>} changes */
  #choose(changes) {
    this.dispatchEvent(new CustomEvent('choose', {detail: changes}));
  }

  /** @param {string} expression */
  #filter(expression) {
    this.dispatchEvent(new CustomEvent('filter', {detail: expression}));
  }
}

/** Whether a choice between its values means anything. @param {Facet} facet */
export function isTelling({distinct, total}) {
  return distinct > 1 && (distinct <= total * UNIQUE || total < VALUES);
}

/** Loggers by the parts of their names. @param {{value: string, count: number}[]} values @returns {Node} */
export function asTree(values) {
  /** @type {Node} */
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
  part.querySelector('ul')?.replaceChildren(...(items.length ? items : [h('li', {class: 'hint'}, 'none')]));
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
