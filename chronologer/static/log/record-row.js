/** A row of the list: time, level, logger, message, and chosen fields. */

import {h} from '../lib/dom.js';
import {firstLine, highlight, levelLetter, levelName, levelText, toJson, visible} from '../lib/text.js';
import {formatIso, formatRow, parseTs} from '../lib/time.js';

/** @typedef {import('./record-window.js').Row} Row */
/** @typedef {{tz: string, terms: string[], cols: string[], wrap: boolean, now: number}} Look */

/** @param {Row} row @param {Look} look @param {number} index */
export function makeRow(row, look, index) {
  const time = parseTs(row.ts);
  const [, day, clock, milli] = /^(.*? )(.*)(\.\d+)$/.exec(formatRow(time, look.tz, look.now)) ?? [];
  return h(
    'div',
    {
      class: `row ${levelName(row.level).toLowerCase()}`,
      role: 'row',
      'data-id': row.id,
      'aria-rowindex': index + 2,
      tabindex: -1,
    },
    h('span', {role: 'gridcell', class: 'time', title: formatIso(time, look.tz)},
      h('span', {class: 'day'}, day), clock, h('span', {class: 'milli'}, milli)),
    h('span', {role: 'gridcell', class: 'level', title: levelText(row.level)},
      levelLetter(row.level), h('span', {class: 'unseen'}, ` ${levelText(row.level)}`)),
    h('span', {role: 'gridcell', class: 'name', title: visible(row.name.slice(0, 500))},
      visible(row.name.slice(0, 200))),
    messageCell(row, look),
    ...look.cols.map((field) => fieldCell(row.fields?.[field])),
  );
}

/** @param {Row} row @param {Look} look */
function messageCell(row, look) {
  const {text, more} = look.wrap
    ? {text: visible(row.message), more: false}
    : firstLine(row.message);
  return h(
    'span',
    {role: 'gridcell', class: 'message'},
    ...marked(text, look.terms),
    (more || row.length) && h('span', {class: 'more', title: 'The message is longer'}, ' …'),
  );
}

/**
 * A text as nodes, with search terms marked.
 *
 * @param {string} text
 * @param {string[]} terms
 */
export function marked(text, terms) {
  return highlight(text, terms).map(({text, hit}) => (hit ? h('mark', {}, text) : text));
}

/** @param {any} value */
function fieldCell(value) {
  const isNone = value === null || value === undefined;
  const text = typeof value === 'string' ? value : toJson(value);
  return h('span', {role: 'gridcell', class: isNone ? 'field none' : 'field'},
    isNone ? '–' : visible(text.slice(0, 300)));
}
