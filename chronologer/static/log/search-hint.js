/** What a person may have meant by a search that finds nothing, or that is a mistake. */

import {literal} from './filter.js';
import {LEVELS} from '../lib/text.js';

/** @typedef {import('./url-state.js').LogState} LogState */
/** @typedef {{field: string, types: string[]}} Field as the server lists them */
/** @typedef {{text: string, changes: Partial<LogState>}} Hint a button, and what it changes */

const COMPARISON = /^\s*([A-Za-z_][\w.-]*)\s*(:|==?|!=|<>|<=?|>=?)\s*(?:'((?:[^']|'')*)'|"([^"]*)"|([^\s'"()]+))\s*$/;

/**
 * The search that is likely meant, or null.
 *
 * @param {string} q
 * @param {Field[]} fields that records have
 * @param {string[]} loggers
 * @returns {Hint | null}
 */
export function hintFor(q, fields, loggers) {
  const parts = COMPARISON.exec(q);
  if (!parts) return severalHint(q, fields, loggers) ?? loggerHint(q.trim(), loggers);
  const [, name, sign, single, double, bare] = parts;
  const operator = {':': '=', '==': '='}[sign] ?? sign;
  const text = single?.replaceAll("''", "'") ?? double ?? bare;
  if (/^(level|levelname|severity)$/i.test(name)) return levelHint(operator, text);
  if (/^(logger|name)$/i.test(name) && operator === '=') return loggerHint(text, loggers);
  const field = nearestField(name, fields);
  if (!field) return null;
  const isNumber = /^-?\d+(\.\d+)?$/.test(text) && (field.types.includes('number') || !field.types.includes('text'));
  return asSearch(`${field.field} ${operator} ${isNumber ? text : literal(text)}`, q);
}

/** For several comparisons: what is meant by all. @param {string} q @param {Field[]} fields @param {string[]} loggers @returns {Hint | null} */
function severalHint(q, fields, loggers) {
  const parts = q.trim().split(/\s+(?:and\s+)?/i);
  const hints = parts.map((part) => COMPARISON.test(part) && hintFor(part, fields, loggers));
  if (parts.length < 2 || !hints.every(Boolean)) return null;
  const all = hints.flatMap((hint) => hint || []);
  const search = all.flatMap(({changes}) => changes.q || []).join(' AND ');
  const text = [search && `Search ${search}`, ...all.filter(({changes}) => !changes.q).map((hint) => hint.text)];
  return {text: text.filter(Boolean).join('; '), changes: Object.assign({}, ...all.map(({changes}) => changes), {q: search})};
}

/** @param {string} search @param {string} q @returns {Hint | null} */
function asSearch(search, q) {
  return search === q.trim() ? null : {text: `Search ${search}`, changes: {q: search}};
}

/** @param {string} operator @param {string} text @returns {Hint | null} */
function levelHint(operator, text) {
  const short = text.toUpperCase().replace(/^WARN$/, 'WARNING').replace(/^(FATAL|CRIT)$/, 'CRITICAL').replace(/^ERR$/, 'ERROR');
  const level = LEVELS.find(([number, name]) => name === short || String(number) === text);
  if (!level) return null;
  const [number, name] = level;
  if (['=', '>='].includes(operator)) return {text: `Show ${name} and above`, changes: {q: '', level: name}};
  return {text: `Search level ${operator} ${number}`, changes: {q: `level ${operator} ${number}`}};
}

/** @param {string} word @param {string[]} loggers @returns {Hint | null} */
function loggerHint(word, loggers) {
  const wanted = word.replace(/^"(.*)"$/, '$1').toLowerCase();
  if (!wanted) return null;
  const match = (/** @type {(name: string) => boolean} */ test) => loggers.find((name) => test(name.toLowerCase()));
  const found = match((name) => name === wanted) ?? match((name) => name.startsWith(`${wanted}.`))?.slice(0, wanted.length)
    ?? match((name) => name.endsWith(`.${wanted}`));
  return found ? {text: `Show logger ${found}`, changes: {q: '', name: found}} : null;
}

/**
 * The field of that name, of that name below `data`, or of the nearest one.
 *
 * @param {string} name
 * @param {Field[]} fields
 * @returns {Field | undefined}
 */
function nearestField(name, fields) {
  const wanted = name.toLowerCase();
  const within = (/** @type {Field} */ {field}) => {
    const known = field.toLowerCase();
    return Math.min(distance(wanted, known), distance(`data.${wanted}`, known));
  };
  const most = wanted.replace(/^data\./, '').length < 4 ? 1 : 2;
  const best = fields.map((field) => ({field, far: within(field)})).sort((a, b) => a.far - b.far)[0];
  return best && best.far <= most ? best.field : undefined;
}

/** How many characters must be added, removed or replaced. @param {string} a @param {string} b */
function distance(a, b) {
  let row = Array.from({length: b.length + 1}, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
