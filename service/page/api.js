/**
 * The service's HTTP as a few functions; what goes wrong comes out as a Failure in plain words.
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
 *
 * @typedef {{model: string, problem?: ?string, version: number, engine: string, precision: string,
 *   device: string, weights: Weights, latency_ms: Object<string, number>, load_ms: number,
 *   prediction: {top1: Guess, top5: Guess[], cams: Cam[], box: ?Box}}} Compared
 * `problem`: only the name stands beside it
 * @typedef {{results: Compared[], read_ms: number, decode_ms: number}} Comparison
 *
 * @typedef {{count: number, mean: number, p50: number, p95: number, p99: number,
 *   max: number}} Summary milliseconds, but for `count`
 * @typedef {{model: string, version: number, trained: boolean, engine: ?string,
 *   phases_ms: Object<string, Summary>, batch_sizes: Object<string, number>}} Times since the start
 *
 * @typedef {{name: string, kind: string, input: number[], output: number[], memory: number,
 *   filter: number[], stride: number[], pad: number[], weights: number, biases: number,
 *   norm: number, macs: number, receptive_field: number[]}} Layer sizes: height, width, channels
 * @typedef {{layers: Layer[], depth: number, parameters: number, macs: number}} Layers
 */

export const QUERY = "top=5&cam=top5&cam_as=array";

/** Something a person should read: what happened, and what may help. */
export class Failure extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {number} [status] of HTTP, 0 where nobody answered
   */
  constructor(title, detail, status = 0) {
    super(title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

/** @returns {Promise<{models: Model[], refused?: Object<string, string>}>} refused: and why */
export async function models() {
  return JSON.parse(await get("models"));
}

/** @returns {Promise<Times[]>} */
export async function latency() {
  return JSON.parse(await get("latency")).models;
}

/** @returns {Promise<string>} in Prometheus' format */
export function metrics() {
  return get("metrics");
}

/**
 * @param {Model} model
 * @returns {Promise<Layers>}
 */
export async function layers({name, version}) {
  return JSON.parse(await get(`models/${encodeURIComponent(name)}/layers?version=${version}`));
}

/**
 * @param {string[]} names
 * @param {Blob} image sent as it is
 * @param {AbortSignal} signal
 * @returns {Promise<Comparison>}
 */
export async function compare(names, image, signal) {
  const path = `compare?models=${names.map(encodeURIComponent).join(",")}&top=5&cam=top1`;
  return JSON.parse(await call(path, post(image, signal), tooLarge(image)));
}

/**
 * @param {Model} model
 * @param {Blob} image sent as it is
 * @param {AbortSignal} signal
 * @returns {Promise<{answer: Answer, roundTrip: number}>} the round trip in milliseconds
 */
export async function predict(model, image, signal) {
  const sent = performance.now();
  const text = await call(predictPath(model), post(image, signal), tooLarge(image));
  return {answer: JSON.parse(text), roundTrip: performance.now() - sent};
}

/**
 * @param {Blob} image
 * @param {AbortSignal} signal
 * @returns {RequestInit}
 */
function post(image, signal) {
  return {method: "POST", body: image, headers: {"Content-Type": mediaType(image)}, signal};
}

/**
 * A service that hangs up on a large body looks like one that is gone.
 *
 * @param {Blob} image
 */
function tooLarge({size}) {
  if (size <= 8 * 2 ** 20) return "";
  return `The photograph (${(size / 1e6).toFixed(1)} MB) may be larger than it takes. `;
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
 * What needs no network is answered at once, or the service hangs.
 *
 * @param {string} path
 */
function get(path) {
  return call(path, {signal: AbortSignal.timeout(10_000)}, "");
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
    if (title) return new Failure(String(title), detail ? String(detail) : "", response.status);
  } catch {
    // not JSON: the status has to do
  }
  return new Failure(`The service answered ${response.status}`, response.statusText, response.status);
}
