/**
 * <status-line>: how many records there are, what is under way, and what went wrong.
 *
 * Methods `busy`, `count`, `problem` and `tail`; events `cancel`, `retry` and `resume`.
 */

import {h} from './dom.js';
import {counted, grouped} from './text.js';
import {MOST} from './records.js';

const SPEAK_PAUSE = 10_000; // milliseconds

export class StatusLine extends HTMLElement {
  #count = h('strong', {class: 'number', role: 'status'});
  #progress = h('progress', {'aria-label': 'Loading', hidden: true});
  #cancel = h('button', {class: 'quiet', hidden: true, onclick: () => this.#fire('cancel')}, 'Cancel');
  #problem = h('span', {class: 'problem', role: 'alert'});
  #retry = h('button', {class: 'quiet', hidden: true, onclick: () => this.#fire('retry')}, 'Try again');
  #rate = h('span', {class: 'rate'});
  #spoken = h('span', {class: 'unseen', 'aria-live': 'polite'});
  #said = {time: 0, arrived: 0};
  #resume = h('button', {class: 'resume', hidden: true, onclick: () => this.#fire('resume')});
  #timer = 0;

  connectedCallback() {
    this.append(this.#count, this.#progress, this.#cancel, this.#problem, this.#retry, this.#rate, this.#spoken, this.#resume);
  }

  /** @param {boolean} isBusy */
  set busy(isBusy) {
    clearTimeout(this.#timer);
    const show = () => {
      this.#progress.hidden = this.#cancel.hidden = !isBusy;
    };
    if (isBusy) this.#timer = setTimeout(show, 150); // what is quick shall not flicker
    else show();
  }

  /** @param {number | null} count */
  set count(count) {
    this.#count.textContent = count === null ? '…' : counted(count, 'record');
  }

  /** @param {string} message empty when all is well */
  set problem(message) {
    this.#problem.textContent = message;
    this.#retry.hidden = !message;
  }

  /**
   * @param {{rate: number, arrived: number, held: number, isFull: boolean} | null} tail
   */
  set tail(tail) {
    this.#speak(tail?.arrived ?? 0);
    const rate = tail && (tail.rate >= 10 ? grouped(Math.round(tail.rate)) : tail.rate.toFixed(1));
    const note = tail?.isFull ? `; the newest ${grouped(MOST)} are kept here` : '';
    this.#rate.textContent = tail ? `following: ${rate} records/s${note}` : '';
    this.#resume.hidden = !tail?.held;
    this.#resume.textContent = tail?.held ? `${grouped(tail.held)} new: show them` : '';
  }

  /** Now and then, for who listens instead of looking. @param {number} arrived */
  #speak(arrived) {
    const now = Date.now();
    if (arrived <= this.#said.arrived || now - this.#said.time < SPEAK_PAUSE) {
      if (!arrived) this.#said = {time: now, arrived};
      return;
    }
    this.#spoken.textContent = `${counted(arrived - this.#said.arrived, 'new record')}`;
    this.#said = {time: now, arrived};
  }

  /** @param {string} name */
  #fire(name) {
    this.dispatchEvent(new CustomEvent(name));
  }
}
