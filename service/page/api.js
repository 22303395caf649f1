/**
 * The service's HTTP as two functions; what goes wrong comes out as a Failure in plain words.
 *
 * `older`: a newer version of the same name is served too; without a version asked, that answers.
 *
 * @typedef {{name: string, version: number, older?: boolean, ready: boolean, loaded: boolean,
 *   engine: ?string, precision: ?string, device: ?string, architecture: string,
 *   input: {channels: number, height: number, width: number}, classes: number,
 *   weights: Weights, metrics: Object<string, number>}} Model
 * @typedef {{name: string, trained_on: ?string, trained: boolean, sha256: string}} Weights
 * @typedef {{index: number, label: string, probability: number}} Guess
 * @typedef {{index: number, label: string, shape: [number, number], map: number[][]}} Cam
 * @typedef {[left: number, top: number, right: number, bottom: number]} Box
 * @typedef {{model: string, version: number, engine: string, precision: string, device: string,
 *   weights: Weights, predictions: {top1: Guess, top5: Guess[], cams: Cam[], box: ?Box}[],
 *   latency_ms: Object<string, number>, batch: {size: number, released: string},
 *   request_id: string}} Answer
 */

export const QUERY = "top=5&cam=top5&cam_as=array";

/** Something a person should read: what happened, and what may help. */
export class Failure extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   */
  constructor(title, detail) {
    super(title);
    this.title = title;
    this.detail = detail;
  }
}

/** @returns {Promise<{models: Model[], refused?: Object<string, string>}>} refused: and why */
export async function models() {
  return JSON.parse(await call("models", {}, ""));
}

/**
 * @param {Model} model
 * @param {Blob} image sent as it is
 * @param {AbortSignal} signal
 * @returns {Promise<{answer: Answer, roundTrip: number}>} the round trip in milliseconds
 */
export async function predict(model, image, signal) {
  const hint = `The photograph (${size(image.size)}) may be larger than it takes. `;
  const sent = performance.now();
  const text = await call(
    predictPath(model),
    {method: "POST", body: image, headers: {"Content-Type": mediaType(image)}, signal},
    image.size > 8 * 2 ** 20 ? hint : "",
  );
  return {answer: JSON.parse(text), roundTrip: performance.now() - sent};
}

/**
 * @param {Model} model
 * @returns {string} relative to the page
 */
export function predictPath(model) {
  const version = model.older ? `&version=${model.version}` : "";
  return `predict/${encodeURIComponent(model.name)}?${QUERY}${version}`;
}

/** @param {Blob} image */
export function mediaType(image) {
  return image.type || "application/octet-stream";
}

/**
 * @param {string} file below examples/
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 */
export async function example(file, signal) {
  const response = await reach(new URL(`examples/${file}`, import.meta.url), {signal}, "");
  if (!response.ok) throw new Failure("This example is missing", `The service has no ${file}.`);
  return response.blob();
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @param {string} hint said first when nobody answers
 * @returns {Promise<string>} the body of a good answer
 */
async function call(path, init, hint) {
  const response = await reach(path, {...init, cache: "no-store"}, hint);
  const text = await response.text().catch((error) => lost(error, hint));
  if (!response.ok) throw problem(response, text);
  return text;
}

/**
 * @param {string | URL} address
 * @param {RequestInit} init
 * @param {string} hint
 * @returns {Promise<Response>}
 */
function reach(address, init, hint) {
  return fetch(address, init).catch((error) => lost(error, hint));
}

/**
 * @param {Error} error
 * @param {string} hint
 * @returns {never}
 */
function lost(error, hint) {
  if (error.name === "AbortError") throw error;
  throw new Failure(
    "The service does not answer",
    `${hint}It may be stopped or starting; your photograph is kept here.`,
  );
}

/**
 * problem+json as it comes; anything else by its status.
 *
 * @param {Response} response
 * @param {string} text
 */
function problem(response, text) {
  try {
    const {title, detail} = JSON.parse(text);
    if (title) return new Failure(String(title), detail ? String(detail) : "");
  } catch {
    // not JSON: the status has to do
  }
  return new Failure(`The service answered ${response.status}`, response.statusText);
}

/** @param {number} bytes */
function size(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
