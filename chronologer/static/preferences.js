/** What one person likes, kept in this browser: apart from the address, which is for everybody. */

const PREFIX = 'chronologer.';

/** @type {Record<string, any>} */
const DEFAULTS = {
  theme: 'system', wrap: false, dense: true, facets: true, widths: {}, history: [], user: '', cols: [],
};

/** @param {string} name @returns {any} */
export function preference(name) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? DEFAULTS[name] : JSON.parse(text);
  } catch {
    return DEFAULTS[name]; // storage is off, or somebody else's
  }
}

/** @param {string} name @param {any} value */
export function prefer(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // It holds until the page is left.
  }
}

/** Let the page have the colours that are preferred. */
export function applyTheme() {
  const theme = preference('theme');
  document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
  document.documentElement.dataset.theme = theme;
}
