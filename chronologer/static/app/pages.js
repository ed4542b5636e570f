/** The pages, in the order of the navigation; `chronologer/web/page.py` serves the same paths. */

/**
 * @typedef {object} Page
 * @property {string} path below the base
 * @property {string} title
 * @property {string} element its tag, defined by its module
 * @property {() => Promise<unknown>} load imports its module
 */

/** @type {Page[]} */
export const PAGES = [
  {path: '', title: 'Log', element: 'log-page', load: () => import('../log/log-page.js')},
  {path: 'saved', title: 'Saved searches', element: 'saved-page', load: () => import('../saved/saved-page.js')},
];

/** The page at an address; undefined if it is none of ours. @param {URL} url @returns {Page | undefined} */
export function pageAt({origin, pathname}) {
  const root = new URL('./', document.baseURI);
  const path = `${pathname}/`; // the root may be requested without its last slash
  if (origin !== root.origin || !path.startsWith(root.pathname)) return undefined;
  const below = path.slice(root.pathname.length).replace(/\/+$/, '');
  return PAGES.find((page) => page.path === below);
}
