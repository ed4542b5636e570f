/** What keys do, and the sheet that says so. */

import {h} from './dom.js';

/** @type {[string[], string, string][]} keys, action, what it does */
export const KEYS = [
  [['/'], 'search', 'type a search'],
  [['j', 'ArrowDown'], 'next', 'next record'],
  [['k', 'ArrowUp'], 'previous', 'previous record'],
  [['Enter'], 'open', 'open the record'],
  [['Escape'], 'close', 'close it; then back from a zoom'],
  [['e'], 'next-error', 'next error'],
  [['E'], 'previous-error', 'previous error'],
  [['w'], 'next-warning', 'next warning'],
  [['W'], 'previous-warning', 'previous warning'],
  [['t'], 'tail', 'follow the log, or stop'],
  [['d'], 'time', 'choose the time'],
  [['c'], 'copy-link', 'copy a link to what is shown'],
  [['?'], 'help', 'this sheet'],
];

/**
 * Call back with an action for each key, but for those that are typed or belong to a control.
 *
 * @param {(action: string) => boolean} act whether it was anything
 */
export function listen(act) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest('input, textarea, select, [contenteditable], dialog, [popover]')) return;
    if (['Enter', 'ArrowDown', 'ArrowUp'].includes(event.key) && target.closest('button, a, summary, pre')) return;
    const entry = KEYS.find(([keys]) => keys.includes(event.key));
    if (entry && act(entry[1])) event.preventDefault();
  });
}

/** The help sheet. */
export function showHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (h('dialog', {class: 'help', 'aria-label': 'Keys'},
    h('h2', {}, 'Keys'),
    h('table', {}, h('tbody', {}, ...KEYS.map(([keys, , text]) => h('tr', {},
      h('th', {scope: 'row'}, ...keys.map((key) => h('kbd', {}, key.replace('Arrow', '')))),
      h('td', {}, text))))),
    h('p', {class: 'hint'}, 'Words find text anywhere, "in quotes" a phrase, -word leaves it out. ',
      "An expression such as level >= 40 AND data.user = 'bob' compares columns and fields."),
    h('form', {method: 'dialog'}, h('button', {class: 'primary'}, 'Close'))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
