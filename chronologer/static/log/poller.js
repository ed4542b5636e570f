/** Polls for records after the last id, each second; it misses none. */

import {follow} from '../lib/api.js';

/** @typedef {import('./record-window.js').Row} Row */

const PAUSE = 1000; // milliseconds
const LONGEST_PAUSE = 10_000; // after repeated failures
const LIMIT = 2000; // records of one response

/**
 * Fires `records` with those that arrived, `rate` in records per second, and `problem` with an
 * error, or null after the next success.
 */
export class Poller extends EventTarget {
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

  /** @param {number} last id to continue from @param {Record<string, string>} parameters */
  start(last, parameters) {
    this.stop();
    this.#last = last;
    this.#parameters = parameters;
    this.#counts = [];
    this.#failures = 0;
    this.#controller = new AbortController();
    this.#poll(this.#controller.signal);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#controller = null;
  }

  /** @param {AbortSignal} signal */
  async #poll(signal) {
    let isBehind = false;
    try {
      const {records, last} = await follow(this.#last, LIMIT, this.#parameters, signal);
      if (signal.aborted) return;
      this.#last = Math.max(last, this.#last);
      isBehind = records.length === LIMIT;
      this.#count(records.length);
      if (records.length) this.#fire('records', records);
      if (this.#failures) this.#fire('problem', null);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#failures++;
      this.#fire('problem', error);
    }
    const pause = Math.min(PAUSE * 2 ** this.#failures, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#poll(signal), isBehind ? 0 : this.#failures ? pause : PAUSE);
  }

  /** @param {number} count */
  #count(count) {
    const time = performance.now();
    this.#counts = [...this.#counts.filter((entry) => time - entry.time < 10_000), {time, count}];
    const seconds = Math.max(1, (time - this.#counts[0].time) / 1000);
    // The first response covers an unknown time.
    const sum = this.#counts.slice(1).reduce((total, entry) => total + entry.count, 0);
    this.#fire('rate', sum / seconds);
  }

  /** @param {string} name @param {any} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}
