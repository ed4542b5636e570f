/** Completion of fields and values, without a document. */

import {literal} from './filter.js';

const FIELD = String.raw`(?:[A-Za-z_]\w*)(?:\.(?:[A-Za-z_]\w*|"[^"]*")|\[\d+\])*\.?`;
const OPERATOR = String.raw`(?:=|!=|<>|<=?|>=?)`;
const VALUE = new RegExp(`(${FIELD})\\s*${OPERATOR}\\s*('[^']*|[\\w.-]*)$`);
const NAME = new RegExp(`(?:^|[\\s(])(${FIELD})$`);

/**
 * The word before the caret: the beginning of a field, or of a value of a field.
 *
 * @param {string} text
 * @param {number} caret
 * @returns {{kind: 'field' | 'value', field: string, start: number, typed: string} | null}
 */
export function wordAt(text, caret) {
  const before = text.slice(0, caret);
  const value = VALUE.exec(before);
  if (value) {
    return {kind: 'value', field: value[1], start: caret - value[2].length, typed: value[2].replace(/^'/, '')};
  }
  const name = NAME.exec(before);
  return name && {kind: 'field', field: name[1], start: caret - name[1].length, typed: name[1]};
}

/**
 * Names that contain a text; those that begin with it come first.
 *
 * @param {string[]} names
 * @param {string} typed
 */
export function matching(names, typed) {
  const wanted = typed.toLowerCase();
  const begin = names.filter((name) => name.toLowerCase().startsWith(wanted));
  const contain = names.filter((name) => name.toLowerCase().includes(wanted) && !begin.includes(name));
  return [...begin, ...contain].filter((name) => name !== typed);
}

/**
 * Replace the word before the caret by a suggestion.
 *
 * @param {string} text
 * @param {number} caret
 * @param {{kind: string, start: number}} word
 * @param {string | number | boolean} chosen
 * @returns {{text: string, caret: number}}
 */
export function complete(text, caret, word, chosen) {
  const inserted = word.kind === 'value' ? literal(chosen) : String(chosen);
  // The rest of the word that the caret is in is replaced too.
  const rest = text.slice(caret).replace(word.kind === 'value' ? /^[^\s'()]*'?/ : /^[\w.]*/, '');
  const start = text.slice(0, word.start) + inserted;
  return {text: `${start} ${rest.trimStart()}`.trimEnd() + (rest ? '' : ' '), caret: start.length + 1};
}
