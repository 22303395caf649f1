/** What the service is doing now: rates, percentiles, queue and batches, each second. */

import {latency, metrics} from "./api.js";
import {byId} from "./dom.js";
import {Meter} from "./meter.js";
import {Poll} from "./poll.js";
import {counts, nothing, quantile} from "./prometheus.js";

/**
 * @typedef {{at: number, counts: Map<string, import("./prometheus.js").Counts>,
 *   batches: Map<string, Object<string, number>>}} Reading `at`: milliseconds
 * @typedef {{requests: number, images: number, queue: ?number, p50: ?number, p95: ?number,
 *   p99: ?number, batches: [size: string, runs: number][]}} Now images and requests a second,
 *   p50 to p99 milliseconds
 */

const EVERY = 1000; // milliseconds
const WINDOW = 10_500; // ten readings, and a little as timers are late

export class Live {
  constructor() {
    /** @type {Map<string, Meter>} "name/version" */
    this.meters = new Map();
    /** @type {Reading[]} of the window, oldest first */
    this.readings = [];
    this.poll = new Poll(() => this.refresh(), EVERY, byId("live-notice"));
  }

  show() {
    this.readings = []; // what came in the time away is not now
    this.poll.start();
  }

  hide() {
    this.poll.stop();
  }

  async refresh() {
    const [times, text] = await Promise.all([latency(), metrics()]);
    const batches = new Map(times.map((one) => [key(one), one.batch_sizes]));
    this.note({at: performance.now(), counts: counts(text), batches});
    const active = times.filter((one) => one.engine || one.phases_ms.total.count > 0);
    const keys = active.map(key);
    if (keys.join() !== [...this.meters.keys()].join()) this.arrange(active);
    for (const one of active) this.meters.get(key(one))?.show(one, this.now(key(one)));
    const others = times.length - active.length;
    byId("live-idle").textContent = others ? `Served and not loaded yet: ${others}.` : "";
  }

  /** @param {Reading} reading where counts fell, the service began anew, and so do we */
  note(reading) {
    const last = this.readings[this.readings.length - 1];
    const fell = [...(last?.counts ?? [])].some(
      ([name, {requests}]) => (reading.counts.get(name)?.requests ?? 0) < requests,
    );
    const recent = this.readings.filter(({at}) => reading.at - at < WINDOW);
    this.readings = [...(fell ? [] : recent), reading];
  }

  /** @param {import("./api.js").Times[]} active */
  arrange(active) {
    this.meters = new Map(
      active.map((one) => [key(one), this.meters.get(key(one)) ?? new Meter(one)]),
    );
    byId("meters").replaceChildren(...[...this.meters.values()].map((meter) => meter.element));
  }

  /**
   * @param {string} name "model/version"
   * @returns {?Now} null where there is no reading before
   */
  now(name) {
    if (this.readings.length < 2) return null;
    const [now, last] = this.readings.slice(-2).reverse();
    const first = this.readings[0];
    const of = (/** @type {Reading} */ {counts}) => counts.get(name) ?? nothing();
    const rate = (/** @type {"requests" | "images"} */ what) =>
      (1000 * (of(now)[what] - of(last)[what])) / (now.at - last.at);
    const slow = (/** @type {number} */ share) => {
      const seconds = quantile(share, of(now).slowest, of(first).slowest);
      return seconds && 1000 * seconds;
    };
    const before = first.batches.get(name) ?? {};
    const batches = Object.entries(now.batches.get(name) ?? {})
      .map(([size, runs]) => /** @type {[string, number]} */ ([size, runs - (before[size] ?? 0)]))
      .filter(([, runs]) => runs > 0);
    return {
      requests: rate("requests"),
      images: rate("images"),
      queue: of(now).queue,
      ...{p50: slow(0.5), p95: slow(0.95), p99: slow(0.99)},
      batches,
    };
  }
}

/** @param {import("./api.js").Times} times */
function key({model, version}) {
  return `${model}/${version}`;
}
