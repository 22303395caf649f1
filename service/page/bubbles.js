/** The lecture's "at a glance": accuracy over latency or operations, the area is the parameters. */

import {across, markAcross, markUpwards, upwards} from "./axes.js";
import {byId, count, draw, milliseconds, percent} from "./dom.js";

/** @typedef {import("./architectures.js").Row} Row */
/** @typedef {"p50" | "macs"} Across */
/** @typedef {{row: Row, x: number, y: number, r: number}} Bubble in pixels */

const HEIGHT = 380; // pixels
const MARGIN = {left: 52, right: 36, top: 44, bottom: 44};
const LANE = 68; // below the axis, for those whose accuracy nobody measured
const LARGEST = 32; // radius of the network with the most parameters
const SMALLEST = 5;
const LETTER = 6.9; // pixels; names keep clear of each other by this much a letter
const TITLES = {
  p50: "Latency of a request, p50 (logarithmic)",
  macs: "Multiply-adds (logarithmic)",
};
const UNITS = {
  p50: (/** @type {number} */ mark) => `${Number(mark.toPrecision(2))} ms`,
  macs: count,
};
const HINT = "Point at a bubble, or reach it with Tab, to read its figures.";

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
    const rows = this.rows.filter((row) => row[this.across]);
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
    return `${number} of ${all} networks: the others lack ${missing}. ${data}`;
  }

  /**
   * @param {Row[]} rows not empty
   * @param {number} width
   */
  parts(rows, width) {
    const {left, top} = MARGIN;
    const [right, end] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
    const lane = rows.some((row) => top1(row) === undefined);
    const plot = {left, right, top, bottom: lane ? end - LANE : end};
    const {x, marks} = across(rows.map((row) => Number(row[this.across])), plot);
    const up = upwards(rows.map(top1).filter((share) => share !== undefined), plot);
    const y = (/** @type {number | undefined} */ share) =>
      share === undefined ? end - LANE / 2 : up.y(share);
    const most = Math.max(1, ...rows.map((row) => row.parameters ?? 0));
    const bubbles = rows.map((row) => {
      const r = Math.max(SMALLEST, LARGEST * Math.sqrt((row.parameters ?? 0) / most));
      return {row, x: x(Number(row[this.across])), y: y(top1(row)), r};
    });
    bubbles.sort((one, other) => other.r - one.r); // small ones on top
    const names = placed(bubbles, width);
    const unit = UNITS[this.across];
    const under = {x: (left + right) / 2, y: HEIGHT - 6, "text-anchor": "middle"};
    return [
      ...marks.flatMap((mark) => markAcross(x(mark), unit(mark), {...plot, bottom: end})),
      ...up.marks.flatMap((mark) => markUpwards(up.y(mark), `${Math.round(100 * mark)} %`, plot)),
      draw("text", under, TITLES[this.across]),
      draw("text", {x: 4, y: 14}, "Top-1, measured"),
      ...(lane ? [draw("text", {x: left + 6, y: end - LANE + 16}, "Top-1 not measured")] : []),
      ...fronts(bubbles).map((front) => draw("path", {class: "front", d: steps(front, right)})),
      ...bubbles.map((bubble, i) => this.bubble(bubble, names[i])),
    ];
  }

  /**
   * @param {Bubble} bubble
   * @param {?Object<string, string | number>} name where it stands
   */
  bubble({row, x, y, r}, name) {
    const spoken = {role: "img", tabindex: 0, "aria-label": told(row), "data-bubble": key(row)};
    const kind = row.weights.trained ? "bubble" : "bubble untrained";
    const group = draw("g", {class: kind, ...spoken});
    group.append(draw("circle", {cx: x, cy: y, r}));
    if (name) group.append(draw("text", name, row.name));
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
 * The Pareto fronts, one for each kind of data: from left to right, those above all before them.
 *
 * @param {Bubble[]} bubbles
 */
function fronts(bubbles) {
  const measured = bubbles.filter(({row}) => top1(row) !== undefined);
  measured.sort((one, other) => one.x - other.x || one.y - other.y);
  const data = (/** @type {Bubble} */ {row}) => row.weights.trained_on;
  return [...new Set(measured.map(data))].map((kind) =>
    measured
      .filter((bubble) => data(bubble) === kind)
      .filter(({y}, i, same) => same.slice(0, i).every((before) => y < before.y)),
  );
}

/**
 * @param {Bubble[]} front not empty
 * @param {number} right where the last step ends
 */
function steps([first, ...others], right) {
  return `M${first.x} ${first.y}${others.map(({x, y}) => `H${x}V${y}`).join("")}H${right}`;
}

/**
 * Right or left of its bubble, where it covers nothing; the other names are read on hover.
 *
 * @param {Bubble[]} bubbles
 * @param {number} width
 */
function placed(bubbles, width) {
  const round = (/** @type {Bubble} */ {x, y, r}) =>
    ({left: x - r, right: x + r, top: y - r, bottom: y + r});
  const taken = bubbles.map(round);
  return bubbles.map(({row, x, y, r}) => {
    const long = LETTER * row.name.length;
    for (const [at, left, anchor] of /** @type {[number, number, string][]} */ ([
      [x + r + 5, x + r + 5, "start"],
      [x - r - 5, x - r - 5 - long, "end"],
    ])) {
      const box = {left, right: left + long, top: y - 7, bottom: y + 7};
      const inside = left >= MARGIN.left && box.right <= width;
      if (!inside || taken.some((other) => meet(box, other))) continue;
      taken.push(box);
      return {x: at, y: y + 4, "text-anchor": anchor};
    }
    return null;
  });
}

/**
 * @param {import("./axes.js").Box} one
 * @param {import("./axes.js").Box} other
 */
function meet(one, other) {
  const beside = one.right < other.left || other.right < one.left;
  return !beside && one.bottom >= other.top && other.bottom >= one.top;
}

/** @param {Row} row */
function key({name, version}) {
  return `${name}/${version}`;
}

/**
 * @param {Row} row
 * @returns {number | undefined}
 */
function top1(row) {
  return row.metrics.top1;
}

/** @param {Row} row */
function told(row) {
  const share = top1(row);
  const parts = [
    share === undefined ? "top-1 not measured" : `${percent(share)} top-1`,
    row.p50 === undefined ? "no request answered yet" : `${milliseconds(row.p50)} p50`,
    row.parameters === undefined ? "size not known" : `${count(row.parameters)} parameters`,
    ...(row.macs === undefined ? [] : [`${count(row.macs)} multiply-adds`]),
    ...(row.weights.trained ? [] : ["untrained"]),
  ];
  return `${row.name}: ${parts.join(", ")}`;
}
