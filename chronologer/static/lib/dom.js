/** Creates elements. Content of records becomes text nodes, never markup. */

/**
 * Return a new element: `h('button', {class: 'quiet', onclick: close, title: 'Close'}, '×')`.
 * A property that begins with `on` is a listener; true sets an empty attribute, false and null
 * none. Children are nodes or texts; null and false are left out.
 *
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  setProperties(element, properties);
  append(element, children);
  return element;
}

/**
 * The same for SVG.
 *
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {SVGElement}
 */
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setProperties(element, properties);
  append(element, children);
  return element;
}

/** @param {Element} element @param {Record<string, any>} properties */
function setProperties(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
}

/**
 * Replace the children of an element.
 *
 * @param {Element} element
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** @param {Element} element @param {any[]} children */
function append(element, children) {
  for (const child of children) if (child != null && child !== false) element.append(child);
}

/**
 * Copy a text to the clipboard, also where the page is not served over HTTPS.
 *
 * @param {string} text
 */
export async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
  } else {
    const area = /** @type {HTMLTextAreaElement} */ (h('textarea', {class: 'unseen'}));
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  notify('Copied');
}

/**
 * Show a message for 2.5 seconds, and announce it to screen readers.
 *
 * @param {string} text
 */
export function notify(text) {
  const notice = document.getElementById('notice');
  if (!notice) return;
  notice.textContent = text;
  notice.classList.add('shown');
  setTimeout(() => notice.textContent === text && notice.classList.remove('shown'), 2500);
}
