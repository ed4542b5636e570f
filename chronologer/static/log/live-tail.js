/** The live tail: new records go to the list, or are held back while a person reads. */

import {toListing} from './filter.js';
import {MOST} from './record-window.js';
import {Poller} from './poller.js';

const SUMMARY_PAUSE = 5000; // milliseconds between requests for number and timeline

/** Fires `problem` with an error, or null after the next success. */
export class LiveTail extends EventTarget {
  #poller = new Poller();
  /** @type {import('./record-window.js').Row[]} held back while the list is not at its end */
  #held = [];
  #count = 0; // of those held back
  #total = 0; // that arrived since the start
  #rate = 0;
  #summarized = 0;
  #arrived = false;
  #order = 'desc';
  /** @type {import('./url-state.js').LogState | null} */
  #state = null;

  /**
   * @param {import('./record-window.js').RecordWindow} records
   * @param {import('./record-list.js').RecordList} list
   * @param {any} status
   * @param {import('./loader.js').Loader} loader
   */
  constructor(records, list, status, loader) {
    super();
    this.records = records;
    this.list = list;
    this.status = status;
    this.loader = loader;
    this.#poller.addEventListener('records', (event) => this.#add(/** @type {any} */ (event).detail));
    this.#poller.addEventListener('rate', (event) => {
      this.#rate = /** @type {any} */ (event).detail;
      this.#report();
    });
    this.#poller.addEventListener('problem', (event) => {
      this.dispatchEvent(new CustomEvent('problem', {detail: /** @type {any} */ (event).detail}));
    });
  }

  get isRunning() {
    return this.#poller.isRunning;
  }

  /** @param {number} last @param {Record<string, string>} parameters @param {import('./url-state.js').LogState} state */
  start(last, parameters, state) {
    this.#held = [];
    this.#count = this.#total = 0;
    this.#state = state;
    this.#order = state.order;
    this.#poller.start(last, {...parameters, ...toListing(state)});
    this.#summarized = Date.now();
    this.#report();
  }

  stop() {
    this.#poller.stop();
    this.status.tail = null;
  }

  /** The list is scrolled, or a text in it is selected: it shall stand still. */
  get #isPaused() {
    const selection = getSelection();
    const hasSelection = selection && !selection.isCollapsed && this.list.contains(selection.anchorNode);
    return hasSelection || !(this.#order === 'desc' ? this.list.isAtTop : this.list.isAtBottom);
  }

  /** @param {import('./record-window.js').Row[]} arrived */
  #add(arrived) {
    this.#arrived = true;
    this.#total += arrived.length;
    if (this.#isPaused || this.#count) {
      this.#count += arrived.length;
      this.#held = this.#count > MOST ? [] : [...this.#held, ...arrived];
      if (!this.#isPaused) this.resume();
    } else {
      this.records.arrive(arrived);
    }
    this.#report();
  }

  /** Show records that were held back. @returns {boolean} false if they were too many, so that they must be loaded */
  resume() {
    const isKept = this.#held.length === this.#count;
    if (isKept) this.records.arrive(this.#held);
    this.#held = [];
    this.#count = 0;
    getSelection()?.removeAllRanges();
    this.list.scrollToEnd(this.#order === 'desc' ? 'start' : 'end');
    this.#report();
    return isKept;
  }

  #report() {
    this.status.tail = {rate: this.#rate, arrived: this.#total, held: this.#count, isFull: this.records.rows.length >= MOST};
    if (!this.#arrived || Date.now() - this.#summarized < SUMMARY_PAUSE || !this.#state) return;
    this.#summarized = Date.now();
    this.#arrived = false;
    this.loader.loadSummary(this.#state);
  }
}
