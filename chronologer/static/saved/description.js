/** What a saved search selects, in readable form, without a document. */

import {LEVELS} from '../lib/text.js';
import {formatRange} from '../lib/time.js';

/** @typedef {import('../log/url-state.js').LogState} LogState */
/** @typedef {{label: string, text: string, isCode?: boolean}} Part code is a text of the query language */

/** @param {LogState} state @returns {Part[]} */
export function describe(state) {
  const {q, level, name, filters, cols, order, tail, around, scope} = state;
  /** @type {(Part | null)[]} */
  const parts = [
    q ? {label: 'Search', text: q, isCode: true} : null,
    ...filters.map((text) => ({label: 'Filter', text, isCode: true})),
    level ? {label: 'Level', text: levelRange(level)} : null,
    name ? {label: 'Logger', text: name.split(',').join(', '), isCode: true} : null,
    around ? {label: 'Context', text: `record #${around}, ${scope === 'all' ? 'all records' : `same ${scope}`}`} : null,
    around ? null : {label: 'Time', text: formatRange(state)},
    cols.length ? {label: 'Columns', text: cols.join(', '), isCode: true} : null,
    order === 'asc' ? {label: 'Order', text: 'oldest first'} : null,
    tail ? {label: 'Live tail', text: 'on'} : null,
  ];
  return parts.filter((part) => part !== null);
}

/** @param {string} level a name or a number */
function levelRange(level) {
  const isHighest = level === LEVELS[0][1];
  return isHighest ? level : `${level} and above`;
}
