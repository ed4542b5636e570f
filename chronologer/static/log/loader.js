/** Loads what the state selects: records, their number, and the timeline. */

import {LatestRequest, count, get, lastId} from '../lib/api.js';
import {CHARS, scopeExpression, toListing, toParameters, valueAt} from './filter.js';
import {rangeOf, zoneName} from '../lib/time.js';
import {groupFor, spanOf} from '../chart/scale.js';

/** @typedef {import('./url-state.js').LogState} LogState */
/** @typedef {import('./record-window.js').Row} Row */

const BARS = 120; // of the timeline, at most

/**
 * Fires `begin`, `interpretation` of the search, `summary` when number and timeline are requested,
 * `count` with a number, `timeline` with data for the chart, `done`, and `problem` with an error.
 */
export class Loader extends EventTarget {
  /** @type {Record<string, string>} */
  parameters = {};
  /** @type {import('./filter.js').Interpretation} of the search */
  interpretation = {kind: 'none'};
  /** @type {number | null} of all records that match */
  count = null;
  /** The end of relative ranges, in milliseconds since the epoch. */
  now = 0;
  /** The newest id before the records were requested, for the live tail. */
  last = 0;
  /** @type {Row | null} the record whose context is shown */
  center = null;
  /** Whether the records are of an earlier state, because those of this one could not be loaded. */
  isStale = false;
  #interpreted = '';
  #main = new LatestRequest();
  #summary = new LatestRequest();

  /** @param {import('./record-window.js').RecordWindow} records */
  constructor(records) {
    super();
    this.records = records;
  }

  get isPending() {
    return this.#main.isPending;
  }

  /** Abort pending requests. */
  cancel() {
    this.#main.cancel();
    this.#summary.cancel();
  }

  /** Load all; requests for an earlier state are aborted. @param {LogState} state */
  async load(state) {
    this.#fire('begin');
    try {
      const isDone = await this.#main.run(async (signal) => {
        await this.#prepare(state, signal);
        if (signal.aborted || this.interpretation.kind === 'error') return !signal.aborted;
        this.count = null;
        this.loadSummary(state);
        await this.records.open(this.#pages(state, signal), state.order, this.center);
        return true;
      });
      if (!isDone) return;
      this.isStale = this.interpretation.kind === 'error';
      this.#fire('done');
    } catch (error) {
      this.isStale = true;
      this.#fire('problem', error);
    }
  }

  /** Load number and timeline, which may take longer than records. @param {LogState} state */
  async loadSummary(state) {
    const {parameters} = this;
    this.#fire('summary');
    await this.#summary.run(async (signal) => {
      await Promise.all([
        count(parameters, signal).then((number) => {
          this.count = number;
          this.#fire('count', number);
        }),
        this.#loadTimeline(state, signal),
      ]);
    }).catch((error) => this.#fire('problem', error));
  }

  /** @param {LogState} state @param {AbortSignal} signal */
  async #prepare(state, signal) {
    if (state.q !== this.#interpreted || this.interpretation.kind === 'error') {
      this.interpretation = state.q ? await get('interpretation', {text: state.q}, signal) : {kind: 'none'};
      this.#interpreted = state.q;
    }
    if (signal.aborted) return;
    this.#fire('interpretation', this.interpretation);
    this.now = Date.now();
    this.center = null;
    this.parameters = toParameters(state, this.interpretation, this.now);
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

  /** @param {LogState} state @param {AbortSignal} first aborts the request for the first page */
  #pages(state, first) {
    const parameters = {...this.parameters, ...toListing(state)};
    let signal = /** @type {AbortSignal | undefined} */ (first);
    return async (/** @type {string | null} */ cursor, /** @type {string} */ order, /** @type {number} */ limit) => {
      const position = cursor ? {cursor} : {};
      const rows = await get('record', {...parameters, ...position, order, limit}, signal);
      signal = undefined;
      return rows;
    };
  }

  /** @param {LogState} state @param {AbortSignal} signal */
  async #loadTimeline(state, signal) {
    const timezone = zoneName(state.tz);
    const range = state.around ? {after: null, before: null} : rangeOf(state, this.now);
    const group = groupFor(range, this.now, BARS);
    const answer = await get('timeline', {...this.parameters, timezone, group}, signal);
    const buckets = answer.buckets.map((/** @type {any} */ bucket) => ({...bucket, start: bucket.start * 1000}));
    const span = spanOf(range, buckets, answer.group, this.now);
    this.#fire('timeline', {span, buckets, group: answer.group, tz: state.tz});
  }

  /**
   * The nearest record of a level or above, after a cursor in the order of the list.
   *
   * @param {LogState} state
   * @param {string} cursor
   * @param {string} level
   * @param {boolean} isBack
   * @returns {Promise<Row | undefined>}
   */
  async nearest(state, cursor, level, isBack) {
    const order = isBack === (state.order === 'desc') ? 'asc' : 'desc';
    const parameters = {...this.parameters, ...toListing(state), level};
    return (await get('record', {...parameters, cursor, order, limit: 1}))[0];
  }

  /** @param {string} name @param {any} [detail] */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

/** A complete record in the form of a listing. @param {any} record @param {string[]} cols */
function asRow(record, cols) {
  const {id, ts, name, level, message} = record;
  const fields = Object.fromEntries(cols.map((field) => [field, valueAt(record, field)]));
  const cut = message.length > CHARS ? {message: message.slice(0, CHARS), length: message.length} : {message};
  return {id, ts, name, level, fields, ...cut};
}
