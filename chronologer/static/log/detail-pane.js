/** Shows open records beside the list, or in it where the window is narrow. */

import {formatState} from './url-state.js';
import {LatestRequest, absolute, get} from '../lib/api.js';
import './record-detail.js';

/** @typedef {import('./record-detail.js').RecordDetail} RecordDetail */

const RETRY = 2000; // milliseconds until a record is requested again from a server that is away

export class DetailPane {
  #wide = window.matchMedia('(min-width: 1100px)');
  #requests = [new LatestRequest(), new LatestRequest()];
  /** @type {RecordDetail[]} */
  #details = ['first', 'second'].map(() => /** @type {any} */ (document.createElement('record-detail')));
  #shown = '';
  #retry = 0;

  /**
   * @param {HTMLElement} aside
   * @param {import('./record-list.js').RecordList} list
   * @param {() => {tz: string, terms: string[], stateOf: (id: number) => any}} look
   * @param {AbortSignal} signal that ends it
   */
  constructor(aside, list, look, signal) {
    this.aside = aside;
    this.list = list;
    this.look = look;
    this.#wide.addEventListener('change', () => this.#attach(), {signal});
    signal.addEventListener('abort', () => {
      clearTimeout(this.#retry);
      this.#requests.forEach((request) => request.cancel());
    });
  }

  /** @param {string} id of the open record, or empty @param {string} other to compare with */
  async show(id, other) {
    this.list.open = [id, other].filter(Boolean).map(Number);
    const key = `${id} ${other}`;
    if (key === this.#shown) return;
    this.#shown = key;
    clearTimeout(this.#retry);
    this.#attach();
    await Promise.all([this.#load(0, id), this.#load(1, id && other !== id ? other : '')]);
  }

  /** Draw again, with another look. */
  redraw() {
    const [id, other] = this.#shown.split(' ');
    this.#shown = '';
    this.show(id ?? '', other ?? '');
  }

  /** @param {number} index @param {string} id */
  async #load(index, id) {
    const detail = this.#details[index];
    if (!id) {
      this.#requests[index].cancel();
      detail.replaceChildren();
      return;
    }
    try {
      const record = await this.#requests[index].run((signal) => get(`record/${encodeURIComponent(id)}`, {}, signal));
      if (!record) return;
      const {tz, terms, stateOf} = this.look();
      const link = () => absolute(`./?${formatState(stateOf(record.id))}`);
      const fields = Object.entries(record.logrec?.data ?? {})
        .filter(([key, value]) => /id$/i.test(key) && value !== null && typeof value !== 'object')
        .map(([key]) => `data.${key}`);
      detail.show(record, {tz, terms, link, fields, isSecond: index === 1});
    } catch (error) {
      const {status, message} = /** @type {import('../lib/api.js').ApiError} */ (error);
      const isAway = status === 0 || status >= 500;
      detail.showError(isAway ? `${message} Retrying…` : message);
      clearTimeout(this.#retry);
      if (isAway && this.aside.isConnected) this.#retry = setTimeout(() => this.redraw(), RETRY);
    }
  }

  #attach() {
    const [id, other] = this.#shown.split(' ');
    const elements = [id && this.#details[0], id && other && this.#details[1]].filter(Boolean);
    this.aside.replaceChildren();
    this.list.expand(0, null);
    this.aside.hidden = !(elements.length && this.#wide.matches);
    this.aside.classList.toggle('two', elements.length > 1);
    this.aside.parentElement?.classList.toggle('beside', !this.aside.hidden);
    if (!elements.length) return;
    if (this.#wide.matches) {
      this.aside.append(.../** @type {Node[]} */ (elements));
      return;
    }
    const holder = document.createElement('div');
    holder.className = 'expansion';
    holder.setAttribute('role', 'gridcell');
    holder.append(.../** @type {Node[]} */ (elements));
    this.list.expand(Number(id), holder);
  }
}
