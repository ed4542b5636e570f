/**
 * A value as a tree, with types and a menu for each value.
 *
 * Fires `value-action` with `{action, field, value}` that bubbles; an action is one of
 * filter, exclude, column, facet.
 */

import {fieldName} from './filter.js';
import {copyText, h} from '../lib/dom.js';
import {showMenu} from '../lib/action-menu.js';
import {counted, toJson, visible} from '../lib/text.js';

const SHOWN = 200; // entries of one object, until a click shows more
const LONG = 2000; // characters of a text, until a click shows all

/**
 * @param {any} value
 * @param {(string | number)[]} path
 */
export function valueTree(value, path) {
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  const list = h('ul', {class: 'tree'});
  const add = (/** @type {number} */ from) => {
    list.append(...entries.slice(from, from + SHOWN).map(([key, item]) => entry(key, item, [...path, key])));
    const left = entries.length - from - SHOWN;
    if (left <= 0) return;
    const button = h('button', {onclick: () => {
      more.remove();
      add(from + SHOWN);
    }}, `${counted(left, 'more entry').replace('entrys', 'entries')}`);
    const more = h('li', {}, button);
    list.append(more);
  };
  add(0);
  return list;
}

/** @param {string | number} key @param {any} value @param {(string | number)[]} path */
function entry(key, value, path) {
  const label = h('span', {class: 'key'}, visible(String(key).slice(0, 300)));
  if (value === null || typeof value !== 'object') {
    return h('li', {class: 'leaf'}, label, scalar(value), actions(value, path),
      h('span', {class: 'type'}, typeName(value)));
  }
  const isArray = Array.isArray(value);
  const size = isArray ? value.length : Object.keys(value).length;
  const note = isArray ? counted(size, 'item') : counted(size, 'field');
  const details = /** @type {HTMLDetailsElement} */ (h('details', {},
    h('summary', {}, label, h('span', {class: 'type'}, isArray ? 'array' : 'object'), ` ${note}`)));
  const fill = () => {
    if (details.open && details.children.length === 1) details.append(valueTree(value, path));
  };
  details.addEventListener('toggle', fill);
  details.open = path.length < 4 && size < 30;
  fill();
  return h('li', {}, details);
}

/** @param {string | number | bigint | boolean | null} value */
function scalar(value) {
  const text = typeof value === 'string' ? value : toJson(value);
  const shown = h('span', {class: `value ${typeName(value)}`}, visible(text.slice(0, LONG)));
  if (text.length <= LONG) return h('span', {class: 'scalar'}, shown);
  const button = h('button', {onclick: () => {
    shown.textContent = visible(text);
    button.remove();
  }}, `All ${counted(text.length, 'character')}`);
  return h('span', {class: 'scalar'}, shown, button);
}

/** @param {string | number | bigint | boolean | null} value */
function typeName(value) {
  if (value === null) return 'null';
  return {string: 'text', bigint: 'number'}[/** @type {string} */ (typeof value)] ?? typeof value;
}

/** @param {any} value @param {(string | number)[]} path */
function actions(value, path) {
  const field = fieldName(path);
  const canFilter = typeof value !== 'string' || value.length <= 1000;
  const button = h('button', {class: 'quiet menu-button', title: `Actions for ${field}`,
    'aria-haspopup': 'menu', 'aria-label': `Actions for ${field}`,
    onclick: () => showActions(button, field, value, canFilter)}, '⋯');
  return button;
}

/** @param {HTMLElement} button @param {string} field @param {any} value @param {boolean} canFilter */
function showActions(button, field, value, canFilter) {
  const fire = (/** @type {string} */ action) => () =>
    button.dispatchEvent(new CustomEvent('value-action', {bubbles: true, detail: {action, field, value}}));
  showMenu(button, [
    ...(canFilter ? [{text: 'Filter for this value', act: fire('filter')}, {text: 'Exclude this value', act: fire('exclude')}] : []),
    {text: 'Show as column', act: fire('column')},
    {text: 'Show as facet', act: fire('facet')},
    {text: 'Copy value', act: () => copyText(typeof value === 'string' ? value : toJson(value))},
    {text: 'Copy field name', act: () => copyText(field)},
  ]);
}
