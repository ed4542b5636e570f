/** The server's HTTP API. Its URLs are relative, so they work below any path of a proxy. */

const ROOT = 'api/v1/';

/**
 * The last change sent to each resource. Requests to read the resource wait for it, so that a page
 * entered meanwhile shows the change.
 *
 * @type {Map<string, Promise<unknown>>}
 */
const changes = new Map();

/** An error response of the server, or the failure to reach it. */
export class ApiError extends Error {
  /** @param {number} status 0 if there was no response @param {string} type @param {string} message */
  constructor(status, type, message) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/**
 * @param {string} method
 * @param {string} path below the root of the API
 * @param {{params?: Record<string, any>, body?: any, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
async function request(method, path, {params = {}, body, signal} = {}) {
  /** @type {Record<string, string>} */
  const headers = {'X-Requested-With': 'Chronologer'};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(address(path, params), {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') throw error;
    throw new ApiError(0, 'Offline', 'The server cannot be reached.');
  }
  if (!response.ok) throw await failure(response, method);
  return response;
}

/** @param {Response} response @param {string} method */
async function failure(response, method) {
  const {status, headers} = response;
  if (status === 401) window.dispatchEvent(new CustomEvent('signed-out'));
  if (method === 'HEAD') {
    return new ApiError(status, headers.get('X-Error-Type') ?? '', headers.get('X-Error-Message') ?? '');
  }
  const body = await response.json().catch(() => ({}));
  const {type = 'HTTPError', message = `The server returned status ${status}.`} = body.error ?? {};
  return new ApiError(status, type, message);
}

/** Parse JSON; integers that a number cannot hold become BigInt. @param {string} text */
export function parseJson(text) {
  return /\d{16}/.test(text) ? JSON.parse(text, /** @type {any} */ (keepDigits)) : JSON.parse(text);
}

/** @param {string} _ @param {any} value @param {{source?: string}} [context] of newer browsers */
function keepDigits(_, value, context) {
  const isCut = typeof value === 'number' && !Number.isSafeInteger(value);
  return isCut && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value;
}

/** A URL of the API, relative to the document's base. @param {string} path @param {Record<string, any>} [params] */
export function address(path, params = {}) {
  const query = new URLSearchParams(params).toString();
  return ROOT + path + (query && '?') + query;
}

/** A relative URL as an absolute one, for use outside of the page. @param {string} relative */
export function absolute(relative) {
  return new URL(relative, document.baseURI).href;
}

/**
 * @param {string} path
 * @param {Record<string, any>} [params]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, params, signal) {
  await changes.get(resource(path));
  return parseJson(await (await request('GET', path, {params, signal})).text());
}

/** The number of records. @param {Record<string, any>} params @param {AbortSignal} [signal] */
export async function count(params, signal) {
  const response = await request('HEAD', 'record', {params, signal});
  return Number(response.headers.get('X-Record-Count'));
}

/**
 * Records after an id, and the id to continue from.
 *
 * @param {number} id
 * @param {number} limit
 * @param {Record<string, any>} params
 * @param {AbortSignal} [signal]
 * @returns {Promise<{records: any[], last: number}>}
 */
export async function follow(id, limit, params, signal) {
  const response = await request('GET', 'record', {params: {...params, after_id: id, limit}, signal});
  const last = Number(response.headers.get('X-Last-Id'));
  const records = parseJson(await response.text());
  const own = records.at(-1)?.id ?? 0;
  return {records, last: limit > 0 && records.length === limit ? own : Math.max(last, own)};
}

/** The id of the newest record, 0 if there is none. @returns {Promise<number>} */
export async function lastId() {
  return (await follow(Number.MAX_SAFE_INTEGER, 0, {})).last;
}

/** @param {string} path @param {any} body */
export async function put(path, body) {
  await change('PUT', path, {body});
}

/** @param {string} path */
export async function remove(path) {
  await change('DELETE', path);
}

/** @param {string} method @param {string} path @param {{body?: any}} [options] */
async function change(method, path, options) {
  const response = request(method, path, options);
  changes.set(resource(path), Promise.allSettled([changes.get(resource(path)), response]));
  await response;
}

/** The first part of a path, without its query. @param {string} path */
function resource(path) {
  return path.split('/', 1)[0];
}

/** @param {string} username @param {string} password */
export async function signIn(username, password) {
  await request('POST', 'session', {body: {username, password}});
}

/** The latest of several requests: a new one aborts the one before. */
export class LatestRequest {
  /** @type {AbortController | null} */
  #controller = null;

  /**
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} send
   * @returns {Promise<T | undefined>} undefined if a later request aborted this one
   */
  async run(send) {
    this.cancel();
    const controller = (this.#controller = new AbortController());
    try {
      const answer = await send(controller.signal);
      return controller.signal.aborted ? undefined : answer;
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    } finally {
      if (this.#controller === controller) this.#controller = null;
    }
  }

  get isPending() {
    return this.#controller !== null;
  }

  cancel() {
    this.#controller?.abort();
    this.#controller = null;
  }
}
