/**
 * <record-list>: the records that are loaded, of which only those in sight are in the page.
 *
 *     <div role="grid"> <div role="row" class="head"> … <div class="rows"> <div role="row"> …
 *
 * Properties `records`, `look` and `open`; events `open-record` with a row, `columns` with widths,
 * and `reach` with `start` or `end` when more should be loaded.
 */

import {h} from './dom.js';
import {makeRow} from './record-row.js';

/** @typedef {import('./records.js').Records} Records */
/** @typedef {import('./record-row.js').Look} Look */

const NEAR = 40; // rows from an end at which more is loaded
const MARGIN = 10; // rows beyond what is in sight

export class RecordList extends HTMLElement {
  /** @type {Records | null} */
  #records = null;
  /** @type {Look} */
  #look = {tz: 'local', terms: [], cols: [], wrap: false, now: 0};
  /** @type {Map<number, HTMLElement>} */
  #nodes = new Map();
  /** @type {Map<number, number>} heights that are not the usual one */
  #heights = new Map();
  #offsets = new Float64Array(1);
  #rowHeight = 24;
  /** @type {{id: number, node: HTMLElement} | null} */
  #expanded = null;
  #current = 0; // id of the row that has the focus, or had it last
  #frame = 0;
  /** @type {HTMLElement} */
  #scroller = h('div', {class: 'scroller', role: 'grid', 'aria-label': 'Records', tabindex: 0});
  #head = h('div', {class: 'row head', role: 'row', 'aria-rowindex': 1});
  #rows = h('div', {class: 'rows', role: 'rowgroup'});
  #resize = new ResizeObserver(() => this.#later());

  connectedCallback() {
    this.#scroller.append(h('div', {role: 'rowgroup', class: 'headgroup'}, this.#head), this.#rows);
    this.append(this.#scroller);
    this.#drawHead();
    this.#scroller.addEventListener('scroll', () => this.#later(), {passive: true});
    this.#rows.addEventListener('click', (event) => this.#click(event));
    this.#scroller.addEventListener('focusin', (event) => {
      const row = /** @type {Element} */ (event.target).closest('[data-id]');
      if (row instanceof HTMLElement) this.#current = Number(row.dataset.id);
    });
    this.#resize.observe(this.#scroller);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
  }

  /** @param {Records} records */
  set records(records) {
    this.#records = records;
    records.addEventListener('change', (event) => {
      this.#changed(/** @type {CustomEvent} */ (event).detail.added);
    });
  }

  /** How rows are drawn. @param {Look} look */
  set look(look) {
    this.#look = look;
    this.#drawHead();
    this.redraw();
  }

  /** Draw all rows anew. */
  redraw() {
    for (const node of this.#nodes.values()) node.remove();
    this.#nodes.clear();
    this.#heights.clear();
    this.#rowHeight = parseFloat(getComputedStyle(this).getPropertyValue('--row-height')) || 24;
    this.#layOut();
    this.#draw();
  }

  /** Whether the newest, or oldest, record is in sight. */
  get isAtTop() {
    return this.#scroller.scrollTop < 4;
  }

  get isAtBottom() {
    const {scrollTop, clientHeight, scrollHeight} = this.#scroller;
    return scrollTop + clientHeight > scrollHeight - 4;
  }

  /** @param {'start' | 'end'} side */
  scrollToEnd(side) {
    this.#scroller.scrollTop = side === 'start' ? 0 : this.#scroller.scrollHeight;
    this.#draw();
  }

  /** The record that keys act on: what has the focus, or is open, or is first in sight. */
  get current() {
    if (!this.#records) return null;
    const index = this.#records.indexOf(this.#current);
    return this.#records.rows[index < 0 ? this.#firstInSight() : index] ?? null;
  }

  /** Show a row, in the middle if it was out of sight. @param {number} id @param {boolean} focus */
  reveal(id, focus = true) {
    const index = this.#records?.indexOf(id) ?? -1;
    if (index < 0) return false;
    this.#current = id;
    const {scrollTop} = this.#scroller;
    const height = this.#scroller.clientHeight - this.#head.offsetHeight;
    const top = this.#offsets[index];
    const bottom = top + this.#rowHeight;
    if (top < scrollTop || bottom > scrollTop + height) {
      this.#scroller.scrollTop = Math.max(0, top - height / 2);
    }
    this.#draw();
    if (focus) this.#nodes.get(id)?.focus({preventScroll: true});
    return true;
  }

  /** Put an element below a row, or take it away. @param {number} id @param {HTMLElement | null} node */
  expand(id, node) {
    if (this.#expanded) {
      const {id: before, node: old} = this.#expanded;
      this.#resize.unobserve(old);
      old.remove();
      this.#heights.delete(before);
    }
    this.#expanded = node && {id, node};
    if (node) this.#resize.observe(node);
    this.#layOut();
    this.#draw();
  }

  /** Mark the open records. @param {number[]} ids */
  set open(ids) {
    this.#open = new Set(ids);
    for (const [id, node] of this.#nodes) this.#mark(id, node);
  }

  /** @type {Set<number>} */
  #open = new Set();

  /** @param {number} id @param {HTMLElement} node */
  #mark(id, node) {
    node.classList.toggle('open', this.#open.has(id));
    node.setAttribute('aria-selected', String(this.#open.has(id)));
  }

  /** @param {string} added */
  #changed(added) {
    if (added === 'all') {
      this.#nodes.forEach((node) => node.remove());
      this.#nodes.clear();
      this.#heights.clear();
      this.#current = 0;
      this.#layOut();
      this.#scroller.scrollTop = 0;
      this.#draw();
      return;
    }
    const follows = added === 'start' && this.isAtTop;
    const sticks = added === 'end' && this.isAtBottom && this.hasAttribute('following');
    const anchor = this.#rowAt(this.#firstInSight());
    const delta = anchor ? this.#scroller.scrollTop - anchor.top : 0;
    this.#layOut();
    const index = anchor ? this.#records?.indexOf(anchor.id) ?? -1 : -1;
    if (sticks) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else if (!(follows && this.hasAttribute('following')) && index >= 0) {
      this.#scroller.scrollTop = this.#offsets[index] + delta;
    }
    this.#draw();
  }

  /** @param {number} index */
  #rowAt(index) {
    const row = this.#laidOut[index];
    return row ? {id: row, top: this.#offsets[index]} : null;
  }

  /** @type {number[]} ids, as the offsets are of them */
  #laidOut = [];

  #layOut() {
    const rows = this.#records?.rows ?? [];
    const offsets = new Float64Array(rows.length + 1);
    const heights = this.#heights;
    const isEven = !heights.size;
    for (let i = 0; i < rows.length; i++) {
      const height = isEven ? this.#rowHeight : heights.get(rows[i].id) ?? this.#rowHeight;
      offsets[i + 1] = offsets[i] + height;
    }
    this.#offsets = offsets;
    this.#laidOut = rows.map((row) => row.id);
    this.#rows.style.height = `${offsets[rows.length]}px`;
    this.#scroller.setAttribute('aria-rowcount', String(this.#records?.isEnd ? rows.length + 1 : -1));
  }

  #firstInSight() {
    const top = this.#scroller.scrollTop;
    let low = 0;
    let high = this.#offsets.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#offsets[middle + 1] <= top) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #later() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const rows = this.#records?.rows ?? [];
    const bottom = this.#scroller.scrollTop + this.#scroller.clientHeight;
    const first = Math.max(0, this.#firstInSight() - MARGIN);
    let end = first;
    while (end < rows.length && this.#offsets[end] < bottom + MARGIN * this.#rowHeight) end++;
    const wanted = new Set(rows.slice(first, end).map((row) => row.id));
    for (const [id, node] of this.#nodes) {
      if (wanted.has(id) || node.contains(document.activeElement)) continue;
      node.remove();
      this.#nodes.delete(id);
    }
    for (let i = first; i < end; i++) this.#place(rows[i], i);
    if (this.#measure(first, end)) this.#draw();
    if (!rows.length) return;
    if (first < NEAR) this.#reach('start');
    if (end > rows.length - NEAR) this.#reach('end');
  }

  /** @param {import('./records.js').Row} row @param {number} index */
  #place(row, index) {
    let node = this.#nodes.get(row.id);
    if (!node) {
      node = makeRow(row, this.#look, index);
      this.#mark(row.id, node);
      this.#nodes.set(row.id, node);
      const next = this.#records?.rows.slice(index + 1, index + 50).find(({id}) => this.#nodes.has(id));
      this.#rows.insertBefore(node, (next && this.#nodes.get(next.id)) ?? null);
    }
    node.style.transform = `translateY(${this.#offsets[index]}px)`;
    node.setAttribute('aria-rowindex', String(index + 2));
    if (this.#expanded?.id === row.id && this.#expanded.node.parentNode !== node) {
      node.append(this.#expanded.node);
    }
  }

  /** Note heights; whether one was not as it had been thought. @param {number} first @param {number} end */
  #measure(first, end) {
    if (!this.#look.wrap && !this.#expanded) return false;
    let isOther = false;
    for (let i = first; i < end; i++) {
      const id = this.#laidOut[i];
      const node = this.#nodes.get(id);
      if (!node || !(this.#look.wrap || this.#expanded?.id === id)) continue;
      const height = node.offsetHeight;
      if (height === (this.#heights.get(id) ?? this.#rowHeight)) continue;
      this.#heights.set(id, height);
      isOther = true;
    }
    if (isOther) this.#layOut();
    return isOther;
  }

  /** @param {'start' | 'end'} side */
  #reach(side) {
    this.dispatchEvent(new CustomEvent('reach', {detail: side}));
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest('[data-id]');
    if (!(row instanceof HTMLElement) || target.closest('record-detail')) return;
    if (String(getSelection())) return; // a text was selected
    this.dispatchEvent(new CustomEvent('open-record', {detail: Number(row.dataset.id)}));
  }

  #drawHead() {
    const names = ['Time', '', 'Logger', 'Message', ...this.#look.cols];
    this.#head.replaceChildren(
      ...names.map((name, index) => {
        const cell = h('span', {role: 'columnheader', title: name, 'data-column': index},
          name || h('span', {class: 'unseen'}, 'Level'));
        if (index !== 1) cell.append(this.#makeGrip(index));
        return cell;
      }),
    );
  }

  /** @param {number} index */
  #makeGrip(index) {
    const grip = h('span', {class: 'grip', 'aria-hidden': 'true'});
    grip.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      const cell = /** @type {HTMLElement} */ (grip.parentElement);
      const start = event.clientX - cell.offsetWidth;
      const move = (/** @type {PointerEvent} */ moved) => {
        const width = Math.max(40, Math.round(moved.clientX - start));
        this.dispatchEvent(new CustomEvent('column-width', {detail: {index, width}}));
      };
      grip.addEventListener('pointermove', move);
      grip.addEventListener('pointerup', () => grip.removeEventListener('pointermove', move), {once: true});
    });
    return grip;
  }
}
