/** What the service is doing now: rates, percentiles, queue and batches, each second. */

import {latency, metrics} from "./api.js";
import {byId} from "./dom.js";
import {Meter} from "./meter.js";
import {Poll} from "./poll.js";
import {sums} from "./prometheus.js";

const REQUESTS = "convoy_requests_total";
const IMAGES = "convoy_images_total";
const QUEUE = "convoy_queue_depth";

export class Live {
  constructor() {
    /** @type {Map<string, Meter>} "name/version" */
    this.meters = new Map();
    /** @type {?{at: number, series: Map<string, number>}} */
    this.before = null;
    this.poll = new Poll(() => this.refresh(), 1000, byId("live-notice"));
  }

  show() {
    this.before = null; // a rate over the time away would be none
    this.poll.start();
  }

  hide() {
    this.poll.stop();
  }

  async refresh() {
    const [times, text] = await Promise.all([latency(), metrics()]);
    const now = {at: performance.now(), series: sums(text, [REQUESTS, IMAGES, QUEUE])};
    const active = times.filter((one) => one.engine || one.phases_ms.total.count > 0);
    const keys = active.map(key);
    if (keys.join() !== [...this.meters.keys()].join()) this.arrange(active);
    for (const one of active) {
      this.meters.get(key(one))?.show(one, {
        requests: this.rate(REQUESTS, key(one), now),
        images: this.rate(IMAGES, key(one), now),
        queue: now.series.get(`${QUEUE} ${key(one)}`) ?? null,
      });
    }
    const others = times.length - active.length;
    byId("live-idle").textContent = others ? `${others} more are served and not loaded yet.` : "";
    this.before = now;
  }

  /** @param {import("./api.js").Times[]} active */
  arrange(active) {
    this.meters = new Map(
      active.map((one) => [key(one), this.meters.get(key(one)) ?? new Meter(one)]),
    );
    byId("meters").replaceChildren(...[...this.meters.values()].map((meter) => meter.element));
  }

  /**
   * @param {string} name
   * @param {string} model "name/version"
   * @param {{at: number, series: Map<string, number>}} now
   * @returns {?number} per second; null without a round before, or where the service began anew
   */
  rate(name, model, now) {
    if (!this.before) return null;
    const key = `${name} ${model}`;
    const more = (now.series.get(key) ?? 0) - (this.before.series.get(key) ?? 0);
    return more < 0 ? null : (1000 * more) / (now.at - this.before.at);
  }
}

/** @param {import("./api.js").Times} times */
function key({model, version}) {
  return `${model}/${version}`;
}
