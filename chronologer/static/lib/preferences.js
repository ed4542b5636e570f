/** Preferences of one person, kept in this browser; what others shall see is in the URL. */

const PREFIX = 'chronologer.';

/** @type {Record<string, any>} */
const DEFAULTS = {
  theme: 'system', wrap: false, dense: true, facets: true, widths: {}, panes: {}, history: [], user: '', cols: [],
};

/** @param {string} name @returns {any} */
export function preference(name) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? DEFAULTS[name] : JSON.parse(text);
  } catch {
    return DEFAULTS[name]; // storage is off, or has a value of another program
  }
}

/** @param {string} name @param {any} value */
export function prefer(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is off or full: the preference is lost.
  }
}

/** Call when a person signs out in another tab. @param {() => void} act */
export function onSignOutElsewhere(act) {
  window.addEventListener('storage', ({key, newValue}) => {
    if (key === `${PREFIX}user` && newValue === '""') act();
  });
}

/** Apply the preferred colours to the document. */
export function applyTheme() {
  const theme = preference('theme');
  document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
  document.documentElement.dataset.theme = theme;
}
