/** Reads what `/metrics` says of each network, and percentiles of what came between two readings. */

const LINE = /^(\w+)\{(.*)\} (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/**
 * @typedef {{requests: number, images: number, queue: ?number, slowest: Map<number, number>}} Counts
 * since the start, but for `queue`: images waiting, null while the network is not loaded;
 * slowest: seconds -> requests that took no longer, in rising order
 */

/**
 * @param {string} text in Prometheus' format
 * @returns {Map<string, Counts>} by "model/version", summed over all other labels
 */
export function counts(text) {
  /** @type {Map<string, Counts>} */
  const found = new Map();
  for (const line of text.split("\n")) {
    const [, name, labels, value] = LINE.exec(line) ?? [];
    if (!name?.startsWith("convoy_")) continue;
    const pairs = [...labels.matchAll(LABEL)].map(([, label, text]) => [label, text]);
    const {model, version, phase, le} = Object.fromEntries(pairs);
    const key = `${model}/${version}`;
    if (!found.has(key)) found.set(key, nothing());
    const network = /** @type {Counts} */ (found.get(key));
    if (name === "convoy_requests_total") network.requests += Number(value);
    else if (name === "convoy_images_total") network.images += Number(value);
    else if (name === "convoy_queue_depth") network.queue = Number(value);
    else if (name === "convoy_phase_seconds_bucket" && phase === "total") {
      const bound = le === "+Inf" ? Infinity : Number(le);
      network.slowest.set(bound, (network.slowest.get(bound) ?? 0) + Number(value));
    }
  }
  return found;
}

/** @returns {Counts} */
export function nothing() {
  return {requests: 0, images: 0, queue: null, slowest: new Map()};
}

/**
 * As Prometheus' `histogram_quantile`: even within a bucket, so as far off as a bucket is wide.
 *
 * @param {number} share 0..1
 * @param {Map<number, number>} now
 * @param {Map<number, number>} before an earlier reading of the same
 * @returns {?number} seconds; null if nothing came in between
 */
export function quantile(share, now, before) {
  const came = [...now].map(([bound, number]) => ({bound, number: number - (before.get(bound) ?? 0)}));
  const rank = share * (came[came.length - 1]?.number ?? 0);
  if (!rank) return null;
  const place = came.findIndex(({number}) => number >= rank);
  const lower = came[place - 1] ?? {bound: 0, number: 0};
  const {bound, number} = came[place];
  if (bound === Infinity) return lower.bound;
  return lower.bound + ((bound - lower.bound) * (rank - lower.number)) / (number - lower.number);
}
