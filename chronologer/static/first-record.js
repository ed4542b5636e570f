/** <first-record>: what to do on an empty store: how a program sends its first record. */

import {copyText, h} from './dom.js';

export class FirstRecord extends HTMLElement {
  connectedCallback() {
    const code = snippet(location.host, location.protocol === 'https:', this.getAttribute('user') ?? 'logger');
    this.append(h('section', {class: 'card'},
      h('h1', {}, 'Waiting for the first record'),
      h('p', {}, 'Any Python program can send it, with nothing but its standard library:'),
      h('pre', {tabindex: 0}, h('code', {}, code)),
      h('p', {}, h('button', {class: 'primary', onclick: () => copyText(code)}, 'Copy'), ' ',
        h('span', {class: 'hint'}, 'This page turns into the log when it arrives.'))));
  }
}

/** @param {string} host @param {boolean} isSecure @param {string} user */
export function snippet(host, isSecure, user) {
  return `import logging.handlers

handler = logging.handlers.HTTPHandler(
    '${host}', '/api/v1/record', 'POST',${isSecure ? '\n    secure=True,' : ''}
    credentials=('${user}', ''))  # user name and password
logging.getLogger().addHandler(handler)
logging.getLogger('app').error('Hello, %s', 'Chronologer')`;
}
