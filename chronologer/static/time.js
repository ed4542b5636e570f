/** Moments, ranges and zones; all instants are milliseconds since the epoch. */

/** @typedef {import('./state.js').State} State */

export const PRESETS = ['15m', '1h', '6h', '24h', '7d', '30d', 'all'];

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** @type {Record<string, number>} */
const UNITS = {s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY};
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** The length of a relative range, or null. @param {string} text such as `15m` */
export function parseLength(text) {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : null;
}

/**
 * Both ends of the range that is shown, null where it is open.
 *
 * @param {Pick<State, 'range' | 'from' | 'to'>} state
 * @param {number} now
 */
export function rangeOf(state, now) {
  const length = parseLength(state.range);
  if (length !== null) return {after: now - length, before: null};
  return {after: parseIso(state.from), before: parseIso(state.to)};
}

/** @param {string} text @returns {number | null} */
function parseIso(text) {
  const time = Date.parse(text);
  return text && !Number.isNaN(time) ? time : null;
}

/**
 * The milliseconds of a record's `ts`, which has microseconds.
 *
 * @param {string} ts such as `2018-05-10 16:36:53.377493+00:00`
 */
export function parseTs(ts) {
  const [day, clock = ''] = ts.split(' ');
  const cut = clock.replace(/(\.\d{3})\d*/, '$1').replace('+00:00', 'Z');
  return Date.parse(`${day}T${cut}`);
}

/** The local zone's name. */
export function localZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** A zone of the state as the IANA database names it. @param {string} tz */
export function zoneName(tz) {
  return tz === 'local' ? localZone() : tz;
}

/** @param {string} tz */
export function isZone(tz) {
  try {
    new Intl.DateTimeFormat('en', {timeZone: zoneName(tz)});
    return true;
  } catch {
    return false;
  }
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** How far a zone is ahead of UTC at an instant. @param {number} time @param {string} tz */
export function offsetAt(time, tz) {
  if (tz === 'UTC') return 0;
  if (tz === 'local') return -new Date(time).getTimezoneOffset() * MINUTE;
  let format = formats.get(tz);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: tz, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric',
      day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
    formats.set(tz, format);
  }
  const parts = Object.fromEntries(format.formatToParts(time).map(({type, value}) => [type, value]));
  const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
  const clock = [parts.hour, parts.minute, parts.second].map(Number);
  const wall = utc(year, Number(parts.month) - 1, Number(parts.day), ...clock);
  return wall - Math.floor(time / SECOND) * SECOND;
}

/** `Date.UTC`, which takes years before 100 for others. */
function utc(/** @type {number} */ year, month = 0, day = 1, hour = 0, minute = 0, second = 0, milli = 0) {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hour, minute, second, milli);
  return date.getTime();
}

/**
 * The instant at which clocks in a zone show a time: of two the first.
 *
 * @param {number} wall what they show, as if it were UTC
 * @param {string} tz
 */
export function fromWall(wall, tz) {
  const early = wall - offsetAt(wall - DAY, tz);
  if (offsetAt(early, tz) === wall - early) return early;
  return wall - offsetAt(wall - offsetAt(wall, tz), tz);
}

/**
 * Read a moment as people type it: ISO 8601, seconds or milliseconds since the epoch,
 * `yesterday 17:30`, `monday`, `17:30`, `3 hours ago`, `now`.
 *
 * @param {string} text
 * @param {number} now
 * @param {string} tz which times without an offset are meant in
 * @returns {number | null}
 */
export function parseMoment(text, now, tz) {
  const typed = text.trim().toLowerCase().replace(',', '.');
  if (typed === 'now') return now;
  if (/^-?\d{9,19}(\.\d*)?$/.test(typed)) return parseEpoch(Number(typed));
  const ago = /^(\d+(?:\.\d+)?)\s*(s|m|h|d|w)[a-z]*\s+ago$/.exec(typed);
  if (ago) return now - Number(ago[1]) * UNITS[ago[2]];
  const iso = /^(\d{4}-\d\d-\d\d)(?:[t ](\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)\s*(z|[+-]\d\d:?\d\d)?)?$/.exec(typed);
  if (iso) return parseWritten(iso[1], iso[2] ?? '00:00', iso[3], tz);
  const said = /^([a-z]+)?\s*(?:at\s+)?(\d\d?:\d\d(?::\d\d)?)?$/.exec(typed);
  if (!typed || !said) return null;
  const [, word = 'today', clock = '00:00'] = said;
  const back = daysBack(word, now, tz);
  const seconds = parseClock(clock);
  if (back === null || seconds === null) return null;
  const wall = now + offsetAt(now, tz);
  return fromWall(Math.floor(wall / DAY) * DAY - back * DAY + seconds, tz);
}

/** Seconds, milli-, micro- or nanoseconds, by their size. @param {number} number */
function parseEpoch(number) {
  const size = Math.abs(number);
  if (size < 1e11) return number * 1e3;
  if (size < 1e14) return number;
  return size < 1e17 ? number / 1e3 : number / 1e6;
}

/** @param {string} day @param {string} clock @param {string | undefined} offset @param {string} tz */
function parseWritten(day, clock, offset, tz) {
  const seconds = parseClock(clock);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (seconds === null || Number.isNaN(midnight)) return null;
  if (new Date(midnight).toISOString().slice(0, 10) !== day) return null;
  const wall = midnight + seconds;
  if (!offset) return fromWall(wall, tz);
  if (offset === 'z') return wall;
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)/.exec(offset) ?? [];
  return wall - Number(`${sign}1`) * (Number(hours) * HOUR + Number(minutes) * MINUTE);
}

/** @param {string} clock */
function parseClock(clock) {
  const [hours, minutes, seconds = 0] = clock.split(':').map(Number);
  return hours < 24 && minutes < 60 && seconds < 60
    ? Math.round(hours * HOUR + minutes * MINUTE + seconds * SECOND)
    : null;
}

/** @param {string} word @param {number} now @param {string} tz */
function daysBack(word, now, tz) {
  if (word === 'today') return 0;
  if (word === 'yesterday') return 1;
  const day = DAYS.findIndex((name) => word.length > 2 && name.startsWith(word));
  const today = new Date(now + offsetAt(now, tz)).getUTCDay();
  return day < 0 ? null : (today - day + 7) % 7;
}

/** ISO 8601 with the zone's offset, to the millisecond. @param {number} time @param {string} tz */
export function formatIso(time, tz) {
  const offset = offsetAt(time, tz);
  const wall = new Date(time + offset).toISOString().slice(0, -1);
  if (tz === 'UTC') return `${wall}Z`;
  const minutes = Math.abs(Math.round(offset / MINUTE));
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return `${wall}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** `2018-05-10 16:36:53`. @param {number} time @param {string} tz */
export function formatSecond(time, tz) {
  const date = new Date(time + offsetAt(time, tz));
  return date.toISOString().replace(/^\+?0*(\d{4})/, '$1').replace('T', ' ').slice(0, 19);
}

/** What a row shows: `05-10 16:36:53.377`, the year too if it is not this one's. */
export function formatRow(/** @type {number} */ time, /** @type {string} */ tz, /** @type {number} */ now) {
  const text = new Date(time + offsetAt(time, tz)).toISOString();
  const year = new Date(now).getUTCFullYear();
  return (text.startsWith(`${year}-`) ? text.slice(5, 23) : text.slice(0, 23)).replace('T', ' ');
}

/** The range in words. @param {State} state */
export function formatRange(state) {
  if (state.range === 'all') return 'all time';
  if (state.range) return `last ${state.range}`;
  const show = (/** @type {string} */ text) => {
    const time = parseIso(text);
    return time === null ? '…' : formatSecond(time, state.tz);
  };
  return `${show(state.from)} – ${show(state.to)}`;
}
