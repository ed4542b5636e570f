/** The menus of the toolbar: saved searches, columns, export, and view. */

import {formatState} from './url-state.js';
import {address, get, put} from '../lib/api.js';
import {h} from '../lib/dom.js';
import {menu} from '../lib/menu.js';
import {prefer, preference} from '../lib/preferences.js';
import {counted, visible} from '../lib/text.js';

/** @typedef {import('./url-state.js').UrlState} UrlState */

/** Saved searches, which all users share. @param {UrlState} url */
export function savedMenu(url) {
  return menu('saved-panel', 'Saved', async function fill(panel) {
    const {saved, failure} = await get('saved').catch((error) => ({saved: [], failure: error.message}));
    const name = /** @type {HTMLInputElement} */ (h('input', {id: 'saved-name', required: true, maxlength: 200, placeholder: 'Errors in checkout'}));
    const problem = h('p', {class: 'problem', role: 'alert'});
    const save = async () => {
      const state = formatState({...url.state, id: '', other: ''}) || 'range=24h';
      try {
        await put(`saved/${encodeURIComponent(name.value)}`, {state});
        await fill(panel);
        panel.querySelector('input')?.focus(); // the one that had the focus has been replaced
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
      }
    };
    panel.replaceChildren(
      h('ul', {class: 'plain'}, ...saved.map((/** @type {any} */ entry) => h('li', {},
        h('a', {href: `./?${entry.state}`}, visible(entry.name))))),
      failure ? h('p', {class: 'problem', role: 'alert'}, failure)
        : saved.length ? '' : h('p', {class: 'hint'}, 'No searches are saved yet.'),
      h('form', {onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        save();
      }}, h('label', {for: 'saved-name'}, 'Save this search as'), name, problem,
      h('button', {class: 'primary', type: 'submit'}, 'Save')),
      h('p', {class: 'hint'}, h('a', {href: './saved'}, 'Manage saved searches')),
    );
  });
}

/** Fields that are columns. @param {UrlState} url */
export function columnMenu(url) {
  return menu('column-panel', 'Columns', async function fill(panel) {
    const {fields} = await get('field', {limit: 200}).catch(() => ({fields: []}));
    const {cols} = url.state;
    const set = (/** @type {string[]} */ changed) => {
      url.set({cols: changed});
      return fill(panel);
    };
    const swap = (/** @type {number} */ i) => set([...cols.slice(0, i - 1), cols[i], cols[i - 1], ...cols.slice(i + 1)]);
    const input = /** @type {HTMLInputElement} */ (h('input', {id: 'column-name', list: 'column-names', placeholder: 'data.user'}));
    panel.replaceChildren(
      h('ol', {class: 'plain'}, ...cols.map((field, index) => h('li', {},
        h('span', {class: 'choose'}, field),
        index > 0 && h('button', {class: 'quiet side', title: 'Move left', 'aria-label': `Move ${field} left`, onclick: () => swap(index)}, '←'),
        h('button', {class: 'quiet side', title: 'Remove', 'aria-label': `Remove ${field}`, onclick: () => set(cols.filter((name) => name !== field))}, '×')))),
      h('form', {onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        const field = input.value.trim();
        if (!field || cols.includes(field)) return;
        await set([...cols, field]);
        panel.querySelector('input')?.focus(); // the one that had the focus has been replaced
      }}, h('label', {for: 'column-name'}, 'Add a column'), input,
      h('datalist', {id: 'column-names'}, ...fields.map((/** @type {any} */ {field}) => h('option', {value: field}))),
      h('button', {class: 'primary', type: 'submit'}, 'Add')),
    );
  });
}

/**
 * All matching records as a file.
 *
 * @param {UrlState} url
 * @param {() => {parameters: Record<string, string>, count: number | null}} result of the last request
 */
export function exportMenu(url, result) {
  return menu('export-panel', 'Export', (panel) => {
    const {parameters, count} = result();
    const {cols, order} = url.state;
    const link = (/** @type {string} */ format, /** @type {string} */ text) => {
      const fields = cols.length && format !== 'ndjson' ? {fields: cols.join(',')} : {};
      return h('li', {}, h('a', {href: address('export', {...parameters, ...fields, order, format}), download: ''}, text));
    };
    panel.replaceChildren(
      h('p', {}, 'Download ', count === null ? 'all matching records' : counted(count, 'record'), ' as'),
      h('ul', {class: 'plain'}, link('ndjson', 'NDJSON, with all fields'), link('csv', 'CSV'), link('text', 'Text')),
      h('p', {class: 'hint'}, 'The file is complete unless its last line reports an error.'),
    );
  });
}

/**
 * Preferences for rows and facets.
 *
 * @param {(name: string) => void} apply called with the name of one that has changed
 * @param {() => string} whyNoFacets why facets cannot be shown now, or empty
 */
export function viewMenu(apply, whyNoFacets) {
  return menu('view-panel', 'View', (panel) => {
    const toggle = (/** @type {string} */ name, /** @type {string} */ text, why = '') => h('label', {class: 'check'},
      h('input', {type: 'checkbox', checked: preference(name), disabled: Boolean(why), onchange: (/** @type {Event} */ event) => {
        prefer(name, /** @type {HTMLInputElement} */ (event.target).checked);
        apply(name);
      }}), text, why && h('span', {class: 'hint'}, why));
    panel.replaceChildren(toggle('wrap', 'Wrap lines'), toggle('dense', 'Compact rows'),
      toggle('facets', 'Show facets', whyNoFacets()));
  });
}
