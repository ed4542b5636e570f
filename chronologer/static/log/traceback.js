/** Python tracebacks, parsed by line, so that frames and exceptions stand out. */

import {h} from '../lib/dom.js';
import {visible} from '../lib/text.js';

const FRAME = /^(\s*)(?:\| )?File "(.+)", line (\d+)(?:, in (.+))?$/;
const FOREIGN = /[\\/](?:site-packages|dist-packages|lib[\\/]python\d[^\\/]*)[\\/]|^<frozen /;

/**
 * The kind of each line: `head`, `frame` or `source` (of a library: with `foreign`), `marker`,
 * `between` two exceptions, or `exception`.
 *
 * @param {string} text
 * @returns {{kind: string, foreign: boolean, text: string}[]}
 */
export function readTraceback(text) {
  let foreign = false;
  let isFrame = false;
  return text.split('\n').map((line) => {
    const frame = FRAME.exec(line);
    if (frame) {
      foreign = FOREIGN.test(frame[2]);
      isFrame = true;
      return {kind: 'frame', foreign, text: line};
    }
    if (isFrame && /^\s{4}/.test(line)) {
      return {kind: /^[\s|]*[~^]+\s*$/.test(line) ? 'marker' : 'source', foreign, text: line};
    }
    isFrame = false;
    if (/Traceback \(most recent call last\):$/.test(line)) return {kind: 'head', foreign: false, text: line};
    if (/^(During handling of the above|The above exception was)/.test(line.trim())) {
      return {kind: 'between', foreign: false, text: line};
    }
    return {kind: line.trim() ? 'exception' : 'blank', foreign: false, text: line};
  });
}

/** A traceback as an element; copied from it, the text is unchanged. @param {string} text */
export function showTraceback(text) {
  const lines = readTraceback(visible(text));
  return h('pre', {class: 'traceback', tabindex: 0, 'aria-label': 'Traceback'},
    ...lines.map(({kind, foreign, text}, index) =>
      h('span', {class: foreign ? `${kind} foreign` : kind}, index < lines.length - 1 ? `${text}\n` : text)));
}
