/** The live tail: what arrives goes to the list, or waits while somebody reads. */

import {toListing} from './filter.js';
import {MOST} from './records.js';
import {Tail} from './tail.js';

const COUNT_PAUSE = 5000; // milliseconds between questions for number and timeline

/** Fires `trouble` with an error, or null when it is over. */
export class Following extends EventTarget {
  #tail = new Tail();
  /** @type {import('./records.js').Row[]} that came while the list was not at its end */
  #held = [];
  #count = 0; // of them
  #total = 0; // that came since it began
  #rate = 0;
  #asked = 0;
  #arrived = false;
  #order = 'desc';
  /** @type {import('./state.js').State | null} */
  #state = null;

  /**
   * @param {import('./records.js').Records} records
   * @param {import('./record-list.js').RecordList} list
   * @param {any} status
   * @param {import('./question.js').Question} question
   */
  constructor(records, list, status, question) {
    super();
    this.records = records;
    this.list = list;
    this.status = status;
    this.question = question;
    this.#tail.addEventListener('records', (event) => this.#take(/** @type {any} */ (event).detail));
    this.#tail.addEventListener('rate', (event) => {
      this.#rate = /** @type {any} */ (event).detail;
      this.#tell();
    });
    this.#tail.addEventListener('trouble', (event) => {
      this.dispatchEvent(new CustomEvent('trouble', {detail: /** @type {any} */ (event).detail}));
    });
  }

  get isRunning() {
    return this.#tail.isRunning;
  }

  /** @param {number} last @param {Record<string, string>} parameters @param {import('./state.js').State} state */
  start(last, parameters, state) {
    this.#held = [];
    this.#count = this.#total = 0;
    this.#state = state;
    this.#order = state.order;
    this.#tail.start(last, {...parameters, ...toListing(state)});
    this.#asked = Date.now();
    this.#tell();
  }

  stop() {
    this.#tail.stop();
    this.status.tail = null;
  }

  /** Somebody reads, or marks a text: the list stands still. */
  get #isPaused() {
    const selection = getSelection();
    const hasSelection = selection && !selection.isCollapsed && this.list.contains(selection.anchorNode);
    return hasSelection || !(this.#order === 'desc' ? this.list.isAtTop : this.list.isAtBottom);
  }

  /** @param {import('./records.js').Row[]} arrived */
  #take(arrived) {
    this.#arrived = true;
    this.#total += arrived.length;
    if (this.#isPaused || this.#count) {
      this.#count += arrived.length;
      this.#held = this.#count > MOST ? [] : [...this.#held, ...arrived];
      if (!this.#isPaused) this.resume();
    } else {
      this.records.arrive(arrived);
    }
    this.#tell();
  }

  /** Show what has waited. @returns {boolean} false if it was too much, so that it must be asked for */
  resume() {
    const isKept = this.#held.length === this.#count;
    if (isKept) this.records.arrive(this.#held);
    this.#held = [];
    this.#count = 0;
    getSelection()?.removeAllRanges();
    this.list.scrollToEnd(this.#order === 'desc' ? 'start' : 'end');
    this.#tell();
    return isKept;
  }

  #tell() {
    this.status.tail = {rate: this.#rate, arrived: this.#total, held: this.#count, isFull: this.records.rows.length >= MOST};
    if (!this.#arrived || Date.now() - this.#asked < COUNT_PAUSE || !this.#state) return;
    this.#asked = Date.now();
    this.#arrived = false;
    this.question.askAside(this.#state);
  }
}
