/** <sign-in>: the form for user name and password; fires `signed-in`. */

import {signIn} from '../lib/api.js';
import {h} from '../lib/dom.js';

export class SignIn extends HTMLElement {
  #name = /** @type {HTMLInputElement} */ (h('input', {id: 'username', autocomplete: 'username', required: true}));
  #password = /** @type {HTMLInputElement} */ (h('input', {
    id: 'password', type: 'password', autocomplete: 'current-password'}));
  #problem = h('p', {class: 'problem', role: 'alert'});

  connectedCallback() {
    this.append(h('form', {class: 'card', onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#send();
    }},
    h('h1', {}, h('img', {src: new URL('icon.svg', import.meta.url).href, alt: '', width: 28, height: 28}), 'Chronologer'),
    h('label', {for: 'username'}, 'User name'), this.#name,
    h('label', {for: 'password'}, 'Password'), this.#password,
    this.#problem,
    h('button', {type: 'submit', class: 'primary'}, 'Sign in'),
    h('p', {class: 'hint'}, 'By default the user name is logger and the password is empty.')));
    this.#name.focus();
  }

  async #send() {
    this.#problem.textContent = '';
    try {
      await signIn(this.#name.value, this.#password.value);
      this.dispatchEvent(new CustomEvent('signed-in'));
    } catch (error) {
      this.#problem.textContent = /** @type {Error} */ (error).message;
      this.#password.select();
    }
  }
}

customElements.define('sign-in', SignIn);
