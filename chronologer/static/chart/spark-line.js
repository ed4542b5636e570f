/** A small chart of counts over time, which only illustrates a number beside it. */

import {LENGTHS, byName} from './scale.js';
import {svg} from '../lib/dom.js';
import {LEVELS, levelName} from '../lib/text.js';

/** @typedef {import('./scale.js').Bucket} Bucket */

const WIDTH = 144;
const HEIGHT = 32;
const NAMES = ['NOTSET', ...LEVELS.map(([, name]) => name).reverse()]; // from the bottom to the top

/**
 * A bar for each bucket, as an image without a name.
 *
 * @param {Bucket[]} buckets
 * @param {string} group their length, as in the API
 * @param {{start: number, end: number}} span milliseconds
 */
export function sparkLine(buckets, group, {start, end}) {
  const x = (/** @type {number} */ time) => (Math.max(0, time - start) / (end - start)) * WIDTH;
  const most = Math.max(1, ...buckets.map(({count}) => count));
  const bars = buckets.flatMap((bucket) => {
    const left = x(bucket.start);
    const width = Math.max(1, Math.min(WIDTH, x(bucket.start + LENGTHS[group])) - left - 1);
    const counts = byName(bucket, levelName);
    let y = HEIGHT;
    return NAMES.filter((name) => counts[name]).map((name) => {
      const height = Math.max(1, (counts[name] / most) * HEIGHT);
      y -= height;
      return svg('rect', {class: name.toLowerCase(), x: left, y: Math.max(0, y), width, height});
    });
  });
  return svg('svg', {class: 'spark-line', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, 'aria-hidden': 'true'}, ...bars);
}
