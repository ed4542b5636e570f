/** The menu of the person who is signed in: colours, name, signing out. */

import {get, remove} from '../lib/api.js';
import {h, notify} from '../lib/dom.js';
import {menu} from '../lib/menu.js';
import {applyTheme, prefer, preference} from '../lib/preferences.js';

const THEMES = [['system', 'Like the system'], ['light', 'Light'], ['dark', 'Dark']];

/** A button with its panel. */
export function accountMenu() {
  return menu('account-panel', 'Account', async (panel) => {
    const session = await get('session').catch(() => null);
    panel.replaceChildren(
      session ? h('p', {}, 'Signed in as ', h('strong', {}, session.username)) : '',
      h('label', {for: 'theme'}, 'Colours'),
      h('select', {id: 'theme', onchange: (/** @type {Event} */ event) => {
        prefer('theme', /** @type {HTMLSelectElement} */ (event.target).value);
        applyTheme();
      }}, ...THEMES.map(([theme, text]) => h('option', {value: theme, selected: theme === preference('theme')}, text))),
      h('hr'),
      h('button', {onclick: () => signOut().catch((error) => notify(error.message))}, 'Sign out'),
      session ? h('p', {class: 'hint'}, `Chronologer ${session.version}`) : '',
    );
  });
}

async function signOut() {
  await remove('session');
  prefer('user', '');
  location.reload(); // nothing of what was shown stays behind
}
