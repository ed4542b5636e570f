/** The head of the list: names of the columns, and grips that change their widths. */

import {h} from '../lib/dom.js';

const FIXED = 4; // columns before those of chosen fields
const LEVEL = 1; // index of the column that has no name and no grip
const LEAST = 40; // pixels

/** The name under which a column's width is kept. @param {number} index @param {string[]} cols */
function widthName(index, cols) {
  return index < FIXED ? index : cols[index - FIXED];
}

/**
 * The cells of the head.
 *
 * @param {string[]} cols fields that are columns
 * @param {(name: string | number, width: number) => void} resize called while a grip is dragged
 */
export function headCells(cols, resize) {
  return ['Time', '', 'Logger', 'Message', ...cols].map((title, index) => {
    const cell = h('span', {role: 'columnheader', title, 'data-column': index},
      title || h('span', {class: 'unseen'}, 'Level'));
    if (index !== LEVEL) cell.append(makeGrip(cell, (width) => resize(widthName(index, cols), width)));
    return cell;
  });
}

/** @param {HTMLElement} cell @param {(width: number) => void} resize */
function makeGrip(cell, resize) {
  const grip = h('span', {class: 'grip', 'aria-hidden': 'true'});
  grip.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    const start = event.clientX - cell.offsetWidth;
    const move = (/** @type {PointerEvent} */ moved) => resize(Math.max(LEAST, Math.round(moved.clientX - start)));
    grip.addEventListener('pointermove', move);
    grip.addEventListener('pointerup', () => grip.removeEventListener('pointermove', move), {once: true});
  });
  return grip;
}

/**
 * CSS properties for the widths of the columns: `--columns`, a grid template, and `--least`, the
 * width below which the list scrolls sideways. Those that end with `-nameless` are without the
 * logger; `--least-beside` is the width of the list that an open record leaves.
 *
 * @param {Record<string, number>} widths chosen ones, in pixels
 * @param {string[]} cols fields that are columns
 */
export function columnStyle(widths, cols) {
  const width = (/** @type {number} */ index, /** @type {string} */ usual) => {
    const chosen = widths[widthName(index, cols)];
    return chosen ? `${chosen}px` : usual;
  };
  const message = `min(${width(3, 'var(--message-width)')}, var(--message-most, 100rem))`;
  const others = cols.map((_, index) => width(FIXED + index, '10rem'));
  const before = [width(0, 'var(--time-width)'), 'var(--level-width)'];
  const named = [...before, width(2, 'var(--name-width)')];
  const template = (/** @type {string[]} */ first) => [...first, `minmax(${message}, 1fr)`, ...others].join(' ');
  const sum = (/** @type {string[]} */ ...parts) => `calc(${parts.join(' + ')} + 3px)`;
  return {
    '--columns': template(named),
    '--least': sum(...named, message, ...others),
    '--columns-nameless': template(before),
    '--least-nameless': sum(...before, message, ...others),
    '--least-beside': sum(...before, 'var(--message-beside)', ...others),
  };
}
