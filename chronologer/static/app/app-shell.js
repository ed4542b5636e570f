/**
 * <app-shell>: the navigation, the page that the address leads to, and signing in.
 *
 *     <header> <a class="brand"> <nav> <a> … </nav> <button> … </header> <main> <log-page> </main>
 *
 * A page is an element that starts when it is connected and stops when it is disconnected. It may
 * have `keys`, the table of its keyboard shortcuts, `act(action)`, which is called for one of them,
 * and `hint`, a paragraph for the help.
 */

import {accountMenu} from './account-menu.js';
import {Router} from './router.js';
import {PAGES} from './pages.js';
import {listen, showHelp} from './shortcuts.js';
import {get} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {onSignOutElsewhere, prefer, preference} from '../lib/preferences.js';

/** @typedef {import('./pages.js').Page} Page */
/** @typedef {HTMLElement & Partial<import('./shortcuts.js').Shortcuts>} PageElement */

const ICON = new URL('icon.svg', import.meta.url).href;

export class AppShell extends HTMLElement {
  #router = new Router();
  #main = h('main', {tabindex: -1});
  /** @type {Map<Page, HTMLAnchorElement>} */
  #links = new Map(PAGES.map((page) => [page, /** @type {HTMLAnchorElement} */ (h('a', {href: `./${page.path}`}, page.title))]));
  /** @type {PageElement | null} */
  #shown = null;

  connectedCallback() {
    this.append(
      h('header', {class: 'top'},
        h('a', {href: './', class: 'brand', title: 'Chronologer'}, h('img', {src: ICON, alt: 'Chronologer', width: 22, height: 22})),
        h('nav', {'aria-label': 'Pages'}, ...this.#links.values()),
        accountMenu(),
        h('button', {class: 'help-button', title: 'Keyboard shortcuts (?)', 'aria-label': 'Keyboard shortcuts', onclick: () => this.#help()}, '?')),
      this.#main,
    );
    this.#router.addEventListener('leave', () => this.#keepAddress());
    this.#router.addEventListener('enter', () => this.#enter(true));
    window.addEventListener('signed-out', () => this.#requireSignIn());
    onSignOutElsewhere(() => this.#requireSignIn());
    document.addEventListener('visibilitychange', () => this.#checkSession());
    window.addEventListener('focus', () => this.#checkSession());
    listen(() => this.#shown?.keys ?? [], (action) => this.#act(action));
    this.#start();
  }

  /** Find out whether there is a session before a page is shown, unless there was one before. */
  async #start() {
    if (!preference('user')) {
      try {
        prefer('user', (await get('session')).username);
      } catch (error) {
        if (/** @type {any} */ (error).status === 401) return; // the form is shown by `signed-out`
      }
    }
    await this.#enter(false);
  }

  /** Show the page of the address. @param {boolean} takesFocus after a link, as a new document would */
  async #enter(takesFocus) {
    const {page} = this.#router;
    this.#leave();
    if (!page) return;
    document.title = page.path ? `${page.title} – Chronologer` : 'Chronologer';
    for (const [other, link] of this.#links) {
      if (other === page) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    try {
      await page.load();
    } catch {
      if (page === this.#router.page) this.#showFailure();
      return;
    }
    if (page !== this.#router.page || this.#shown || this.querySelector('sign-in')) return;
    this.#links.get(page)?.setAttribute('href', `./${page.path}`);
    this.#shown = /** @type {PageElement} */ (document.createElement(page.element));
    fill(this.#main, this.#shown);
    if (takesFocus) this.#main.focus();
  }

  #leave() {
    this.#shown = null;
    fill(this.#main);
  }

  /** The link to a page that is left leads back to what it showed. */
  #keepAddress() {
    const {page} = this.#router;
    if (page) this.#links.get(page)?.setAttribute('href', `./${page.path}${location.search}`);
  }

  #showFailure() {
    fill(this.#main, h('div', {class: 'failure'},
      h('p', {class: 'problem', role: 'alert'}, 'This page could not be loaded. The server may be down, or may have been upgraded.'),
      h('button', {class: 'primary', onclick: () => location.reload()}, 'Reload')));
  }

  #requireSignIn() {
    prefer('user', '');
    if (this.querySelector('sign-in')) return;
    this.#leave(); // nothing of what was shown stays behind the form, or before it
    for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
    for (const menu of document.querySelectorAll(':popover-open')) /** @type {HTMLElement} */ (menu).hidePopover();
    fill(/** @type {Element} */ (document.getElementById('notice')));
    document.title = 'Chronologer';
    const form = h('sign-in');
    form.addEventListener('signed-in', () => {
      form.remove();
      this.#start();
    });
    this.prepend(form);
  }

  /** Somebody who comes back may have been signed out meanwhile: `signed-out` is fired then. */
  #checkSession() {
    if (this.#shown && document.visibilityState === 'visible') get('session').catch(() => {});
  }

  #help() {
    showHelp(this.#shown?.keys ?? [], this.#shown?.hint ?? '');
  }

  /** @param {string} action @returns {boolean} whether it did anything */
  #act(action) {
    if (action !== 'help') return this.#shown?.act?.(action) ?? false;
    this.#help();
    return true;
  }
}

customElements.define('app-shell', AppShell);
