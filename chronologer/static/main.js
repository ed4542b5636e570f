/** Fills the example of the start page with the address that this page was loaded from. */

document.querySelector('[data-fill=host]').textContent = location.host;
document.querySelector('[data-fill=secure]').hidden = location.protocol !== 'https:';
