/** From the state to parameters of requests, and from values to expressions. */

import {rangeOf} from '../lib/time.js';

/** @typedef {import('./url-state.js').LogState} LogState */
/** @typedef {{kind: string, why?: string, terms?: string[], message?: string, column?: number}} Interpretation of a search, by the server */

export const CHARS = 2000; // of a message in a listing

const WORD = /^[A-Za-z_]\w*$/;
const SECTIONS = ['data', 'meta', 'error'];

/**
 * The parameters of a request.
 *
 * @param {LogState} state
 * @param {Interpretation} interpretation of `state.q`
 * @param {number} now the end of relative ranges, in milliseconds since the epoch
 * @returns {Record<string, string>}
 */
export function toParameters(state, interpretation, now) {
  const {after, before} = rangeOf(state, now);
  const expressions = [...state.filters];
  if (interpretation.kind === 'query') expressions.unshift(state.q);
  return withoutEmpty({
    after: after === null ? '' : new Date(after).toISOString(),
    before: before === null ? '' : new Date(before).toISOString(),
    level: state.level,
    name: state.name,
    search: interpretation.kind === 'search' ? state.q : '',
    query: all(expressions),
  });
}

/**
 * Parameters of a listing besides: fields that are columns, and the length of messages.
 *
 * @param {LogState} state
 * @returns {Record<string, string>}
 */
export function toListing({cols}) {
  return withoutEmpty({chars: String(CHARS), fields: cols.join(',')});
}

/** @param {Record<string, string>} parameters */
function withoutEmpty(parameters) {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

/** The conjunction of expressions. @param {string[]} expressions */
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
 * The name of a field of `logrec` in the query language.
 *
 * @param {(string | number)[]} steps
 */
export function fieldName(steps) {
  const path = steps.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return WORD.test(step) ? `.${step}` : `."${step.replaceAll('"', '""')}"`;
  });
  const isInSection = SECTIONS.includes(String(steps[0])) && steps.length > 1;
  return isInSection ? path.join('').slice(1) : `logrec${path.join('')}`;
}

/**
 * The expression for records in which a field has a value.
 *
 * @param {string} field
 * @param {string | number | boolean | null} value
 */
export function equals(field, value) {
  return value === null ? `${field} IS NULL` : `${field} = ${literal(value)}`;
}

/**
 * The expression for all other records, including those without the field.
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

/** The expression that excludes a logger and those below it. @param {string} name */
export function notBelow(name) {
  const below = `${name}.`;
  const length = [...below].length;
  return `name != ${literal(name)} AND substr(name, 1, ${length}) != ${literal(below)}`;
}

/**
 * The expression for the context of a record.
 *
 * @param {string} scope all, logger, process, thread, or a field
 * @param {Record<string, any>} record complete
 * @returns {string} empty for all records
 */
export function scopeExpression(scope, record) {
  if (scope === 'all') return '';
  if (scope === 'logger') return equals('name', record.name);
  const fields = {process: ['meta.process'], thread: ['meta.process', 'meta.thread']}[scope];
  return (fields ?? [scope]).map((field) => equals(field, valueAt(record, field))).join(' AND ');
}

/**
 * The value of a field, or null.
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
