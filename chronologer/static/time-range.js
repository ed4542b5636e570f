/**
 * <time-range>: which time is shown: a preset, or from and to as people type them.
 *
 * Property `state`; event `change-range` with changes of the state.
 */

import {h} from './dom.js';
import {PRESETS, formatRange, formatSecond, isZone, localZone, parseMoment, rangeOf} from './time.js';

const REFRESH = [['', 'off'], ['5', '5 s'], ['15', '15 s'], ['60', '1 min'], ['300', '5 min']];

export class TimeRange extends HTMLElement {
  #state = /** @type {import('./state.js').State} */ ({});
  #button = h('button', {popovertarget: 'range-panel', 'aria-haspopup': 'dialog', title: 'Time range (d)'});
  #presets = h('div', {class: 'presets'});
  #from = /** @type {HTMLInputElement} */ (h('input', {id: 'range-from', placeholder: 'yesterday 17:30'}));
  #to = /** @type {HTMLInputElement} */ (h('input', {id: 'range-to', placeholder: 'now'}));
  #zone = /** @type {HTMLInputElement} */ (h('input', {id: 'range-zone', list: 'zones', placeholder: 'local'}));
  #refresh = /** @type {HTMLSelectElement} */ (h('select', {id: 'range-refresh'},
    ...REFRESH.map(([value, text]) => h('option', {value}, text))));
  #problem = h('p', {class: 'problem', role: 'alert'});
  #panel = h('div', {id: 'range-panel', popover: 'auto', role: 'dialog', 'aria-label': 'Time range', class: 'panel'});

  connectedCallback() {
    this.append(this.#button, this.#panel);
    this.#panel.append(
      this.#presets,
      h('form', {onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#apply();
      }},
      h('label', {for: 'range-from'}, 'From'), this.#from,
      h('label', {for: 'range-to'}, 'To'), this.#to,
      h('p', {class: 'hint'}, '3 hours ago · monday 9:00 · 2026-05-01 12:00 · 1525970213'),
      this.#problem,
      h('button', {type: 'submit', class: 'primary'}, 'Apply'),
      h('hr'),
      h('label', {for: 'range-zone'}, 'Time zone'), this.#zone,
      h('datalist', {id: 'zones'}),
      h('label', {for: 'range-refresh'}, 'Ask again every'), this.#refresh),
    );
    this.#presets.append(...PRESETS.map((range) => h('button', {
      'data-range': range,
      onclick: () => {
        this.#panel.hidePopover();
        this.#fire({range, from: '', to: ''});
      },
    }, range)));
    this.#zone.addEventListener('change', () => this.#setZone());
    this.#refresh.addEventListener('change', () => this.#fire({refresh: this.#refresh.value}));
    this.#panel.addEventListener('toggle', (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === 'open') this.#open();
    });
  }

  /** @param {import('./state.js').State} state */
  set state(state) {
    this.#state = state;
    const zone = state.tz === 'local' ? '' : ` · ${state.tz}`;
    this.#button.textContent = `${formatRange(state)}${zone}`;
    for (const preset of this.#presets.children) {
      const {range} = /** @type {HTMLElement} */ (preset).dataset;
      preset.setAttribute('aria-pressed', String(range === state.range));
    }
    this.#refresh.value = state.refresh;
  }

  /** Let the user type a moment. */
  open() {
    this.#panel.showPopover();
  }

  #open() {
    const {after, before} = rangeOf(this.#state, Date.now());
    const show = (/** @type {number | null} */ time) => (time === null ? '' : formatSecond(time, this.#state.tz));
    this.#from.value = show(after);
    this.#to.value = show(before);
    this.#zone.value = this.#state.tz;
    this.#problem.textContent = '';
    const {left, bottom} = this.#button.getBoundingClientRect();
    this.#panel.style.left = `${Math.max(4, Math.min(left, innerWidth - this.#panel.offsetWidth - 4))}px`;
    this.#panel.style.top = `${bottom + 4}px`;
    const zones = this.#panel.querySelector('#zones');
    if (zones && !zones.children.length && 'supportedValuesOf' in Intl) {
      const names = ['local', 'UTC', ...Intl.supportedValuesOf('timeZone')];
      zones.append(...names.map((name) => h('option', {value: name})));
    }
    this.#from.focus();
    this.#from.select();
  }

  #apply() {
    const read = (/** @type {HTMLInputElement} */ input) => {
      const text = input.value.trim();
      if (!text) return '';
      const time = parseMoment(text, Date.now(), this.#state.tz);
      input.setAttribute('aria-invalid', String(time === null));
      return time === null ? null : new Date(time).toISOString();
    };
    const [from, to] = [read(this.#from), read(this.#to)];
    if (from === null || to === null) {
      this.#problem.textContent = 'That is no moment I can read; try “3 hours ago” or “2026-05-01 12:00”.';
    } else if (from && to && from > to) {
      this.#problem.textContent = 'The range ends before it begins.';
    } else {
      this.#panel.hidePopover();
      this.#fire(from || to ? {from, to, range: '', tail: ''} : {from, to, range: 'all'});
    }
  }

  #setZone() {
    const tz = this.#zone.value.trim() || 'local';
    const isKnown = isZone(tz);
    this.#zone.setAttribute('aria-invalid', String(!isKnown));
    this.#problem.textContent = isKnown ? '' : `There is no time zone ${tz}; yours is ${localZone()}.`;
    if (isKnown) this.#fire({tz});
  }

  /** @param {Partial<import('./state.js').State>} changes */
  #fire(changes) {
    this.dispatchEvent(new CustomEvent('change-range', {detail: changes}));
  }
}
