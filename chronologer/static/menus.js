/** The menus of the toolbar: saved searches, columns, export, and settings. */

import {address, get, put, remove} from './api.js';
import {h, say} from './dom.js';
import {applyTheme, prefer, preference} from './preferences.js';
import {formatState, parseState} from './state.js';
import {counted, visible} from './text.js';

/** @typedef {import('./state.js').Store} Store */

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
    const {left, bottom} = button.getBoundingClientRect();
    panel.style.left = `${Math.max(4, Math.min(left, innerWidth - panel.offsetWidth - 4))}px`;
    panel.style.top = `${bottom + 4}px`;
  });
  return h('span', {class: 'menu-holder'}, button, panel);
}

/** Searches that everybody sees. @param {Store} store */
export function savedMenu(store) {
  return menu('saved-panel', 'Saved', async function fill(panel) {
    const {saved} = await get('saved').catch(() => ({saved: []}));
    const name = /** @type {HTMLInputElement} */ (h('input', {id: 'saved-name', required: true, maxlength: 200, placeholder: 'name of this search'}));
    const problem = h('p', {class: 'problem', role: 'alert'});
    const change = async (/** @type {() => Promise<void>} */ work) => {
      try {
        await work();
        await fill(panel);
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
      }
    };
    panel.replaceChildren(
      h('ul', {class: 'plain'}, ...saved.map((/** @type {any} */ entry) => h('li', {},
        h('button', {class: 'quiet choose', onclick: () => {
          panel.hidePopover();
          store.set({...parseState(entry.state), id: '', other: ''});
        }}, visible(entry.name)),
        h('button', {class: 'quiet side', title: 'Forget it', 'aria-label': `Forget ${entry.name}`,
          onclick: () => change(() => remove(`saved/${encodeURIComponent(entry.name)}`))}, '×')))),
      saved.length ? '' : h('p', {class: 'hint'}, 'Nothing is saved yet.'),
      h('form', {onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const state = formatState({...store.state, id: '', other: ''}) || 'range=24h';
        change(() => put(`saved/${encodeURIComponent(name.value)}`, {state}));
      }}, h('label', {for: 'saved-name'}, 'Save what is shown'), name, problem,
      h('button', {class: 'primary', type: 'submit'}, 'Save')),
    );
  });
}

/** Which fields are columns. @param {Store} store */
export function columnMenu(store) {
  return menu('column-panel', 'Columns', async function fill(panel) {
    const {fields} = await get('field', {limit: 200}).catch(() => ({fields: []}));
    const {cols} = store.state;
    const set = (/** @type {string[]} */ changed) => {
      store.set({cols: changed});
      fill(panel);
    };
    const swap = (/** @type {number} */ i) => set([...cols.slice(0, i - 1), cols[i], cols[i - 1], ...cols.slice(i + 1)]);
    const input = /** @type {HTMLInputElement} */ (h('input', {id: 'column-name', list: 'column-names', placeholder: 'data.user'}));
    panel.replaceChildren(
      h('ol', {class: 'plain'}, ...cols.map((field, index) => h('li', {},
        h('span', {class: 'choose'}, field),
        index > 0 && h('button', {class: 'quiet side', title: 'To the left', 'aria-label': `${field} to the left`, onclick: () => swap(index)}, '←'),
        h('button', {class: 'quiet side', title: 'Remove', 'aria-label': `Remove ${field}`, onclick: () => set(cols.filter((name) => name !== field))}, '×')))),
      h('form', {onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const field = input.value.trim();
        if (field && !cols.includes(field)) set([...cols, field]);
      }}, h('label', {for: 'column-name'}, 'Add a field as a column'), input,
      h('datalist', {id: 'column-names'}, ...fields.map((/** @type {any} */ {field}) => h('option', {value: field}))),
      h('button', {class: 'primary', type: 'submit'}, 'Add')),
    );
  });
}

/**
 * All that matches, as a file.
 *
 * @param {Store} store
 * @param {() => {parameters: Record<string, string>, count: number | null}} ask
 */
export function exportMenu(store, ask) {
  return menu('export-panel', 'Export', (panel) => {
    const {parameters, count} = ask();
    const {cols, order} = store.state;
    const link = (/** @type {string} */ format, /** @type {string} */ text) => {
      const fields = cols.length && format !== 'ndjson' ? {fields: cols.join(',')} : {};
      return h('li', {}, h('a', {href: address('export', {...parameters, ...fields, order, format}), download: ''}, text));
    };
    panel.replaceChildren(
      h('p', {}, count === null ? 'All records that match' : `${counted(count, 'record')}, all that match`, ', as'),
      h('ul', {class: 'plain'}, link('ndjson', 'NDJSON, whole records'), link('csv', 'CSV'), link('text', 'text')),
      h('p', {class: 'hint'}, 'The file is complete unless its last line is an error.'),
    );
  });
}

/**
 * How it looks, and who is there.
 *
 * @param {() => void} redraw
 * @param {() => Promise<void>} signOut
 */
export function settingsMenu(redraw, signOut) {
  return menu('settings-panel', 'View', async (panel) => {
    const session = await get('session').catch(() => null);
    const toggle = (/** @type {string} */ name, /** @type {string} */ text) => h('label', {class: 'check'},
      h('input', {type: 'checkbox', checked: preference(name), onchange: (/** @type {Event} */ event) => {
        prefer(name, /** @type {HTMLInputElement} */ (event.target).checked);
        redraw();
      }}), text);
    panel.replaceChildren(
      toggle('wrap', 'Wrap lines'), toggle('dense', 'Dense rows'), toggle('facets', 'Facets'),
      h('label', {for: 'theme'}, 'Colours'),
      h('select', {id: 'theme', onchange: (/** @type {Event} */ event) => {
        prefer('theme', /** @type {HTMLSelectElement} */ (event.target).value);
        applyTheme();
      }}, ...['system', 'light', 'dark'].map((theme) => h('option', {value: theme, selected: theme === preference('theme')}, theme))),
      h('hr'),
      session ? h('p', {class: 'hint'}, `Signed in as ${session.username} · Chronologer ${session.version}`) : '',
      h('button', {onclick: () => signOut().catch((error) => say(error.message))}, 'Sign out'),
    );
  });
}
