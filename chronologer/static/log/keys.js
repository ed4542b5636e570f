/** The keyboard shortcuts of the log page. */

/** @type {import('../app/shortcuts.js').Key[]} */
export const KEYS = [
  [['/'], 'search', 'type a search'],
  [['j', 'ArrowDown'], 'next', 'next record'],
  [['k', 'ArrowUp'], 'previous', 'previous record'],
  [['Enter'], 'open', 'open the record'],
  [['Escape'], 'close', 'close the record; then undo a zoom'],
  [['e'], 'next-error', 'next error'],
  [['E'], 'previous-error', 'previous error'],
  [['w'], 'next-warning', 'next warning'],
  [['W'], 'previous-warning', 'previous warning'],
  [['t'], 'tail', 'start or stop the live tail'],
  [['d'], 'time', 'choose the time range'],
  [['c'], 'copy-link', 'copy a link to this view'],
];

export const HINT = 'A search of words finds them anywhere; "in quotes" is a phrase, -word excludes a word. '
  + "An expression such as level >= 40 AND data.user = 'bob' compares columns and fields.";
