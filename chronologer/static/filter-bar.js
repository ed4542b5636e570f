/**
 * <filter-bar>: what the list is narrowed by, each to be taken away; and the lowest level.
 *
 * Property `state`, and `level`, a control to be put elsewhere; event `choose` with changes of the state.
 */

import {h} from './dom.js';
import {LEVELS, visible} from './text.js';

export class FilterBar extends HTMLElement {
  level = /** @type {HTMLSelectElement} */ (h('select', {id: 'level', 'aria-label': 'Lowest level', title: 'Lowest level',
    onchange: () => this.#fire({level: this.level.value})}));
  #chips = h('ul', {class: 'chips', 'aria-label': 'Filters'});

  connectedCallback() {
    this.append(this.#chips);
  }

  /** @param {import('./state.js').State} state */
  set state({level, name, filters, around, scope}) {
    const names = LEVELS.map(([, text]) => text).reverse();
    if (level && !names.includes(level)) names.push(level);
    this.level.replaceChildren(h('option', {value: ''}, 'All levels'),
      ...names.map((text) => h('option', {value: text, selected: text === level}, /^[A-Z]+$/.test(text) ? `${text} +` : `level ${text} +`)));
    this.#chips.replaceChildren(
      ...(around ? [this.#chip(`around #${around}: ${scope}`, {around: '', scope: 'all'})] : []),
      ...(name ? [this.#chip(`logger ${name}`, {name: ''})] : []),
      ...filters.map((filter) => this.#chip(filter, {filters: filters.filter((other) => other !== filter)})),
    );
  }

  /** @param {string} text @param {Partial<import('./state.js').State>} without */
  #chip(text, without) {
    return h('li', {class: 'chip'}, h('code', {title: text}, visible(text.slice(0, 120))),
      h('button', {class: 'quiet', title: 'Take it away', 'aria-label': `Take away ${text}`, onclick: () => this.#fire(without)}, '×'));
  }

  /** @param {Partial<import('./state.js').State>} changes */
  #fire(changes) {
    this.dispatchEvent(new CustomEvent('choose', {detail: changes}));
  }
}
