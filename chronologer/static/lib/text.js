/** Texts of records as they are shown: levels, first lines, matches, visible control characters. */

/** @type {[number, string, string][]} lowest level, name, letter */
export const LEVELS = [
  [50, 'CRITICAL', 'C'],
  [40, 'ERROR', 'E'],
  [30, 'WARNING', 'W'],
  [20, 'INFO', 'I'],
  [10, 'DEBUG', 'D'],
];

const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
// C0 except tab and newline, C1, zero-width and bidirectional controls, tags, other invisible ones.
const INVISIBLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const LINE = 500; // characters of a message that a row shows

/** The standard level that a number belongs to. @param {number} level */
export function levelName(level) {
  return LEVELS.find(([low]) => level >= low)?.[1] ?? 'NOTSET';
}

/** The name of a level, with its number if that is not a standard one. @param {number} level */
export function levelText(level) {
  const name = levelName(level);
  const isStandard = level === 0 || LEVELS.some(([low]) => low === level);
  return isStandard ? name : `${name} (${level})`;
}

/** A level as a parameter of the API. @param {number} level */
export function levelParameter(level) {
  return LEVELS.find(([low]) => level === low)?.[1] ?? String(level);
}

/** @param {number} level */
export function levelLetter(level) {
  return levelName(level)[0];
}

/**
 * A text without colour codes, in which characters that are invisible, or change the direction of
 * others, are replaced by their number.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(ANSI, '').replace(/\r\n/g, '\n').replace(INVISIBLE, showCharacter);
}

/** @param {string} character */
function showCharacter(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  return `\u27e8${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/**
 * The part of a message that a row shows, and whether there is more.
 *
 * @param {string} message
 * @returns {{text: string, more: boolean}}
 */
export function firstLine(message) {
  const start = visible(message.slice(0, LINE * 4).trimStart());
  const text = start.split('\n', 1)[0].slice(0, LINE);
  return {text, more: message.length > LINE * 4 || start.trimEnd() !== text.trimEnd()};
}

/**
 * Split a text at search terms.
 *
 * @param {string} text
 * @param {string[]} terms
 * @returns {{text: string, hit: boolean}[]}
 */
export function highlight(text, terms) {
  if (!terms.length) return [{text, hit: false}];
  const wanted = [...terms].sort((a, b) => b.length - a.length).map(escapeRegExp).join('|');
  return text
    .split(new RegExp(`(${wanted})`, 'giu'))
    .map((part, index) => ({text: part, hit: index % 2 === 1}))
    .filter((part) => part.text);
}

/** @param {string} text */
function escapeRegExp(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\\-/g, '\\x2d');
}

/** A value as JSON; integers may be BigInt. @param {any} value @param {number} [indent] */
export function toJson(value, indent) {
  const {rawJSON} = /** @type {any} */ (JSON);
  const write = (/** @type {string} */ _, /** @type {any} */ item) => (typeof item === 'bigint' ? rawJSON(String(item)) : item);
  return JSON.stringify(value, write, indent);
}

/** A number with thousands separators. @param {number} count */
export function grouped(count) {
  return count.toLocaleString('en-US');
}

/** A count and its noun. @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}
