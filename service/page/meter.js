/** One network's figures on the tab "Live", changed in place. */

import {count, draw, make, milliseconds, state, untrained} from "./dom.js";

const READINGS = 60; // of the line
const WIDTH = 240;
const HEIGHT = 48;
const FACTS = [
  ["requests", "Requests/s"],
  ["images", "Images/s"],
  ["queue", "Waiting"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["p99", "p99"],
];

export class Meter {
  /** @param {import("./api.js").Times} times */
  constructor({model, version, trained}) {
    /** @type {number[]} images per second, newest last */
    this.rates = [];
    this.facts = make("dl", {class: "facts"}, ...FACTS.map(fact));
    this.line = draw("polyline", {class: "line"});
    this.peak = make("span", {}, "–");
    const plot = {class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`};
    const floor = {class: "grid", x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1};
    this.bars = draw("svg", {...plot, preserveAspectRatio: "xMinYMid", role: "img"});
    this.sizes = make("p", {class: "hint sizes"});
    this.start = make("p", {class: "hint start"});
    this.element = make(
      "article",
      {class: "meter", "aria-label": `${model}, version ${version}`},
      make(
        "div",
        {class: "heading"},
        make("h3", {}, model, make("span", {class: "hint"}, ` version ${version}`)),
        ...(trained ? [] : [untrained()]),
      ),
      this.facts,
      make("p", {class: "hint heading"}, "Images/s, last minute", this.peak),
      draw(
        "svg",
        {...plot, preserveAspectRatio: "none", "aria-hidden": "true"},
        draw("line", floor),
        this.line,
      ),
      make("p", {class: "hint"}, "Images in a run"),
      this.bars,
      this.sizes,
      this.start,
    );
  }

  /**
   * @param {import("./api.js").Times} times
   * @param {?import("./live.js").Now} now
   */
  show({phases_ms}, now) {
    const {p50, p99, count: answered} = phases_ms.total;
    const all = `${count(answered)} answers, p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`;
    this.start.textContent = `Since the start: ${answered ? all : "no answer yet"}`;
    state(this.facts, {
      requests: rate(now?.requests),
      images: rate(now?.images),
      queue: now?.queue?.toString() ?? (now ? "not loaded" : "–"),
      p50: time(now?.p50),
      p95: time(now?.p95),
      p99: time(now?.p99),
    });
    if (now) this.rates = [...this.rates, now.images].slice(-READINGS);
    const most = Math.max(...this.rates);
    this.peak.textContent = this.rates.length ? `most ${most.toFixed(1)}` : "–";
    this.line.setAttribute("points", points(this.rates));
    this.histogram(now?.batches ?? []);
  }

  /** @param {[size: string, runs: number][]} batches */
  histogram(batches) {
    const all = batches.reduce((sum, [, runs]) => sum + runs, 0);
    const told = batches.map(([size, runs]) => `of ${size}: ${count(runs)}`).join(", ");
    const text = all ? `Runs ${told}` : "No run in these ten seconds";
    if (text === this.sizes.textContent) return;
    this.sizes.textContent = text;
    this.bars.setAttribute("aria-label", `Images in a run. ${text}`);
    const step = Math.min(WIDTH / Math.max(1, batches.length), 40);
    this.bars.replaceChildren(
      ...batches.flatMap(([size, runs], place) => {
        const height = (runs / all) * (HEIGHT - 14);
        const x = place * step;
        const bar = {x, y: HEIGHT - 12 - height, width: step - 3, height, class: "bar"};
        return [
          draw("rect", bar),
          draw("text", {x: x + (step - 3) / 2, y: HEIGHT - 1, "text-anchor": "middle"}, size),
        ];
      }),
    );
  }
}

/** @param {string[]} fact its key and its name */
function fact([name, title]) {
  return make("div", {}, make("dt", {}, title), make("dd", {"data-fact": name}, "–"));
}

/** @param {number | undefined} value */
function rate(value) {
  return value === undefined ? "–" : value.toFixed(1);
}

/** @param {number | null | undefined} value */
function time(value) {
  return value == null ? "–" : milliseconds(value);
}

/** @param {number[]} rates */
function points(rates) {
  const most = Math.max(1, ...rates);
  return rates
    .map((value, i) => {
      const x = WIDTH - (rates.length - 1 - i) * (WIDTH / (READINGS - 1));
      return `${x.toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
    })
    .join(" ");
}
