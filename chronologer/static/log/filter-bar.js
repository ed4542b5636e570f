/**
 * <filter-bar>: the filters, each with a button that removes it; and the control for the level.
 *
 * Property `state`, and `level`, a control for the toolbar; event `choose` with changes of the state.
 */

import {h} from '../lib/dom.js';
import {LEVELS, visible} from '../lib/text.js';

export class FilterBar extends HTMLElement {
  level = /** @type {HTMLSelectElement} */ (h('select', {id: 'level', 'aria-label': 'Lowest level', title: 'Lowest level',
    onchange: () => this.#fire({level: this.level.value})}));
  #chips = h('ul', {class: 'chips', 'aria-label': 'Filters'});

  connectedCallback() {
    this.append(this.#chips);
  }

  /** @param {import('./url-state.js').LogState} state */
  set state({level, name, filters, around, scope}) {
    const names = LEVELS.map(([, text]) => text).reverse();
    if (level && !names.includes(level)) names.push(level);
    // The context of a record has all that surrounds it: what narrowed the list does not apply.
    const applied = around ? '' : level;
    this.level.replaceChildren(h('option', {value: ''}, 'All levels'),
      ...names.map((text) => h('option', {value: text, selected: text === applied}, /^[A-Z]+$/.test(text) ? `${text} and above` : `Level ${text} and above`)));
    this.#chips.replaceChildren(
      ...(around ? [this.#chip(`context of #${around}: ${scope}`, {around: '', scope: 'all'})] : []),
      ...(name && !around ? [this.#chip(`logger ${name}`, {name: ''})] : []),
      ...(around ? [] : filters).map((filter) => this.#chip(filter, {filters: filters.filter((other) => other !== filter)})),
    );
  }

  /** @param {string} text @param {Partial<import('./url-state.js').LogState>} without */
  #chip(text, without) {
    return h('li', {class: 'chip'}, h('code', {title: text}, visible(text.slice(0, 120))),
      h('button', {class: 'quiet', title: 'Remove filter', 'aria-label': `Remove filter ${text}`, onclick: () => this.#fire(without)}, '×'));
  }

  /** @param {Partial<import('./url-state.js').LogState>} changes */
  #fire(changes) {
    this.dispatchEvent(new CustomEvent('choose', {detail: changes}));
  }
}

customElements.define('filter-bar', FilterBar);
