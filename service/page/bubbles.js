/** The lecture's "at a glance": accuracy over latency or operations, the area is the parameters. */

import {byId, count, draw, milliseconds, percent} from "./dom.js";

/** @typedef {import("./architectures.js").Row} Row */
/** @typedef {"p50" | "macs"} Across */
/** @typedef {{row: Row, x: number, y: number, r: number}} Bubble in pixels */

const HEIGHT = 340; // pixels
const MARGIN = {left: 52, right: 36, top: 44, bottom: 44};
const LARGEST = 34; // radius of the network with the most parameters
const SMALLEST = 5;
const NAME = {width: 120, height: 14}; // pixels that a name may take
const TITLES = {
  p50: "Latency of a request, p50 (logarithmic)",
  macs: "Multiply-adds (logarithmic)",
};
const HINT = "Point at a bubble, or reach it with Tab, to read its figures.";
/** Marks of a decade where the axis is longer than so many decades. */
const STEPS = /** @type {[number, number[]][]} */ ([
  [2, [1]],
  [0.8, [1, 2, 5]],
  [0, [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8]],
]);
const UNITS = {p50: milliseconds, macs: count};

export class Bubbles {
  constructor() {
    this.place = byId("bubbles");
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Across} */
    this.across = "p50";
    this.drawn = "";
    /** @type {?string} whose figures are read below the chart */
    this.told = null;
    new ResizeObserver(() => this.paint()).observe(this.place);
  }

  /**
   * @param {Row[]} rows
   * @param {Across} across
   */
  show(rows, across) {
    this.rows = rows;
    this.across = across;
    this.paint();
  }

  /** Anew only where something changed, and the keyboard stays where it is. */
  paint() {
    const width = this.place.clientWidth;
    const state = JSON.stringify([width, this.across, this.rows]);
    if (!width || state === this.drawn) return;
    this.drawn = state;
    const rows = this.rows.filter((row) => row.metrics.top1 !== undefined && row[this.across]);
    byId("bubbles-note").textContent = this.left(rows.length);
    const focused = document.activeElement?.getAttribute("data-bubble");
    const box = `0 0 ${width} ${HEIGHT}`;
    const svg = draw("svg", {viewBox: box, role: "group", "aria-label": "Bubble chart"});
    if (rows.length) svg.append(...this.parts(rows, width));
    this.place.replaceChildren(svg);
    if (focused) svg.querySelector(`[data-bubble="${CSS.escape(focused)}"]`)?.focus();
    this.tell(rows.find((row) => key(row) === this.told) ?? null);
  }

  /** @param {number} number of networks in the chart */
  left(number) {
    const missing = this.across === "macs" ? "a layer table" : "an answered request";
    const data = "Each top-1 was measured on the network's own kind of data.";
    const all = this.rows.length;
    if (number === all) return data;
    return `${number} of ${all} networks: the others lack a measured top-1 or ${missing}. ${data}`;
  }

  /**
   * @param {Row[]} rows not empty
   * @param {number} width
   */
  parts(rows, width) {
    const values = rows.map((row) => Number(row[this.across]));
    const low = Math.log10(Math.min(...values)) - 0.15;
    const high = Math.log10(Math.max(...values)) + 0.15;
    const floor = Math.max(0, Math.floor(10 * Math.min(...rows.map(top1)) - 0.5) / 10);
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = (/** @type {number} */ value) =>
      MARGIN.left + ((Math.log10(value) - low) / (high - low)) * (right - MARGIN.left);
    const y = (/** @type {number} */ share) =>
      bottom - ((share - floor) / (1 - floor)) * (bottom - MARGIN.top);
    const most = Math.max(1, ...rows.map((row) => row.parameters ?? 0));
    const bubbles = rows.map((row, i) => {
      const r = Math.max(SMALLEST, LARGEST * Math.sqrt((row.parameters ?? 0) / most));
      return {row, x: x(values[i]), y: y(top1(row)), r};
    });
    bubbles.sort((one, other) => other.r - one.r); // small ones on top
    return [
      ...this.acrossAxis(low, high, x, width),
      ...upAxis(floor, y, right),
      ...bubbles.map((bubble, i) => this.bubble(bubble, alone(bubble, bubbles.slice(0, i)), width)),
    ];
  }

  /**
   * @param {number} low decades
   * @param {number} high
   * @param {(value: number) => number} x
   * @param {number} width
   */
  acrossAxis(low, high, x, width) {
    const bottom = HEIGHT - MARGIN.bottom;
    const middle = {"text-anchor": "middle"};
    const centre = (MARGIN.left + width - MARGIN.right) / 2;
    const steps = STEPS.find(([decades]) => high - low > decades)?.[1] ?? [];
    const marks = [];
    for (let decade = Math.floor(low); decade <= high; decade++) {
      marks.push(...steps.map((step) => step * 10 ** decade));
    }
    const seen = marks.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
    return [
      ...seen.flatMap((value) => [
        draw("line", {class: "grid", x1: x(value), x2: x(value), y1: MARGIN.top, y2: bottom}),
        draw("text", {x: x(value), y: bottom + 18, ...middle}, UNITS[this.across](value)),
      ]),
      draw("text", {x: centre, y: HEIGHT - 6, ...middle}, TITLES[this.across]),
    ];
  }

  /**
   * @param {Bubble} bubble
   * @param {boolean} named
   * @param {number} width
   */
  bubble({row, x, y, r}, named, width) {
    const spoken = {role: "img", tabindex: 0, "aria-label": told(row)};
    const group = draw("g", {class: "bubble", ...spoken, "data-bubble": key(row)});
    group.append(draw("circle", {cx: x, cy: y, r}));
    const flip = x > width / 2; // a name never leaves the chart
    const beside = flip ? {x: x - r - 5, "text-anchor": "end"} : {x: x + r + 5};
    if (named) group.append(draw("text", {...beside, y: y + 4}, row.name));
    for (const event of ["pointerenter", "focus"]) {
      group.addEventListener(event, () => this.tell(row));
    }
    return group;
  }

  /** @param {?Row} row */
  tell(row) {
    this.told = row && key(row);
    byId("bubbles-tell").textContent = row ? told(row) : HINT;
  }
}

/**
 * @param {number} floor 0..1
 * @param {(share: number) => number} y
 * @param {number} right
 */
function upAxis(floor, y, right) {
  const marks = Array.from({length: 6}, (_, i) => floor + ((1 - floor) * i) / 5);
  const left = {x: MARGIN.left - 6, "text-anchor": "end"};
  return [
    ...marks.flatMap((share) => [
      draw("line", {class: "grid", x1: MARGIN.left, x2: right, y1: y(share), y2: y(share)}),
      draw("text", {...left, y: y(share) + 4}, `${Math.round(100 * share)} %`),
    ]),
    draw("text", {x: 4, y: 14}, "Top-1, measured"),
  ];
}

/**
 * Whether its name would cover no other's; the hidden ones can be pointed at.
 *
 * @param {Bubble} bubble
 * @param {Bubble[]} others
 */
function alone({x, y}, others) {
  const far = (/** @type {Bubble} */ other) =>
    Math.abs(other.x - x) > NAME.width || Math.abs(other.y - y) > NAME.height;
  return others.every(far);
}

/** @param {Row} row */
function key({name, version}) {
  return `${name}/${version}`;
}

/** @param {Row} row */
function top1(row) {
  return row.metrics.top1;
}

/** @param {Row} row */
function told(row) {
  const parts = [
    `${percent(top1(row))} top-1`,
    row.p50 === undefined ? "no request answered yet" : `${milliseconds(row.p50)} p50`,
    row.parameters === undefined ? "size not known" : `${count(row.parameters)} parameters`,
    ...(row.macs === undefined ? [] : [`${count(row.macs)} multiply-adds`]),
    ...(row.weights.trained ? [] : ["untrained"]),
  ];
  return `${row.name}: ${parts.join(", ")}`;
}
