/** <first-record>: how a program sends its first record to an empty log. Attribute `user`. */

import {absolute, address} from '../lib/api.js';
import {copyText, h} from '../lib/dom.js';

export class FirstRecord extends HTMLElement {
  connectedCallback() {
    const code = snippet(new URL(absolute(address('record'))), this.getAttribute('user') ?? '');
    this.append(h('section', {class: 'card'},
      h('h2', {}, 'Waiting for the first record'),
      h('p', {}, 'Any Python program can send it with the standard library alone:'),
      h('pre', {tabindex: 0}, h('code', {}, code)),
      h('p', {}, h('button', {class: 'primary', onclick: () => copyText(code)}, 'Copy'), ' ',
        h('span', {class: 'hint'}, 'The log appears here as soon as a record arrives.'))));
  }
}

/** @param {URL} url of records in the API @param {string} user */
export function snippet({host, pathname, protocol}, user) {
  return `import logging.handlers

handler = logging.handlers.HTTPHandler(
    '${host}', '${pathname}', 'POST',${protocol === 'https:' ? '\n    secure=True,' : ''}
    credentials=('${user}', ''))  # user name and password
logging.getLogger().addHandler(handler)
logging.getLogger('app').error('Hello, %s', 'Chronologer')`;
}

customElements.define('first-record', FirstRecord);
