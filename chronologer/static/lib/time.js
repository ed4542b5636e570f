/** Instants, ranges and zones; all instants are milliseconds since the epoch. */

/** @typedef {import('../log/url-state.js').LogState} LogState */

export const PRESETS = ['15m', '1h', '6h', '24h', '7d', '30d', 'all'];

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** @type {Record<string, number>} */
const UNITS = {s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY};
/** Units as people write them, by their length. @type {Record<number, RegExp>} */
const UNIT_WORDS = {
  [SECOND]: /^s(ecs?|econds?)?$/,
  [MINUTE]: /^m(ins?|inutes?)?$/,
  [HOUR]: /^h(rs?|ours?)?$/,
  [DAY]: /^d(ays?)?$/,
  [7 * DAY]: /^w(ks?|eeks?)?$/,
  [30 * DAY]: /^mo(nths?)?$/,
  [365 * DAY]: /^y(rs?|ears?)?$/,
};
const MONTHS = [
  'january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december',
];
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** The length of a relative range, or null. @param {string} text such as `15m` */
export function parseLength(text) {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : null;
}

/**
 * Start and end of the range of a state, null where it is open.
 *
 * @param {Pick<LogState, 'range' | 'from' | 'to'>} state
 * @param {number} now
 */
export function rangeOf(state, now) {
  const length = parseLength(state.range);
  if (length !== null) return {after: now - length, before: null};
  return {after: parseIso(state.from), before: parseIso(state.to)};
}

/** @param {string} text ISO 8601 @returns {number | null} */
export function parseIso(text) {
  // Date.parse alone accepts "foo 1".
  const time = /^[+-]?\d{4,6}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? null : time;
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

/** The IANA name of a zone of the state. @param {string} tz */
export function zoneName(tz) {
  return tz === 'local' ? localZone() : tz;
}

/** A zone's name with its offset at an instant: `Europe/Berlin (UTC+02:00)`. @param {string} tz @param {number} time */
export function zoneText(tz, time) {
  const name = zoneName(tz);
  return name === 'UTC' ? name : `${name} (UTC${formatIso(time, tz).slice(23).replace('Z', '')})`;
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

// Chromium lists these under their names of before only.
const RENAMED = ['Asia/Ho_Chi_Minh', 'Asia/Kathmandu', 'Asia/Kolkata', 'Asia/Yangon', 'Europe/Kyiv'];

/** Names of zones for choosing. @returns {string[]} */
export function zoneNames() {
  const names = 'supportedValuesOf' in Intl ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set([...names, ...RENAMED.filter(isZone)])].sort();
}

/**
 * The zones that a part of a name may mean: one if it is clear.
 *
 * @param {string} text such as `berl`, or empty for the local one
 * @returns {string[]}
 */
export function findZones(text) {
  const typed = text.trim().toLowerCase().replace(/ /g, '_') || 'local';
  if (typed === 'local' || typed === 'utc') return [typed === 'utc' ? 'UTC' : typed];
  const names = zoneNames();
  const exact = names.find((name) => name.toLowerCase() === typed);
  if (exact) return [exact];
  if (typed.length > 1 && isZone(text.trim())) return [text.trim()];
  const parts = (/** @type {string} */ name) => name.toLowerCase().split('/');
  const begins = names.filter((name) => parts(name).some((part) => part.startsWith(typed)));
  return begins.length ? begins : names.filter((name) => name.toLowerCase().includes(typed));
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** The offset of a zone from UTC at an instant, in milliseconds. @param {number} time @param {string} tz */
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

/** `Date.UTC` without its special case for years before 100. */
function utc(/** @type {number} */ year, month = 0, day = 1, hour = 0, minute = 0, second = 0, milli = 0) {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hour, minute, second, milli);
  return date.getTime();
}

/**
 * The instant at which clocks in a zone show a time; the first if there are two.
 *
 * @param {number} wall that time, as if it were UTC
 * @param {string} tz
 */
export function fromWall(wall, tz) {
  const early = wall - offsetAt(wall - DAY, tz);
  if (offsetAt(early, tz) === wall - early) return early;
  return wall - offsetAt(wall - offsetAt(wall, tz), tz);
}

/**
 * Parse an instant as people type it: ISO 8601, seconds or milliseconds since the epoch,
 * `yesterday 17:30`, `monday`, `17:30`, `Nov 28 14:00`, `3 hours ago`, `last hour`, `now`. Without
 * a date it is the latest one that is not in the future.
 *
 * @param {string} text
 * @param {number} now
 * @param {string} tz zone of times without an offset
 * @returns {number | null}
 */
export function parseInstant(text, now, tz) {
  const typed = text.trim().toLowerCase().replace(/(\d),(\d)/, '$1.$2');
  if (typed === 'now') return now;
  if (/^-?\d{9,19}(\.\d*)?$/.test(typed)) return parseEpoch(Number(typed));
  const age = parseAge(typed);
  if (age !== null) return now - age;
  const iso = /^(\d{4}-\d\d-\d\d)(?:[t ](\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)\s*(z|[+-]\d\d:?\d\d)?)?$/.exec(typed);
  if (iso) return parseWritten(iso[1], iso[2] ?? '00:00', iso[3], tz);
  return parseDate(typed, now, tz) ?? parseWords(typed, now, tz);
}

/**
 * How long ago a text says: `3 hours ago`, `1h`, `-1h`, `last hour`, or null.
 *
 * @param {string} text
 * @returns {number | null}
 */
export function parseAge(text) {
  const typed = text.trim().toLowerCase();
  const words = /^(last|past|-)?\s*(an?|\d+(?:\.\d+)?)?\s*([a-z]+?)(\s+ago)?$/.exec(typed);
  if (!words) return null;
  const [, before, number, unit, ago] = words;
  const length = Object.entries(UNIT_WORDS).find(([, names]) => names.test(unit))?.[0];
  if (!length || !(number || before === 'last' || before === 'past')) return null;
  if (/^a/.test(number ?? '') && !ago) return null;
  return (Number.isNaN(Number(number ?? 1)) ? 1 : Number(number ?? 1)) * Number(length);
}

/** A length of time as a range of the state, such as `20m`. @param {number} length */
export function formatLength(length) {
  const unit = ['d', 'h', 'm', 's'].find((name) => length % UNITS[name] === 0);
  const text = unit ? `${length / UNITS[unit]}${unit}` : `${Math.max(1, Math.round(length / SECOND))}s`;
  return parseLength(text) === null ? null : text;
}

/**
 * What a person typed as start and end: a relative range if it ends now, else two instants.
 *
 * @param {string} start
 * @param {string} end
 * @param {number} now
 * @param {string} tz
 * @returns {{range: string, from: number | null | undefined, to: number | null | undefined}} null
 *     where it is open, undefined where it is no time
 */
export function parseRange(start, end, now, tz) {
  const [first, last] = end.trim() ? [] : start.split(/\s+(?:[-–]|to)\s+/); // both in the first field
  if (last) return parseRange(first, last, now, tz);
  const read = (/** @type {string} */ text) => (text.trim() ? parseInstant(text, now, tz) ?? undefined : null);
  const age = parseAge(start);
  const range = age && /^(now)?$/i.test(end.trim()) ? formatLength(age) : null;
  if (range) return {range, from: null, to: null};
  const from = read(start);
  let to = read(end);
  // "23:00" to "1:00" ends on the day after it began.
  if (from && to && to < from && isClock(end)) to = addDay(to, tz);
  // A day to the same day is all of it.
  if (to && to === from && (to + offsetAt(to, tz)) % DAY === 0) to = addDay(to, tz) - 1;
  return {range: from === null && to === null ? 'all' : '', from, to};
}

/** @param {string} text */
const isClock = (text) => /^\s*\d\d?:\d\d(:\d\d)?\s*$/.test(text);

/** The same wall-clock time, a number of days later. @param {number} time @param {string} tz @param {number} [days] */
function addDay(time, tz, days = 1) {
  return fromWall(time + offsetAt(time, tz) + days * DAY, tz);
}

/** `monday 17:30`, `yesterday`, `17:30`. @param {string} typed @param {number} now @param {string} tz */
function parseWords(typed, now, tz) {
  const words = /^([a-z]+)?\s*(?:at\s+)?(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?$/.exec(typed);
  if (!typed || !words) return null;
  const [, word, clock = '00:00'] = words;
  const back = daysBack(word ?? 'today', now, tz);
  const seconds = parseClock(clock);
  if (back === null || seconds === null) return null;
  const today = Math.floor((now + offsetAt(now, tz)) / DAY) * DAY;
  const time = fromWall(today - back * DAY + seconds, tz);
  if (time <= now || word === 'today') return time;
  return addDay(time, tz, word ? -7 : -1);
}

/** `Nov 28 14:00`, `28 November 2026`, `11-28 14:00`. @param {string} typed @param {number} now @param {string} tz */
function parseDate(typed, now, tz) {
  const clock = String.raw`(?:,?\s+(?:at\s+)?(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?))?$`;
  const first = new RegExp(`^([a-z]{3,9})\\.?\\s+(\\d\\d?)(?:st|nd|rd|th)?(?:,?\\s+(\\d{4}))?${clock}`).exec(typed);
  const second = new RegExp(`^(\\d\\d?)(?:st|nd|rd|th|\\.)?\\s+([a-z]{3,9})\\.?(?:,?\\s+(\\d{4}))?${clock}`).exec(typed);
  const short = new RegExp(`^(\\d\\d)-(\\d\\d)${clock}`).exec(typed);
  const [name, day, year, time] = first ? first.slice(1)
    : second ? [second[2], second[1], ...second.slice(3)]
      : short ? [MONTHS[Number(short[1]) - 1] ?? '', short[2], undefined, short[3]] : [];
  const month = name ? MONTHS.findIndex((full) => full.startsWith(name)) : -1;
  if (month < 0) return null;
  const current = new Date(now + offsetAt(now, tz)).getUTCFullYear();
  const two = (/** @type {number | string} */ number) => String(number).padStart(2, '0');
  const inYear = (/** @type {number | string} */ number) => parseWritten(`${number}-${two(month + 1)}-${two(day)}`, time ?? '00:00', undefined, tz);
  if (year) return inYear(year);
  const found = inYear(current);
  return found !== null && found <= now ? found : inYear(current - 1) ?? found;
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

/** The time in a row: `05-10 16:36:53.377`, with the year if it is not the current one. */
export function formatRow(/** @type {number} */ time, /** @type {string} */ tz, /** @type {number} */ now) {
  const text = new Date(time + offsetAt(time, tz)).toISOString();
  const year = new Date(now).getUTCFullYear();
  return (text.startsWith(`${year}-`) ? text.slice(5, 23) : text.slice(0, 23)).replace('T', ' ');
}

/** The range in words. @param {LogState} state */
export function formatRange(state) {
  if (state.range === 'all') return 'all time';
  if (state.range) return `last ${state.range}`;
  const show = (/** @type {string} */ text) => {
    const time = parseIso(text);
    return time === null ? '…' : formatSecond(time, state.tz);
  };
  return `${show(state.from)} – ${show(state.to)}`;
}
