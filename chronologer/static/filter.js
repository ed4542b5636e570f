/** From what the page shows to what the server is asked, and expressions from values. */

import {rangeOf} from './time.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{kind: string, why?: string, terms?: string[], message?: string, column?: number}} Reading */

export const CHARS = 2000; // of a message, in listings

const WORD = /^[A-Za-z_]\w*$/;
const SECTIONS = ['data', 'meta', 'error'];

/**
 * The parameters of a question.
 *
 * @param {State} state
 * @param {Reading} reading of `state.q`
 * @param {number} now milliseconds since the epoch, which relative ranges end at
 * @returns {Record<string, string>}
 */
export function toParameters(state, reading, now) {
  const {after, before} = rangeOf(state, now);
  const expressions = [...state.filters];
  if (reading.kind === 'query') expressions.unshift(state.q);
  return withoutEmpty({
    after: after === null ? '' : new Date(after).toISOString(),
    before: before === null ? '' : new Date(before).toISOString(),
    level: state.level,
    name: state.name,
    search: reading.kind === 'search' ? state.q : '',
    query: all(expressions),
  });
}

/**
 * What a listing is asked for besides: the fields that are columns, and no more of a message
 * than rows show.
 *
 * @param {State} state
 * @returns {Record<string, string>}
 */
export function toListing({cols}) {
  return withoutEmpty({chars: String(CHARS), fields: cols.join(',')});
}

/** @param {Record<string, string>} parameters */
function withoutEmpty(parameters) {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

/** Expressions that must all be true. @param {string[]} expressions */
export function all(expressions) {
  return expressions.length > 1
    ? expressions.map((expression) => `(${expression})`).join(' AND ')
    : expressions.join('');
}

/** A literal of the query language. @param {string | number | boolean} value */
export function literal(value) {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  return typeof value === 'boolean' ? String(value).toUpperCase() : String(value);
}

/**
 * The name of a place in `logrec`, as queries have it.
 *
 * @param {(string | number)[]} steps
 */
export function fieldName(steps) {
  const path = steps.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return WORD.test(step) ? `.${step}` : `."${step.replaceAll('"', '""')}"`;
  });
  if (SECTIONS.includes(String(steps[0]))) return path.join('').slice(1);
  const json = steps.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return WORD.test(step) ? `.${step}` : `.${JSON.stringify(step)}`;
  });
  return `logrec->'$${json.join('').replaceAll("'", "''")}'`;
}

/**
 * The expression for records that have a value.
 *
 * @param {string} field
 * @param {string | number | boolean | null} value
 */
export function equals(field, value) {
  return value === null ? `${field} IS NULL` : `${field} = ${literal(value)}`;
}

/**
 * The expression for the others, those that lack the field included.
 *
 * @param {string} field
 * @param {string | number | boolean | null} value
 */
export function differs(field, value) {
  if (value === null) return `${field} IS NOT NULL`;
  const unequal = `${field} != ${literal(value)}`;
  const isColumn = ['level', 'name', 'message', 'id'].includes(field);
  return isColumn ? unequal : `${field} IS NULL OR ${unequal}`;
}

/** The expression for what is neither a logger nor below it. @param {string} name */
export function notBelow(name) {
  const below = `${name}.`;
  const length = [...below].length;
  return `name != ${literal(name)} AND substr(name, 1, ${length}) != ${literal(below)}`;
}

/**
 * Which records belong together with one.
 *
 * @param {string} scope all, logger, process, thread, or a field
 * @param {Record<string, any>} record whole
 * @returns {string} an expression, empty for all
 */
export function scopeExpression(scope, record) {
  if (scope === 'all') return '';
  if (scope === 'logger') return equals('name', record.name);
  const fields = {process: ['meta.process'], thread: ['meta.process', 'meta.thread']}[scope];
  return (fields ?? [scope]).map((field) => equals(field, valueAt(record, field))).join(' AND ');
}

/**
 * The value of a field whose name is of words and points.
 *
 * @param {Record<string, any>} record
 * @param {string} field
 */
export function valueAt(record, field) {
  let value = record.logrec;
  for (const step of field.match(/"(?:[^"]|"")*"|[^.[\]]+/g) ?? []) {
    const key = step.startsWith('"') ? step.slice(1, -1).replaceAll('""', '"') : step;
    value = value != null && Object.hasOwn(Object(value), key) ? value[key] : null;
  }
  return value;
}
