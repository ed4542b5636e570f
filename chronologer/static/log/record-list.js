/**
 * <record-list>: the loaded records, of which only those in sight are in the document.
 *
 *     <div role="grid"> <div role="row" class="head"> … <div class="rows"> <div role="row"> …
 *
 * Properties `records`, `look` and `open`; events `open-record` with an id, `column-width` with
 * `{name, width}`, and `reach` with `start` or `end` when more should be loaded.
 */

import {headCells} from './list-head.js';
import {makeRow} from './record-row.js';
import {RowLayout} from './row-layout.js';
import {h} from '../lib/dom.js';

/** @typedef {import('./record-window.js').RecordWindow} RecordWindow */
/** @typedef {import('./record-row.js').Look} Look */

const NEAR = 40; // rows from an end at which more is loaded
const DOUBLE = 250; // milliseconds between the clicks of a double click
const MARGIN = 10; // rows in the document beyond those in sight

export class RecordList extends HTMLElement {
  /** @type {RecordWindow | null} */
  #records = null;
  /** @type {Look} */
  #look = {tz: 'local', terms: [], cols: [], wrap: false, now: 0};
  #layout = new RowLayout();
  /** @type {Map<number, HTMLElement>} rows in the document */
  #elements = new Map();
  /** @type {{id: number, element: HTMLElement} | null} */
  #expanded = null;
  /** @type {Set<number>} */
  #open = new Set();
  #current = 0; // id of the row that has the focus, or had it last
  #frame = 0;
  #opening = 0;
  /** @type {HTMLElement} */
  #scroller = h('div', {class: 'scroller', role: 'grid', 'aria-label': 'Records', tabindex: 0});
  #head = h('div', {class: 'row head', role: 'row', 'aria-rowindex': 1});
  #rows = h('div', {class: 'rows', role: 'rowgroup'});
  #resize = new ResizeObserver(() => {
    this.fitColumns();
    this.#drawSoon();
  });

  connectedCallback() {
    this.#scroller.append(h('div', {role: 'rowgroup', class: 'headgroup'}, this.#head), this.#rows);
    this.append(this.#scroller);
    this.#drawHead();
    this.#scroller.addEventListener('scroll', () => this.#drawSoon(), {passive: true});
    this.#rows.addEventListener('click', (event) => this.#click(event));
    this.#scroller.addEventListener('focusin', (event) => {
      const row = /** @type {Element} */ (event.target).closest('[data-id]');
      if (row instanceof HTMLElement) this.#current = Number(row.dataset.id);
    });
    this.#resize.observe(this.#scroller);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#opening);
  }

  /** @param {RecordWindow} records */
  set records(records) {
    this.#records = records;
    records.addEventListener('change', (event) => {
      this.#update(/** @type {CustomEvent} */ (event).detail.added);
    });
  }

  /** How rows are drawn. @param {Look} look */
  set look(look) {
    this.#look = look;
    this.#drawHead();
    this.redraw();
  }

  /** Leave out the logger where that brings the other columns into sight. */
  fitColumns() {
    const fits = () => this.#head.offsetWidth <= this.#scroller.clientWidth;
    this.classList.remove('nameless');
    if (fits()) return;
    this.classList.add('nameless');
    const isBeside = Boolean(this.closest('.beside'));
    this.classList.toggle('nameless', isBeside || fits());
  }

  /** Draw all rows anew. */
  redraw() {
    this.#removeRows();
    this.#layout.rowHeight = parseFloat(getComputedStyle(this).getPropertyValue('--row-height')) || 24;
    this.#layout.forget();
    this.#layOut();
    this.#draw();
  }

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

  /** Whether a row has, or had, the focus; else `current` is only the first in sight. */
  get hasCurrent() {
    return (this.#records?.indexOf(this.#current) ?? -1) >= 0;
  }

  /** The record that keys act on: the one that has, or last had, the focus; else the first in sight. */
  get current() {
    if (!this.#records) return null;
    const index = this.#records.indexOf(this.#current);
    return this.#records.rows[index < 0 ? this.#firstInSight : index] ?? null;
  }

  /**
   * Bring a row into sight, in the middle if it was out of sight.
   *
   * @param {number} id
   * @param {boolean} focus
   * @returns {boolean} false if it is not loaded
   */
  reveal(id, focus = true) {
    const index = this.#records?.indexOf(id) ?? -1;
    if (index < 0) return false;
    this.#current = id;
    const {scrollTop} = this.#scroller;
    const height = this.#scroller.clientHeight - this.#head.offsetHeight;
    const top = this.#layout.offsetOf(index);
    const bottom = top + this.#layout.rowHeight;
    if (top < scrollTop || bottom > scrollTop + height) {
      this.#scroller.scrollTop = Math.max(0, top - height / 2);
    }
    this.#draw();
    if (focus) this.#elements.get(id)?.focus({preventScroll: true});
    return true;
  }

  /** Show an element below a row, or remove it. @param {number} id @param {HTMLElement | null} element */
  expand(id, element) {
    if (this.#expanded) {
      this.#resize.unobserve(this.#expanded.element);
      this.#expanded.element.remove();
      this.#layout.forget(this.#expanded.id);
    }
    this.#expanded = element && {id, element};
    if (element) this.#resize.observe(element);
    this.#layOut();
    this.#draw();
  }

  /** Mark the open records. @param {number[]} ids */
  set open(ids) {
    this.#open = new Set(ids);
    for (const [id, element] of this.#elements) this.#mark(id, element);
  }

  /** @param {number} id @param {HTMLElement} element */
  #mark(id, element) {
    element.classList.toggle('open', this.#open.has(id));
    element.setAttribute('aria-selected', String(this.#open.has(id)));
  }

  /** Follow a change of the records; rows in sight stay where they are. @param {string} added where */
  #update(added) {
    if (added === 'all') {
      this.#removeRows();
      this.#current = 0;
      this.#layout.forget();
      this.#layOut();
      this.#scroller.scrollTop = 0;
      this.#draw();
      return;
    }
    const isFollowing = this.hasAttribute('following');
    const staysAtTop = added === 'start' && this.isAtTop && isFollowing;
    const staysAtBottom = added === 'end' && this.isAtBottom && isFollowing;
    const first = this.#firstInSight;
    const anchor = this.#layout.idAt(first);
    const delta = this.#scroller.scrollTop - this.#layout.offsetOf(first);
    this.#layOut();
    const index = anchor === undefined ? -1 : this.#records?.indexOf(anchor) ?? -1;
    if (staysAtBottom) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else if (!staysAtTop && index >= 0) this.#scroller.scrollTop = this.#layout.offsetOf(index) + delta;
    this.#draw();
  }

  #layOut() {
    const rows = this.#records?.rows ?? [];
    this.#layout.ids = rows.map((row) => row.id);
    this.#applyHeight();
    this.#scroller.setAttribute('aria-rowcount', String(this.#records?.isEnd ? rows.length + 1 : -1));
  }

  #applyHeight() {
    this.#rows.style.height = `${this.#layout.height}px`;
  }

  /** The index of a row. */
  get #firstInSight() {
    return this.#layout.indexAt(this.#scroller.scrollTop);
  }

  #drawSoon() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #removeRows() {
    for (const element of this.#elements.values()) element.remove();
    this.#elements.clear();
  }

  #draw() {
    const rows = this.#records?.rows ?? [];
    const bottom = this.#scroller.scrollTop + this.#scroller.clientHeight;
    const first = Math.max(0, this.#firstInSight - MARGIN);
    const end = Math.min(rows.length, this.#layout.indexAt(bottom) + 1 + MARGIN);
    const indexes = this.#withFocused(first, end);
    const wanted = new Set(indexes.map((index) => rows[index].id));
    for (const [id, element] of this.#elements) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
    /** @type {Element | null} */
    let before = null;
    for (const index of indexes) before = this.#drawRow(rows[index], index, before);
    if (this.#measure(rows.slice(first, end))) this.#draw();
    if (!rows.length) return;
    if (first < NEAR) this.#reach('start');
    if (end > rows.length - NEAR) this.#reach('end');
  }

  /**
   * The indexes of the rows to draw. The row that has the focus is one of them wherever it is, or
   * the focus would be lost; it is drawn anew like the others, for records that arrive move it.
   *
   * @param {number} first
   * @param {number} end
   */
  #withFocused(first, end) {
    const indexes = Array.from({length: Math.max(0, end - first)}, (_, i) => first + i);
    const focused = [...this.#elements].find(([, element]) => element.contains(document.activeElement));
    const index = focused ? this.#records?.indexOf(focused[0]) ?? -1 : -1;
    if (index < 0 || (index >= first && index < end)) return indexes;
    return index < first ? [index, ...indexes] : [...indexes, index];
  }

  /**
   * @param {import('./record-window.js').Row} row
   * @param {number} index
   * @param {Element | null} before the row above it in the document
   */
  #drawRow(row, index, before) {
    let element = this.#elements.get(row.id);
    if (!element) {
      element = makeRow(row, this.#look, index);
      this.#mark(row.id, element);
      this.#elements.set(row.id, element);
      if (before) before.after(element);
      else this.#rows.prepend(element);
    }
    element.style.transform = `translateY(${this.#layout.offsetOf(index)}px)`;
    element.setAttribute('aria-rowindex', String(index + 2));
    if (this.#expanded?.id === row.id && this.#expanded.element.parentNode !== element) {
      element.append(this.#expanded.element);
    }
    return element;
  }

  /** Measure rows that may have another height than usual. @param {import('./record-window.js').Row[]} rows */
  #measure(rows) {
    const isMeasured = (/** @type {number} */ id) => this.#look.wrap || this.#expanded?.id === id;
    const heights = new Map(rows.filter(({id}) => isMeasured(id))
      .map(({id}) => [id, this.#elements.get(id)?.offsetHeight ?? this.#layout.rowHeight]));
    const isChanged = this.#layout.measure(heights);
    if (isChanged) this.#applyHeight();
    return isChanged;
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
    const selected = String(getSelection());
    if (selected && !selected.trim()) return; // the second click of a double click beside the words
    clearTimeout(this.#opening);
    if (selected) return; // a text was selected
    const open = () => this.dispatchEvent(new CustomEvent('open-record', {detail: Number(row.dataset.id)}));
    // The first record that opens beside the list moves it. A double click shall select the word
    // that it is on.
    if (this.closest('.beside') || !window.matchMedia('(min-width: 1100px)').matches) open();
    else this.#opening = setTimeout(open, DOUBLE);
  }

  #drawHead() {
    this.#head.replaceChildren(...headCells(this.#look.cols, (name, width) => {
      this.dispatchEvent(new CustomEvent('column-width', {detail: {name, width}}));
    }));
  }
}

customElements.define('record-list', RecordList);
