/** One network's figures on the tab "Live", changed in place. */

import {count, draw, make, milliseconds, state, untrained} from "./dom.js";

const ROUNDS = 60; // of the rate's line
const WIDTH = 240;
const HEIGHT = 48;
const FACTS = [
  ["requests", "Requests / s"],
  ["images", "Images / s"],
  ["queue", "Waiting"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["p99", "p99"],
];

export class Meter {
  /** @param {import("./api.js").Times} times */
  constructor({model, version, trained}) {
    this.name = `${model}, version ${version}`;
    /** @type {number[]} images per second, newest last */
    this.rates = [];
    this.facts = make("dl", {class: "facts"}, ...FACTS.map(fact));
    this.line = draw("polyline", {class: "line"});
    const plot = {class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`};
    this.bars = draw("svg", {...plot, preserveAspectRatio: "xMinYMid", role: "img"});
    this.sizes = make("p", {class: "hint sizes"});
    this.element = make(
      "article",
      {class: "meter", "aria-label": this.name},
      make(
        "div",
        {class: "heading"},
        make("h3", {}, model, make("span", {class: "hint"}, ` version ${version}`)),
        ...(trained ? [] : [untrained()]),
      ),
      this.facts,
      make("p", {class: "hint"}, "Images / s, the last 60 readings"),
      draw("svg", {...plot, preserveAspectRatio: "none", "aria-hidden": "true"}, this.line),
      make("p", {class: "hint"}, "Batch sizes, share of the runs since the start"),
      this.bars,
      this.sizes,
    );
  }

  /**
   * @param {import("./api.js").Times} times
   * @param {{requests: ?number, images: ?number, queue: ?number}} now per second; images waiting
   */
  show({phases_ms, batch_sizes}, {requests, images, queue}) {
    const {p50, p95, p99, count: answered} = phases_ms.total;
    const time = (/** @type {number} */ value) => (answered ? milliseconds(value) : "–");
    state(this.facts, {
      requests: rate(requests),
      images: rate(images),
      queue: queue === null ? "not loaded" : String(queue),
      p50: time(p50),
      p95: time(p95),
      p99: time(p99),
    });
    if (images !== null) this.rates = [...this.rates, images].slice(-ROUNDS);
    this.line.setAttribute("points", points(this.rates));
    this.histogram(batch_sizes);
  }

  /** @param {Object<string, number>} sizes batch size to runs */
  histogram(sizes) {
    const rows = Object.entries(sizes);
    const runs = rows.reduce((sum, [, number]) => sum + number, 0);
    const told = rows.map(([size, number]) => `${size}: ${count(number)}`).join(", ");
    const text = runs ? `Images in a run, and runs: ${told}` : "No run yet";
    if (text === this.sizes.textContent) return;
    this.sizes.textContent = text;
    this.bars.setAttribute("aria-label", text);
    const step = Math.min(WIDTH / Math.max(1, rows.length), 40);
    this.bars.replaceChildren(
      ...rows.flatMap(([size, number], place) => {
        const height = (number / runs) * (HEIGHT - 14);
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

/** @param {?number} value */
function rate(value) {
  return value === null ? "–" : value.toFixed(1);
}

/** @param {number[]} rates */
function points(rates) {
  const most = Math.max(1, ...rates);
  return rates
    .map((value, i) => {
      const x = WIDTH - (rates.length - 1 - i) * (WIDTH / (ROUNDS - 1));
      return `${x.toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
    })
    .join(" ");
}
