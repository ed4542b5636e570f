/** The loaded records: a window onto all that match, which extends at both ends. */

/** @typedef {{id: number, ts: string, name: string, level: number, message: string, length?: number, fields?: Record<string, any>}} Row */
/** @typedef {(cursor: string | null, order: string, limit: number) => Promise<Row[]>} FetchPage */

export const PAGE = 200;
export const MOST = 5000; // records that are kept; others are loaded again

/** @param {Row} row */
export const cursorOf = (row) => `${row.ts},${row.id}`;

/** Fires `change` with `{added: 'start' | 'end' | 'all'}`. */
export class RecordWindow extends EventTarget {
  /** @type {Row[]} in the order of the list */
  rows = [];
  /** Whether no record is before the first, or after the last, of them. */
  isStart = true;
  isEnd = true;
  /** @type {Set<number>} */
  #ids = new Set();
  /** @type {Record<string, Promise<void> | null>} */
  #loading = {start: null, end: null};
  #generation = 0;
  /** @type {FetchPage} */
  #fetch = async () => [];
  #order = 'desc';

  /**
   * Load the first page, or the pages around a record.
   *
   * @param {FetchPage} fetch
   * @param {string} order
   * @param {Row | null} [anchor]
   */
  async open(fetch, order, anchor = null) {
    const generation = ++this.#generation;
    this.#loading = {start: null, end: null};
    const cursor = anchor && cursorOf(anchor);
    const [before, after] = await Promise.all([
      anchor ? fetch(cursor, opposite(order), PAGE) : [],
      fetch(cursor, order, PAGE),
    ]);
    if (generation !== this.#generation) return;
    this.#fetch = fetch;
    this.#order = order;
    this.rows = [...before.reverse(), ...(anchor ? [anchor] : []), ...after];
    this.#ids = new Set(this.rows.map((row) => row.id));
    this.isStart = before.length < PAGE;
    this.isEnd = after.length < PAGE;
    this.#announce('all');
  }

  /** Load another page at one end. @param {'start' | 'end'} side @returns {Promise<void>} */
  more(side) {
    if (!this.rows.length || (side === 'start' ? this.isStart : this.isEnd)) return Promise.resolve();
    this.#loading[side] ??= this.#load(side, this.#generation).finally(() => {
      this.#loading[side] = null;
    });
    return this.#loading[side] ?? Promise.resolve();
  }

  /** @param {'start' | 'end'} side @param {number} generation */
  async #load(side, generation) {
    const isStart = side === 'start';
    const last = this.rows[isStart ? 0 : this.rows.length - 1];
    const order = isStart ? opposite(this.#order) : this.#order;
    const page = await this.#fetch(cursorOf(last), order, PAGE);
    if (generation !== this.#generation) return;
    if (isStart) this.isStart = page.length < PAGE;
    else this.isEnd = page.length < PAGE;
    this.#add(isStart ? page.reverse() : page, side);
  }

  /**
   * Add records that have just arrived, in the order of their ids.
   *
   * @param {Row[]} arrived
   */
  arrive(arrived) {
    if (this.#order === 'desc') this.#add([...arrived].reverse(), 'start');
    else if (this.isEnd) this.#add(arrived, 'end');
  }

  /** @param {Row[]} rows @param {'start' | 'end'} side */
  #add(rows, side) {
    const fresh = rows.filter((row) => !this.#ids.has(row.id));
    for (const row of fresh) this.#ids.add(row.id);
    let all = side === 'start' ? [...fresh, ...this.rows] : [...this.rows, ...fresh];
    if (all.length > MOST) {
      const kept = side === 'start' ? all.slice(0, MOST) : all.slice(-MOST);
      if (side === 'start') this.isEnd = false;
      else this.isStart = false;
      all = kept;
      this.#ids = new Set(all.map((row) => row.id));
    }
    this.rows = all;
    this.#announce(side);
  }

  /** @param {number} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** @param {number} id */
  indexOf(id) {
    return this.#ids.has(id) ? this.rows.findIndex((row) => row.id === id) : -1;
  }

  /** @param {string} added */
  #announce(added) {
    this.dispatchEvent(new CustomEvent('change', {detail: {added}}));
  }
}

/** @param {string} order */
const opposite = (order) => (order === 'desc' ? 'asc' : 'desc');
