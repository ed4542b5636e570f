/** Scales and ticks of charts over time, without a document. */

import {formatSecond, offsetAt} from '../lib/time.js';

/** @typedef {{start: number, count: number, levels: Record<string, number>}} Bucket start in ms */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LEAST_BARS = 50; // that the chart has room for, however few there are
const DAY = 86_400 * SECOND;
const YEAR = 365 * DAY;
/** @type {Record<string, number>} milliseconds of a group of the API */
export const LENGTHS = {
  second: SECOND, '2second': 2 * SECOND, '3second': 3 * SECOND, '5second': 5 * SECOND,
  '10second': 10 * SECOND, '15second': 15 * SECOND, '30second': 30 * SECOND,
  minute: MINUTE, '2minute': 2 * MINUTE, '3minute': 3 * MINUTE, '5minute': 5 * MINUTE,
  '10minute': 10 * MINUTE, '15minute': 15 * MINUTE, '30minute': 30 * MINUTE,
  hour: HOUR, '2hour': 2 * HOUR, '3hour': 3 * HOUR, '6hour': 6 * HOUR, '12hour': 12 * HOUR,
  day: DAY, '2day': 2 * DAY, '4day': 4 * DAY, week: 7 * DAY, '2week': 14 * DAY,
  month: 30 * DAY, '2month': 60 * DAY, '3month': 90 * DAY, '6month': 180 * DAY,
  year: YEAR, '2year': 2 * YEAR, '5year': 5 * YEAR, '10year': 10 * YEAR, '20year': 20 * YEAR,
  '50year': 50 * YEAR, '100year': 100 * YEAR,
};
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 604800, 1209600, 2592000, 7776000, 31536000, 157680000, 315360000,
].map((seconds) => seconds * SECOND);

/**
 * The span that is drawn: the requested range; where that is open, that of the buckets. It is wider
 * if few buckets would fill it: one record shall not look like a full chart.
 *
 * @param {{after: number | null, before: number | null}} range
 * @param {Bucket[]} buckets
 * @param {string} group
 * @param {number} now
 */
export function spanOf(range, buckets, group, now) {
  const length = LENGTHS[group] ?? DAY;
  const first = buckets.length ? buckets[0].start : now - length;
  const last = buckets.length ? buckets[buckets.length - 1].start + length : now;
  const start = range.after ?? first;
  const end = range.before ?? (range.after === null ? last : Math.max(now, last));
  const missing = LEAST_BARS * length - (end - start);
  if (missing <= 0) return {start, end};
  const after = Math.min(missing / 2, Math.max(0, now - end)); // there is nothing in the future
  return {start: start - (missing - after), end: end + after};
}

/**
 * The end of a bucket, from its start and that of the next one with records. A month has 28 to 31
 * days, and clocks may change within hours: one that follows closely is the end.
 *
 * @param {string} group
 * @param {number} start
 * @param {number} next
 */
export function endOf(group, start, next) {
  const length = LENGTHS[group];
  const most = length * 1.1 + (length > HOUR ? HOUR : 0);
  return next - start < most ? next : start + length;
}

/**
 * Round instants for about *most* labels, in the zone's own time.
 *
 * @param {{start: number, end: number}} span
 * @param {number} most
 * @param {string} tz
 */
export function ticks({start, end}, most, tz) {
  const step = STEPS.find((length) => (end - start) / length <= most) ?? (end - start) / most;
  const offset = offsetAt(start, tz);
  const times = [];
  for (let wall = Math.ceil((start + offset) / step) * step; wall - offset < end; wall += step) {
    times.push(wall - offset);
    if (times.length > 100) break;
  }
  return times.map((time) => ({time, text: label(time, step, tz)}));
}

/** @param {number} time @param {number} step @param {string} tz */
function label(time, step, tz) {
  const text = formatSecond(time, tz);
  if (step >= DAY) return step >= 365 * DAY ? text.slice(0, 4) : text.slice(0, 10);
  if (text.endsWith('00:00:00')) return text.slice(5, 10);
  return step < 60 * SECOND ? text.slice(11) : text.slice(11, 16);
}

/**
 * The finest group that divides a range into at most *most* bars; `auto`, the server's choice, if
 * the range is open.
 *
 * @param {{after: number | null, before: number | null}} range
 * @param {number} now
 * @param {number} most
 */
export function groupFor({after, before}, now, most) {
  if (after === null) return 'auto';
  const length = (before ?? now) - after;
  return Object.keys(LENGTHS).find((group) => length / LENGTHS[group] <= most) ?? '100year';
}

/** The sum of counts per standard level. @param {Bucket} bucket @param {(level: number) => string} nameOf */
export function byName(bucket, nameOf) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const [level, count] of Object.entries(bucket.levels)) {
    const name = nameOf(Number(level));
    counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}
