/** Asks the server for what the state says: records, their number, and when they were. */

import {Slot, count, get, lastId} from './api.js';
import {CHARS, scopeExpression, toListing, toParameters, valueAt} from './filter.js';
import {rangeOf, zoneName} from './time.js';
import {groupFor, spanOf} from './scale.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./records.js').Row} Row */

const BARS = 120; // about so many

/**
 * Fires `begin`, `reading`, `records`, `aside`, `count` with a number, `timeline` with what the
 * chart shows, `done`, and `problem` with an error.
 */
export class Question extends EventTarget {
  /** @type {Record<string, string>} */
  parameters = {};
  /** @type {import('./filter.js').Reading} */
  reading = {kind: 'none'};
  /** @type {number | null} of all that match */
  count = null;
  /** When it was asked, in milliseconds. */
  now = 0;
  /** The id that the log had come to before it was asked, if it is followed. */
  last = 0;
  /** @type {Row | null} whose surroundings are shown */
  center = null;
  #read = '';
  #slot = new Slot();
  #side = new Slot();

  /** @param {import('./records.js').Records} records */
  constructor(records) {
    super();
    this.records = records;
  }

  get isBusy() {
    return this.#slot.isBusy;
  }

  /** Stop waiting for answers. */
  cancel() {
    this.#slot.cancel();
    this.#side.cancel();
    this.#fire('done');
  }

  /** Ask anew; an earlier question is given up. @param {State} state */
  async ask(state) {
    this.#fire('begin');
    try {
      const isDone = await this.#slot.run(async (signal) => {
        await this.#prepare(state, signal);
        if (signal.aborted || this.reading.kind === 'error') return !signal.aborted;
        this.count = null;
        this.askAside(state);
        await this.records.open(this.#pages(state, signal), state.order, this.center);
        return true;
      });
      if (isDone) this.#fire('done');
    } catch (error) {
      this.#fire('problem', error);
    }
  }

  /** Number and timeline, which may take longer. @param {State} state */
  async askAside(state) {
    const {parameters} = this;
    this.#fire('aside');
    await this.#side.run(async (signal) => {
      await Promise.all([
        count(parameters, signal).then((number) => {
          this.count = number;
          this.#fire('count', number);
        }),
        this.#askTimeline(state, signal),
      ]);
    }).catch((error) => this.#fire('problem', error));
  }

  /** @param {State} state @param {AbortSignal} signal */
  async #prepare(state, signal) {
    if (state.q !== this.#read || this.reading.kind === 'error') {
      this.reading = state.q ? await get('reading', {text: state.q}, signal) : {kind: 'none'};
      this.#read = state.q;
    }
    if (signal.aborted) return;
    this.#fire('reading', this.reading);
    this.now = Date.now();
    this.center = null;
    this.parameters = toParameters(state, this.reading, this.now);
    if (state.tail) {
      this.last = await lastId();
      delete this.parameters.before;
    }
    if (state.around) {
      const record = await get(`record/${encodeURIComponent(state.around)}`, {}, signal);
      const query = scopeExpression(state.scope, record);
      this.parameters = query ? {query} : {};
      this.center = asRow(record, state.cols);
    } else if (state.id && !state.tail && !this.records.has(Number(state.id))) {
      // A link to a record: the list opens there, if it still exists.
      const record = await get(`record/${encodeURIComponent(state.id)}`, {}, signal).catch(() => null);
      this.center = record && asRow(record, state.cols);
    }
  }

  /** @param {State} state @param {AbortSignal} first for the first page */
  #pages(state, first) {
    const asked = {...this.parameters, ...toListing(state)};
    let signal = /** @type {AbortSignal | undefined} */ (first);
    return async (/** @type {string | null} */ cursor, /** @type {string} */ order, /** @type {number} */ limit) => {
      const place = cursor ? {cursor} : {};
      const rows = await get('record', {...asked, ...place, order, limit}, signal);
      signal = undefined;
      return rows;
    };
  }

  /** @param {State} state @param {AbortSignal} signal */
  async #askTimeline(state, signal) {
    const timezone = zoneName(state.tz);
    const range = state.around ? {after: null, before: null} : rangeOf(state, this.now);
    const group = groupFor(range, this.now, BARS);
    const answer = await get('timeline', {...this.parameters, timezone, group}, signal);
    const buckets = answer.buckets.map((/** @type {any} */ bucket) => ({...bucket, start: bucket.start * 1000}));
    const span = spanOf(range, buckets, answer.group, this.now);
    this.#fire('timeline', {span, buckets, group: answer.group, tz: state.tz});
  }

  /**
   * The nearest record of a level or worse, after one in the order that is shown.
   *
   * @param {State} state
   * @param {string} cursor
   * @param {string} level
   * @param {boolean} isBack
   * @returns {Promise<Row | undefined>}
   */
  async nearest(state, cursor, level, isBack) {
    const order = isBack === (state.order === 'desc') ? 'asc' : 'desc';
    const asked = {...this.parameters, ...toListing(state), level};
    return (await get('record', {...asked, cursor, order, limit: 1}))[0];
  }

  /** @param {string} name @param {any} [detail] */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

/** A whole record as a listing would have it. @param {any} record @param {string[]} cols */
function asRow(record, cols) {
  const {id, ts, name, level, message} = record;
  const fields = Object.fromEntries(cols.map((field) => [field, valueAt(record, field)]));
  const cut = message.length > CHARS ? {message: message.slice(0, CHARS), length: message.length} : {message};
  return {id, ts, name, level, fields, ...cut};
}
