/** Follows the log: asks each second for what came after the last id, and misses nothing. */

import {follow} from './api.js';

/** @typedef {import('./records.js').Row} Row */

const PAUSE = 1000; // milliseconds
const LONGEST_PAUSE = 10_000; // while the server does not answer
const LIMIT = 2000; // records of one answer

/**
 * Fires `records` with those that came, `rate` with records a second, and `trouble` with an
 * error, or null when it is over.
 */
export class Tail extends EventTarget {
  #timer = 0;
  #last = 0;
  #failures = 0;
  /** @type {AbortController | null} */
  #controller = null;
  /** @type {Record<string, string>} */
  #parameters = {};
  /** @type {{time: number, count: number}[]} */
  #counts = [];

  get isRunning() {
    return this.#controller !== null;
  }

  /** @param {number} last id to go on from @param {Record<string, string>} parameters of the question */
  start(last, parameters) {
    this.stop();
    this.#last = last;
    this.#parameters = parameters;
    this.#counts = [];
    this.#failures = 0;
    this.#controller = new AbortController();
    this.#ask(this.#controller.signal);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#controller = null;
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    let isBehind = false;
    try {
      const {records, last} = await follow(this.#last, LIMIT, this.#parameters, signal);
      if (signal.aborted) return;
      this.#last = Math.max(last, this.#last);
      isBehind = records.length === LIMIT;
      this.#count(records.length);
      if (records.length) this.#fire('records', records);
      if (this.#failures) this.#fire('trouble', null);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#failures++;
      this.#fire('trouble', error);
    }
    const pause = Math.min(PAUSE * 2 ** this.#failures, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#ask(signal), isBehind ? 0 : this.#failures ? pause : PAUSE);
  }

  /** @param {number} count */
  #count(count) {
    const time = performance.now();
    this.#counts = [...this.#counts.filter((entry) => time - entry.time < 10_000), {time, count}];
    const seconds = Math.max(1, (time - this.#counts[0].time) / 1000);
    // The first answer is of an unknown time.
    const sum = this.#counts.slice(1).reduce((total, entry) => total + entry.count, 0);
    this.#fire('rate', sum / seconds);
  }

  /** @param {string} name @param {any} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}
