/**
 * <time-range>: the time range: a preset, or a start and an end in everyday words.
 *
 * Property `state`; event `change-range` with changes of the state.
 */

import {h} from '../lib/dom.js';
import {placeBelow} from '../lib/menu.js';
import {PRESETS, findZones, formatRange, formatSecond, localZone, parseRange, rangeOf, zoneNames} from '../lib/time.js';

const REFRESH = [['', 'Off'], ['5', '5 s'], ['15', '15 s'], ['60', '1 min'], ['300', '5 min']];

export class TimeRange extends HTMLElement {
  #state = /** @type {import('./url-state.js').LogState} */ ({});
  #shown = ''; // start and end as they were put into the fields
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
      h('p', {class: 'hint'}, 'last hour · 3 hours ago · monday 9:00 · Nov 28 14:00 · 2026-05-01 12:00 · 1525970213'),
      this.#problem,
      h('button', {type: 'submit', class: 'primary'}, 'Apply'),
      h('hr'),
      h('label', {for: 'range-zone'}, 'Time zone'), this.#zone,
      h('datalist', {id: 'zones'}),
      h('label', {for: 'range-refresh'}, 'Refresh every'), this.#refresh),
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

  /** @param {import('./url-state.js').LogState} state */
  set state(state) {
    this.#state = state;
    const zone = state.tz === 'local' ? '' : ` · ${state.tz}`;
    this.#button.textContent = `${state.around ? 'around a record' : formatRange(state)}${zone}`;
    for (const preset of this.#presets.children) {
      const {range} = /** @type {HTMLElement} */ (preset).dataset;
      preset.setAttribute('aria-pressed', String(range === state.range && !state.around));
    }
    this.#refresh.value = state.refresh;
  }

  /** Open the panel. */
  open() {
    this.#panel.showPopover();
  }

  #open() {
    this.#showRange();
    this.#zone.value = this.#state.tz;
    this.#zone.setAttribute('aria-invalid', 'false');
    this.#problem.textContent = '';
    placeBelow(this.#panel, this.#button);
    const zones = this.#panel.querySelector('#zones');
    if (zones && !zones.children.length) {
      zones.append(...['local', 'UTC', ...zoneNames()].map((name) => h('option', {value: name})));
    }
    this.#from.focus();
    this.#from.select();
  }

  /** Show start and end in the zone of the state. */
  #showRange() {
    const {after, before} = rangeOf(this.#state, Date.now());
    const show = (/** @type {number | null} */ time) => (time === null ? '' : formatSecond(time, this.#state.tz));
    this.#from.value = show(after);
    this.#to.value = show(before);
    this.#shown = this.#typed;
    for (const input of [this.#from, this.#to]) input.setAttribute('aria-invalid', 'false');
  }

  /** What is in the fields. */
  get #typed() {
    return `${this.#from.value.trim()} – ${this.#to.value.trim()}`;
  }

  #apply() {
    const zone = this.#readZone();
    if (zone === null) return;
    if (this.#typed === this.#shown) {
      // Nobody has typed a range: it stays what it is, to the millisecond, and relative.
      this.#panel.hidePopover();
      this.#fire({tz: zone});
      return;
    }
    const {range, from, to} = parseRange(this.#from.value, this.#to.value, Date.now(), zone);
    this.#from.setAttribute('aria-invalid', String(from === undefined));
    this.#to.setAttribute('aria-invalid', String(to === undefined));
    if (from === undefined || to === undefined) {
      this.#problem.textContent = 'Unknown time; try “3 hours ago” or “2026-05-01 12:00”.';
    } else if (from !== null && to !== null && from > to) {
      this.#problem.textContent = 'The end is before the start.';
    } else {
      const iso = (/** @type {number | null} */ time) => (time === null ? '' : new Date(time).toISOString());
      this.#panel.hidePopover();
      this.#fire({tz: zone, range, from: iso(from), to: iso(to), ...(range ? {} : {tail: ''})});
    }
  }

  /** The zone that is typed; null if that is unclear, which is said. */
  #readZone() {
    const typed = this.#zone.value.trim();
    const found = typed === this.#state.tz ? [typed] : findZones(typed);
    this.#zone.setAttribute('aria-invalid', String(found.length !== 1));
    this.#problem.textContent = '';
    if (found.length === 1) {
      this.#zone.value = found[0];
      return found[0];
    }
    const some = found.slice(0, 3).join(', ') + (found.length > 3 ? ' …' : '');
    this.#problem.textContent = found.length ? `Time zone ${typed} may be ${some}`
      : `Unknown time zone ${typed}; yours is ${localZone()}.`;
    return null;
  }

  #setZone() {
    const tz = this.#readZone();
    if (tz === null || tz === this.#state.tz) return;
    const isTyped = this.#typed !== this.#shown;
    this.#fire({tz});
    if (!isTyped) this.#showRange();
  }

  /** @param {Partial<import('./url-state.js').LogState>} changes */
  #fire(changes) {
    this.dispatchEvent(new CustomEvent('change-range', {detail: changes}));
  }
}

customElements.define('time-range', TimeRange);
