/** Makes elements. Whatever a record says only ever becomes a text node. */

/**
 * Return a new element: `h('button', {class: 'quiet', onclick: close, title: 'Close'}, '×')`.
 * A property that begins with `on` is a listener; true and false are attributes that are there
 * or not. Children are nodes or texts; null and false are left out.
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
 * Let an element have these children and no others.
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
 * Put a text on the clipboard, also where the page is not served over HTTPS.
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
  say('Copied');
}

/**
 * Tell the user, and whoever listens instead of looking, in passing.
 *
 * @param {string} text
 */
export function say(text) {
  const place = document.getElementById('notice');
  if (!place) return;
  place.textContent = text;
  place.classList.add('shown');
  setTimeout(() => place.textContent === text && place.classList.remove('shown'), 2500);
}
