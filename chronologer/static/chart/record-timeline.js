/**
 * <record-timeline>: a bar for each bucket: the number of its records, by level.
 *
 * Property `data`, until which it is `ariaBusy`; events `select-range` with `{start, end}` in
 * milliseconds, `zoom-out`, and `show-level` with a name. Arrow keys move from bar to bar, Enter
 * zooms in.
 */

import {h, svg} from '../lib/dom.js';
import {byName, endOf, ticks} from './scale.js';
import {LEVELS, counted, grouped, levelName} from '../lib/text.js';
import {formatSecond, zoneText} from '../lib/time.js';

/** @typedef {{span: {start: number, end: number}, buckets: import('./scale.js').Bucket[], group: string, tz: string}} Data */

const HEIGHT = 84;
const AXIS = 16;
const NAMES = [...LEVELS.map(([, name]) => name), 'NOTSET'];

export class RecordTimeline extends HTMLElement {
  /** @type {Data} */
  #data = {span: {start: 0, end: 0}, buckets: [], group: 'hour', tz: 'local'};
  #chart = svg('svg', {
    class: 'chart', height: HEIGHT, tabindex: 0, role: 'application',
    'aria-label': 'Records over time. Arrow keys move from bar to bar, Enter zooms in, minus zooms out.',
  });
  #legend = h('ul', {class: 'legend', 'aria-label': 'Records by level'});
  #zone = h('span', {class: 'zone', title: 'Time zone of all times (d)'});
  #tip = h('output', {class: 'tip', 'aria-live': 'polite'});
  #table = h('details', {class: 'as-table'});
  #from = -1; // pixels, while dragging
  #pointer = -1; // pixels, while it is over the chart
  #at = -1; // index of the bar that arrow keys have reached
  #resize = new ResizeObserver(() => this.#draw());

  connectedCallback() {
    const zoomOut = h('button', {class: 'quiet', title: 'Double the time range (−)', onclick: () => this.#fire('zoom-out', null)}, 'Zoom out');
    this.append(
      this.#chart,
      h('div', {class: 'under'}, this.#legend, this.#tip, this.#zone, zoomOut, this.#table),
    );
    this.#chart.addEventListener('pointerdown', (event) => this.#press(/** @type {any} */ (event)));
    this.#chart.addEventListener('pointermove', (event) => this.#move(/** @type {any} */ (event)));
    this.#chart.addEventListener('pointerup', (event) => this.#release(/** @type {any} */ (event)));
    this.#chart.addEventListener('pointerleave', () => this.#point(-1));
    this.#chart.addEventListener('wheel', (event) => this.#wheel(/** @type {any} */ (event)), {passive: false});
    this.#chart.addEventListener('keydown', (event) => this.#key(/** @type {any} */ (event)));
    this.#drawTable();
    this.#table.addEventListener('toggle', () => this.#drawTable());
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
  }

  /** @param {Data} data */
  set data(data) {
    this.#data = data;
    this.#at = -1;
    this.ariaBusy = 'false';
    this.#draw();
    this.#point(this.#pointer); // it may rest on another bar now
    this.#drawLegend();
    this.#drawTable();
  }

  get #width() {
    return Math.max(50, this.#chart.clientWidth);
  }

  /** @param {number} time */
  #x(time) {
    const {start, end} = this.#data.span;
    return ((time - start) / (end - start)) * this.#width;
  }

  /** @param {number} x */
  #time(x) {
    const {start, end} = this.#data.span;
    const part = Math.min(1, Math.max(0, x / this.#width));
    return start + part * (end - start);
  }

  /** @param {number} index */
  #bounds(index) {
    const {buckets, group, span} = this.#data;
    const {start} = buckets[index];
    const next = buckets[index + 1]?.start ?? Infinity;
    const end = endOf(group, start, next);
    return {start: Math.max(start, span.start), end: Math.min(end, span.end)};
  }

  #draw() {
    const {buckets, span, tz} = this.#data;
    const width = this.#width;
    this.#chart.setAttribute('width', String(width));
    const most = Math.max(1, ...buckets.map(({count}) => count));
    const room = HEIGHT - AXIS - 2;
    const parts = buckets.map((bucket, index) => this.#bar(bucket, index, room / most));
    const labels = ticks(span, width / 90, tz).map(({time, text}) => {
      const x = this.#x(time);
      return svg('g', {class: 'tick'},
        svg('line', {x1: x, x2: x, y1: HEIGHT - AXIS, y2: HEIGHT - AXIS + 4}),
        svg('text', {x: x + 3, y: HEIGHT - 3}, text));
    });
    const axis = svg('line', {class: 'axis', x1: 0, x2: width, y1: HEIGHT - AXIS + 0.5, y2: HEIGHT - AXIS + 0.5});
    this.#chart.replaceChildren(axis, ...labels, ...parts,
      svg('rect', {class: 'brush', y: 0, height: HEIGHT - AXIS, width: 0}));
    let taken = 0; // up to the end of the label before
    for (const text of this.#chart.querySelectorAll('text')) {
      if (text.getBBox().x + text.getComputedTextLength() > width) {
        text.setAttribute('x', String(Number(text.getAttribute('x')) - 6));
        text.setAttribute('text-anchor', 'end'); // it would be cut
      }
      const {x, width: length} = text.getBBox();
      if (x < taken) text.remove();
      taken = x + length;
    }
    const [name, ...offset] = zoneText(tz, span.end).split(' ');
    this.#zone.replaceChildren(h('span', {class: offset.length ? 'zone-name' : ''}, name), ...offset.map((text) => ` ${text}`));
  }

  /** @param {import('./scale.js').Bucket} bucket @param {number} index @param {number} scale */
  #bar(bucket, index, scale) {
    const {start, end} = this.#bounds(index);
    const x = this.#x(start);
    const width = Math.max(1, this.#x(end) - x - (this.#x(end) - x > 4 ? 1 : 0));
    const counts = byName(bucket, levelName);
    let y = HEIGHT - AXIS;
    const bars = [...NAMES].reverse().filter((name) => counts[name]).map((name) => {
      const height = Math.max(counts[name] * scale, 1);
      y -= height;
      return svg('rect', {class: name.toLowerCase(), x, y: Math.max(0, y), width, height});
    });
    return svg('g', {'data-index': index, class: index === this.#at ? 'bar at' : 'bar'}, ...bars);
  }

  #drawLegend() {
    /** @type {Record<string, number>} */
    const sums = {};
    for (const bucket of this.#data.buckets) {
      for (const [name, count] of Object.entries(byName(bucket, levelName))) {
        sums[name] = (sums[name] ?? 0) + count;
      }
    }
    this.#legend.replaceChildren(
      ...NAMES.filter((name) => sums[name]).map((name) =>
        h('li', {},
          h('button', {
            class: `quiet legend-${name.toLowerCase()}`, title: `Show ${name} and above`,
            onclick: () => this.#fire('show-level', name),
          }, h('span', {class: `swatch ${name.toLowerCase()}`, 'aria-hidden': 'true'}),
          `${name} ${grouped(sums[name])}`))),
    );
  }

  #drawTable() {
    const {buckets, tz} = this.#data;
    const rows = !/** @type {HTMLDetailsElement} */ (this.#table).open ? [] : buckets.map((bucket) => {
      const counts = byName(bucket, levelName);
      return h('tr', {}, h('th', {scope: 'row'}, formatSecond(bucket.start, tz)),
        ...NAMES.map((name) => h('td', {}, counts[name] ?? 0)));
    });
    this.#table.replaceChildren(
      h('summary', {}, 'Table'),
      h('table', {},
        h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'From'),
          ...NAMES.map((name) => h('th', {scope: 'col'}, name)))),
        h('tbody', {}, ...rows)),
    );
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button) return;
    this.#from = event.offsetX;
    this.#chart.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const x = event.offsetX;
    if (this.#from >= 0) this.#brush(Math.min(x, this.#from), Math.max(x, this.#from));
    this.#point(x);
  }

  /** Describe what is where the pointer is. @param {number} x -1 if it is elsewhere */
  #point(x) {
    this.#pointer = x;
    const time = this.#time(x);
    const index = this.#indexAt(time);
    if (x < 0) this.#showTip('');
    else this.#showTip(index < 0 ? formatSecond(time, this.#data.tz) : this.#describe(index));
  }

  /** @param {PointerEvent} event */
  #release(event) {
    if (this.#from < 0) return;
    const [low, high] = [this.#from, event.offsetX].sort((a, b) => a - b);
    this.#from = -1;
    this.#brush(0, 0);
    if (high - low >= 4) this.#select(this.#time(low), this.#time(high));
    else this.#zoom(this.#indexAt(this.#time(low)));
  }

  /** @param {number} low @param {number} high pixels */
  #brush(low, high) {
    const brush = this.#chart.querySelector('.brush');
    brush?.setAttribute('x', String(low));
    brush?.setAttribute('width', String(high - low));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!event.ctrlKey && !event.altKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    const {start, end} = this.#data.span;
    const at = this.#time(event.offsetX);
    const factor = event.deltaY > 0 ? 2 : 0.5;
    this.#select(at - (at - start) * factor, at + (end - at) * factor);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const {length} = this.#data.buckets;
    /** @type {Record<string, number>} */
    const steps = {ArrowLeft: -1, ArrowRight: 1};
    if (event.key in steps && length) {
      this.#at = this.#at < 0 ? length - 1 : this.#at + steps[event.key];
      this.#at = Math.min(length - 1, Math.max(0, this.#at));
      this.#draw();
      this.#showTip(this.#describe(this.#at));
    } else if (event.key === 'Enter') this.#zoom(this.#at);
    else if (event.key === '-') this.#fire('zoom-out', null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} time */
  #indexAt(time) {
    return this.#data.buckets.findIndex((_, index) => {
      const {start, end} = this.#bounds(index);
      return start <= time && time < end;
    });
  }

  /** @param {number} index */
  #describe(index) {
    const bucket = this.#data.buckets[index];
    const counts = byName(bucket, levelName);
    const levels = NAMES.filter((name) => counts[name]).map((name) => `${name} ${grouped(counts[name])}`);
    const start = formatSecond(bucket.start, this.#data.tz);
    return `${start}: ${counted(bucket.count, 'record')} (${levels.join(', ')})`;
  }

  /** @param {number} index */
  #zoom(index) {
    if (index < 0) return;
    const {start, end} = this.#bounds(index);
    this.#select(start, end - 1);
  }

  /** @param {number} start @param {number} end */
  #select(start, end) {
    this.#fire('select-range', {start: Math.floor(start), end: Math.ceil(end)});
  }

  /** @param {string} text */
  #showTip(text) {
    this.#tip.textContent = text;
  }

  /** @param {string} name @param {any} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

customElements.define('record-timeline', RecordTimeline);
