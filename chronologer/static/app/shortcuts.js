/** Keyboard shortcuts: those of the page that is shown, and the help that lists them. */

import {h} from '../lib/dom.js';

/** @typedef {[string[], string, string]} Key keys, action, description */
/** @typedef {{keys: Key[], act: (action: string) => boolean, hint?: string}} Shortcuts */

/** @type {Key[]} of every page */
const SHELL_KEYS = [[['?'], 'help', 'show these shortcuts']];

/**
 * Call *act* with the action of each key that is pressed, except while a person types, a menu is
 * open, or a control uses the key itself.
 *
 * @param {() => Key[]} pageKeys of the page that is shown
 * @param {(action: string) => boolean} act returns whether it did anything
 */
export function listen(pageKeys, act) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector(':popover-open, dialog[open]')) return; // keys are for what is in front
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest('input, textarea, select, [contenteditable]')) return;
    if (['Enter', 'ArrowDown', 'ArrowUp'].includes(event.key) && target.closest('button, a, summary, pre, [role=separator]')) return;
    const entry = [...pageKeys(), ...SHELL_KEYS].find(([keys]) => keys.includes(event.key));
    if (entry && act(entry[1])) event.preventDefault();
  });
}

/** Show the list of shortcuts. @param {Key[]} pageKeys @param {string} hint a paragraph below it */
export function showHelp(pageKeys, hint) {
  const rows = [...pageKeys, ...SHELL_KEYS].map(([keys, , text]) => h('tr', {},
    h('th', {scope: 'row'}, ...keys.map((key) => h('kbd', {}, key.replace('Arrow', '')))),
    h('td', {}, text)));
  const dialog = /** @type {HTMLDialogElement} */ (h('dialog', {class: 'help', 'aria-label': 'Keyboard shortcuts'},
    h('h2', {}, 'Keyboard shortcuts'),
    h('table', {}, h('tbody', {}, ...rows)),
    hint && h('p', {class: 'hint'}, hint),
    h('form', {method: 'dialog'}, h('button', {class: 'primary'}, 'Close'))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
