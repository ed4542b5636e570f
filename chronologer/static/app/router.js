/** Decides which page is shown: by the address, which links change without loading the document. */

import {pageAt} from './pages.js';

/** @typedef {import('./pages.js').Page} Page */

/**
 * Fires `leave` before the address changes, and `enter` after it.
 *
 * A link always enters its page anew. Back and Forward enter a page only if it is another one:
 * the addresses within a page are its own matter.
 */
export class Router extends EventTarget {
  /** @type {Page | undefined} */
  page = pageAt(new URL(location.href));

  constructor() {
    super();
    document.addEventListener('click', (event) => this.#follow(event));
    window.addEventListener('popstate', () => {
      if (pageAt(new URL(location.href)) !== this.page) this.#enter();
    });
  }

  /** @param {MouseEvent} event */
  #follow(event) {
    const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const link = /** @type {Element} */ (event.target).closest('a[href]');
    if (!isPlain || event.defaultPrevented || !(link instanceof HTMLAnchorElement)) return;
    const {href} = link; // before `leave`, which may change it
    if (link.target || link.hasAttribute('download') || !pageAt(new URL(href))) return;
    event.preventDefault();
    this.dispatchEvent(new Event('leave'));
    history.pushState(null, '', href);
    this.#enter();
  }

  #enter() {
    this.page = pageAt(new URL(location.href));
    this.dispatchEvent(new Event('enter'));
  }
}
