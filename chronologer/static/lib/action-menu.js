/**
 * Menus of actions: a button that opens a list of which one is done, by a click or by Enter. Arrow
 * keys only move in it, unlike those of a closed `<select>`.
 */

import {h} from './dom.js';
import {placeBelow} from './menu.js';

/** @typedef {{text: string, act: () => void}} Action */

/** A button with a menu of actions. @param {string} text @param {string} title @param {() => Action[]} actions */
export function menuButton(text, title, actions) {
  const button = h('button', {'aria-haspopup': 'menu', 'aria-label': title, title, onclick: () => showMenu(button, actions())}, text);
  return button;
}

/** Open a menu below a button, which has the focus again when it is closed. @param {HTMLElement} button @param {Action[]} actions */
export function showMenu(button, actions) {
  document.getElementById('action-menu')?.remove();
  const menu = h('div', {id: 'action-menu', class: 'menu', role: 'menu', popover: 'auto'},
    ...actions.map(({text, act}) => h('button', {role: 'menuitem', onclick: () => {
      menu.hidePopover();
      act();
    }}, text)));
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
    const hadFocus = document.activeElement === document.body || menu.contains(document.activeElement);
    menu.remove();
    if (hadFocus) button.focus();
  });
  menu.addEventListener('keydown', (event) => moveFocus(menu, event));
  document.body.append(menu);
  menu.showPopover();
  placeBelow(menu, button);
  /** @type {HTMLElement} */ (menu.firstElementChild).focus();
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveFocus(menu, event) {
  const items = /** @type {HTMLElement[]} */ ([...menu.children]);
  const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = {ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1}[event.key];
  event.stopPropagation();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}
