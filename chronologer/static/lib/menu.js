/** Panels that open below a button. */

import {h} from './dom.js';

const MARGIN = 4; // pixels from the button and from the edges of the window

/**
 * A button with a panel, which is filled when it opens.
 *
 * @param {string} id
 * @param {string} text
 * @param {(panel: HTMLElement) => void | Promise<void>} fill
 */
export function menu(id, text, fill) {
  const panel = h('div', {id, popover: 'auto', class: 'panel', role: 'dialog', 'aria-label': text});
  const button = h('button', {popovertarget: id, 'aria-haspopup': 'dialog'}, text);
  panel.addEventListener('toggle', async (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open') return;
    await fill(panel);
    placeBelow(panel, button);
  });
  return h('span', {class: 'menu-holder'}, button, panel);
}

/** Move an open popover below a button, within the window. @param {HTMLElement} panel @param {HTMLElement} button */
export function placeBelow(panel, button) {
  const {left, bottom} = button.getBoundingClientRect();
  const within = (/** @type {number} */ position, /** @type {number} */ room) => `${Math.max(MARGIN, Math.min(position, room - MARGIN))}px`;
  panel.style.left = within(left, innerWidth - panel.offsetWidth);
  panel.style.top = within(bottom + MARGIN, innerHeight - panel.offsetHeight);
}
