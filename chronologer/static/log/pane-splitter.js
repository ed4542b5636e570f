/**
 * <pane-splitter>: the edge of the pane after it, which is dragged, or moved with arrow keys.
 *
 * The pane's width is kept as a preference, one for a single record and one for two. A double click
 * returns to the usual width.
 */

import {prefer, preference} from '../lib/preferences.js';

const STEP = 24; // pixels of an arrow key

export class PaneSplitter extends HTMLElement {
  #resize = new ResizeObserver(() => this.#describe());

  connectedCallback() {
    this.tabIndex = 0;
    this.role = 'separator';
    this.ariaOrientation = 'vertical';
    this.ariaLabel = 'Width of the open record';
    this.title = 'Drag to resize; double-click for the usual width';
    this.addEventListener('pointerdown', (event) => this.#drag(event));
    this.addEventListener('dblclick', () => this.#set(null));
    this.addEventListener('keydown', (event) => this.#key(event));
    for (const name of ['one', 'two']) this.#apply(name, preference('panes')[name]);
    if (this.#pane) this.#resize.observe(this.#pane);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
  }

  get #pane() {
    return /** @type {HTMLElement | null} */ (this.nextElementSibling);
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (event.button || !this.#pane) return;
    event.preventDefault();
    this.focus();
    this.setPointerCapture(event.pointerId);
    const start = this.#pane.offsetWidth + event.clientX;
    const move = (/** @type {PointerEvent} */ moved) => this.#set(start - moved.clientX);
    this.addEventListener('pointermove', move);
    this.addEventListener('lostpointercapture', () => this.removeEventListener('pointermove', move), {once: true});
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = {ArrowLeft: STEP, ArrowRight: -STEP}[event.key];
    if (!step || !this.#pane) return;
    event.preventDefault();
    this.#set(this.#pane.offsetWidth + step);
  }

  /** @param {number | null} width pixels; null is the usual one */
  #set(width) {
    const pane = this.#pane;
    if (!pane) return;
    const name = pane.classList.contains('two') ? 'two' : 'one';
    this.#apply(name, width);
    // The style sheet sets bounds; a width beyond them would make the edge stick there.
    const kept = width === null ? null : pane.offsetWidth;
    this.#apply(name, kept);
    prefer('panes', {...preference('panes'), [name]: kept});
  }

  /** @param {string} name @param {number | null | undefined} width */
  #apply(name, width) {
    const property = `--pane-${name}`;
    if (width) this.parentElement?.style.setProperty(property, `${width}px`);
    else this.parentElement?.style.removeProperty(property);
  }

  #describe() {
    this.ariaValueNow = String(this.#pane?.offsetWidth ?? 0);
    this.ariaValueMin = '0';
    this.ariaValueMax = String(innerWidth);
  }
}

customElements.define('pane-splitter', PaneSplitter);
