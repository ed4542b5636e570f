/** Where an open record is shown: beside the list where there is room, in it where there is not. */

import {Slot, get} from './api.js';
import {formatState} from './state.js';

/** @typedef {import('./record-detail.js').RecordDetail} RecordDetail */

export class DetailPane {
  #wide = window.matchMedia('(min-width: 1100px)');
  #slots = [new Slot(), new Slot()];
  /** @type {RecordDetail[]} */
  #details = ['first', 'second'].map(() => /** @type {any} */ (document.createElement('record-detail')));
  #shown = '';

  /**
   * @param {HTMLElement} aside
   * @param {import('./record-list.js').RecordList} list
   * @param {() => {tz: string, terms: string[], stateOf: (id: number) => any}} look
   */
  constructor(aside, list, look) {
    this.aside = aside;
    this.list = list;
    this.look = look;
    this.#wide.addEventListener('change', () => this.#place());
  }

  /** @param {string} id of the open record, or empty @param {string} other to compare with */
  async show(id, other) {
    this.list.open = [id, other].filter(Boolean).map(Number);
    const key = `${id} ${other}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#place();
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
      this.#slots[index].cancel();
      detail.replaceChildren();
      return;
    }
    try {
      const record = await this.#slots[index].run((signal) => get(`record/${encodeURIComponent(id)}`, {}, signal));
      if (!record) return;
      const {tz, terms, stateOf} = this.look();
      const link = () => `${location.origin}/?${formatState(stateOf(record.id))}`;
      const fields = Object.entries(record.logrec?.data ?? {})
        .filter(([key, value]) => /id$/i.test(key) && value !== null && typeof value !== 'object')
        .map(([key]) => `data.${key}`);
      detail.show(record, {tz, terms, link, fields, isSecond: index === 1});
    } catch (error) {
      detail.showError(/** @type {Error} */ (error).message);
    }
  }

  #place() {
    const [id, other] = this.#shown.split(' ');
    const nodes = [id && this.#details[0], id && other && this.#details[1]].filter(Boolean);
    this.aside.replaceChildren();
    this.list.expand(0, null);
    this.aside.hidden = !(nodes.length && this.#wide.matches);
    this.aside.classList.toggle('two', nodes.length > 1);
    if (!nodes.length) return;
    if (this.#wide.matches) {
      this.aside.append(.../** @type {Node[]} */ (nodes));
      return;
    }
    const holder = document.createElement('div');
    holder.className = 'expansion';
    holder.setAttribute('role', 'gridcell');
    holder.append(.../** @type {Node[]} */ (nodes));
    this.list.expand(Number(id), holder);
  }
}
