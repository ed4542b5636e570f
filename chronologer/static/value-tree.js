/**
 * A value as a tree, with types, and a menu on each value.
 *
 * Fires `value-action` with `{action, field, value}` that bubbles; an action is one of
 * filter, exclude, column, facet.
 */

import {copyText, h} from './dom.js';
import {fieldName} from './filter.js';
import {counted, toJson, visible} from './text.js';

const SHOWN = 200; // entries of one object, until asked for more
const LONG = 2000; // characters of a text, likewise

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
    return h('li', {class: 'leaf'}, label, scalar(value), actions(value, path));
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
  const type = value === null ? 'null' : typeof value === 'string' ? 'text' : typeof value === 'bigint' ? 'number' : typeof value;
  const text = typeof value === 'string' ? value : toJson(value);
  const shown = h('span', {class: `value ${type}`}, visible(text.slice(0, LONG)));
  const label = h('span', {class: 'type'}, type);
  if (text.length <= LONG) return h('span', {class: 'scalar'}, shown, label);
  const button = h('button', {onclick: () => {
    shown.textContent = visible(text);
    button.remove();
  }}, `all ${counted(text.length, 'character')}`);
  return h('span', {class: 'scalar'}, shown, button, label);
}

/** @param {any} value @param {(string | number)[]} path */
function actions(value, path) {
  const field = fieldName(path);
  const canFilter = typeof value !== 'string' || value.length <= 1000;
  const button = h('button', {class: 'quiet menu-button', title: `What to do with ${field}`,
    'aria-haspopup': 'menu', 'aria-label': `Actions for ${field}`,
    onclick: () => showMenu(button, field, value, canFilter)}, '⋯');
  return button;
}

/** @param {HTMLElement} button @param {string} field @param {any} value @param {boolean} canFilter */
function showMenu(button, field, value, canFilter) {
  document.getElementById('value-menu')?.remove();
  const fire = (/** @type {string} */ action) => () => {
    close();
    button.dispatchEvent(new CustomEvent('value-action', {bubbles: true, detail: {action, field, value}}));
  };
  const item = (/** @type {string} */ text, /** @type {() => void} */ onclick) =>
    h('button', {role: 'menuitem', onclick}, text);
  const menu = h('div', {id: 'value-menu', class: 'menu', role: 'menu', popover: 'auto'},
    canFilter && item('Filter for this value', fire('filter')),
    canFilter && item('Filter it out', fire('exclude')),
    item('Show as column', fire('column')),
    item('Count its values', fire('facet')),
    item('Copy value', () => {
      close();
      copyText(typeof value === 'string' ? value : toJson(value));
    }),
    item('Copy name', () => {
      close();
      copyText(field);
    }));
  const close = () => menu.hidePopover();
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
    menu.remove();
    button.focus();
  });
  menu.addEventListener('keydown', (event) => moveFocus(menu, event));
  document.body.append(menu);
  menu.showPopover();
  const {left, bottom} = button.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(left, innerWidth - menu.offsetWidth - 4))}px`;
  menu.style.top = `${Math.max(4, Math.min(bottom, innerHeight - menu.offsetHeight - 4))}px`;
  /** @type {HTMLElement} */ (menu.firstElementChild).focus();
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveFocus(menu, event) {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  event.stopPropagation();
  if (!step) return;
  event.preventDefault();
  const items = /** @type {HTMLElement[]} */ ([...menu.children]);
  const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  items[(index + step + items.length) % items.length].focus();
}
