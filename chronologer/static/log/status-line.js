/**
 * <status-line>: the number of records, progress, problems, and the live tail.
 *
 * Properties `busy`, `count`, `ignored`, `problem` and `tail`; events `cancel`,
 * `retry`, `resume`, and `choose` with changes of the state.
 */

import {h} from '../lib/dom.js';
import {counted, grouped, visible} from '../lib/text.js';
import {MOST} from './record-window.js';

const ANNOUNCEMENT_PAUSE = 10_000; // milliseconds

export class StatusLine extends HTMLElement {
  #count = h('strong', {class: 'number', role: 'status'});
  #progress = h('progress', {'aria-label': 'Loading', hidden: true});
  #cancel = h('button', {class: 'quiet', hidden: true, onclick: () => this.#fire('cancel')}, 'Cancel');
  #ignored = h('span', {class: 'ignored', role: 'alert'});
  #problem = h('span', {class: 'problem', role: 'alert'});
  #hint = h('button', {class: 'meant', hidden: true, onclick: () => this.#choose()});
  /** @type {import('./search-hint.js').Hint | null} */
  #meant = null;
  #retry = h('button', {class: 'quiet', hidden: true, onclick: () => this.#fire('retry')}, 'Retry');
  #rate = h('span', {class: 'rate'});
  #announcement = h('span', {class: 'unseen', 'aria-live': 'polite'});
  #announced = {time: 0, arrived: 0};
  #resume = h('button', {class: 'resume', hidden: true, onclick: () => this.#fire('resume')});
  #timer = 0;

  connectedCallback() {
    this.append(this.#count, this.#progress, this.#cancel, this.#ignored, this.#problem, this.#hint, this.#retry, this.#rate, this.#announcement, this.#resume);
  }

  /** @param {boolean} isBusy */
  set busy(isBusy) {
    clearTimeout(this.#timer);
    const show = () => {
      this.#progress.hidden = this.#cancel.hidden = !isBusy;
    };
    if (isBusy) this.#timer = setTimeout(show, 150); // quick requests shall not flicker
    else show();
  }

  /** @param {number | null} count */
  set count(count) {
    this.#count.textContent = count === null ? '…' : counted(count, 'record');
  }

  /** @param {string} message empty if there is none */
  set problem(message) {
    this.#problem.textContent = message;
    if (message && this.#count.textContent === '…') this.#count.textContent = '';
    this.#retry.hidden = !message;
    this.hint = null;
  }

  /** What may be meant by a search that is a mistake. @param {import('./search-hint.js').Hint | null} hint */
  set hint(hint) {
    this.#meant = hint;
    this.#hint.hidden = !hint;
    this.#hint.textContent = hint?.text ?? '';
  }

  #choose() {
    this.dispatchEvent(new CustomEvent('choose', {detail: this.#meant?.changes}));
  }

  /** Parts of the address that are not understood. @param {string[]} parts */
  set ignored(parts) {
    const text = parts.map((part) => visible(part.slice(0, 80))).join(', ');
    this.#ignored.textContent = text && `The address has ${text}, which is ignored: it is not understood.`;
  }

  /**
   * @param {{rate: number, arrived: number, held: number, isFull: boolean} | null} tail
   */
  set tail(tail) {
    this.#announce(tail?.arrived ?? 0);
    const rate = tail && (tail.rate >= 10 ? grouped(Math.round(tail.rate)) : tail.rate.toFixed(1));
    const note = tail?.isFull ? `; this list keeps the newest ${grouped(MOST)}` : '';
    this.#rate.textContent = tail ? `Following: ${rate} records/s${note}` : '';
    this.#resume.hidden = !tail?.held;
    this.#resume.textContent = tail?.held ? `Show ${counted(tail.held, 'new record')}` : '';
  }

  /** Announce to screen readers how many arrived, at intervals. @param {number} arrived */
  #announce(arrived) {
    const now = Date.now();
    if (arrived <= this.#announced.arrived || now - this.#announced.time < ANNOUNCEMENT_PAUSE) {
      if (!arrived) this.#announced = {time: now, arrived};
      return;
    }
    this.#announcement.textContent = `${counted(arrived - this.#announced.arrived, 'new record')}`;
    this.#announced = {time: now, arrived};
  }

  /** @param {string} name */
  #fire(name) {
    this.dispatchEvent(new CustomEvent(name));
  }
}

customElements.define('status-line', StatusLine);
