/** <sign-in>: asks who is there; fires `signed-in`. */

import {signIn} from './api.js';
import {h} from './dom.js';

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
    h('h1', {}, 'Chronologer'),
    h('label', {for: 'username'}, 'User name'), this.#name,
    h('label', {for: 'password'}, 'Password'), this.#password,
    this.#problem,
    h('button', {type: 'submit', class: 'primary'}, 'Sign in'),
    h('p', {class: 'hint'}, 'Unless it was set up otherwise: user logger, no password.')));
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
