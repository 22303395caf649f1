/** The networks as a table that a click on a heading sorts and a click on a name explains. */

import {byId, count, make, milliseconds, percent, untrained} from "./dom.js";

/** @typedef {import("./architectures.js").Row} Row */

/**
 * @typedef {{title: string, value: (row: Row) => string | number | undefined,
 *   text: (value: any, row: Row) => string}} Column what it sorts by, and what it shows
 *
 * @type {Column[]}
 */
const COLUMNS = [
  {title: "Network", value: (row) => row.name, text: named},
  {title: "Parameters", value: (row) => row.parameters, text: count},
  {title: "Multiply-adds", value: (row) => row.macs, text: count},
  {title: "Top-1, measured", value: (row) => row.metrics.top1, text: percent},
  {title: "Latency, p50", value: (row) => row.p50, text: milliseconds},
  {title: "Input", value: (row) => row.input.height, text: input},
  {title: "Classes", value: (row) => row.classes, text: String},
  {title: "Weights", value: weights, text: String},
];

export class Catalogue {
  /** @param {(row: Row) => void} chosen called with the network that a person chose */
  constructor(chosen) {
    this.chosen = chosen;
    this.body = byId("catalogue-rows");
    this.column = 0;
    this.down = false;
    this.shown = "";
    /** @type {Row[]} */
    this.rows = [];
    this.heads = COLUMNS.map(({title}, column) => {
      const button = make("button", {type: "button"}, title);
      button.addEventListener("click", () => this.sort(column));
      return make("th", {scope: "col"}, button);
    });
    byId("catalogue-head").append(...this.heads);
    this.mark();
  }

  /** @param {number} column again: the other way round */
  sort(column) {
    this.down = column === this.column ? !this.down : false;
    this.column = column;
    this.mark();
    this.fill();
  }

  mark() {
    this.heads.forEach((head, column) => {
      if (column !== this.column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
    });
  }

  /** @param {Row[]} rows */
  show(rows) {
    if (JSON.stringify(rows) === this.shown) return;
    this.shown = JSON.stringify(rows);
    this.rows = rows;
    this.fill();
  }

  /** Keeps the keyboard where it is. */
  fill() {
    const focused = document.activeElement?.getAttribute("data-network");
    const {value} = COLUMNS[this.column];
    const sign = this.down ? -1 : 1;
    const sorted = this.rows
      .map((row) => ({row, at: value(row)}))
      .sort((one, other) => compare(one.at, other.at, sign));
    this.body.replaceChildren(...sorted.map(({row}) => this.line(row)));
    if (focused) this.body.querySelector(`[data-network="${CSS.escape(focused)}"]`)?.focus();
  }

  /** @param {Row} row */
  line(row) {
    const [first, ...others] = COLUMNS.map(({value, text}) => {
      const known = value(row);
      return known === undefined ? "–" : text(known, row);
    });
    const name = `${row.name}/${row.version}`;
    const button = make("button", {type: "button", "data-network": name, class: "link"}, first);
    const cells = others.map((text) => make("td", {}, text));
    const last = cells[cells.length - 1];
    last.title = row.weights.trained_on ?? "";
    if (!row.weights.trained) last.replaceChildren(untrained());
    const line = make("tr", {}, make("th", {scope: "row"}, button), ...cells);
    line.addEventListener("click", () => this.chosen(row)); // the button's click arrives here too
    return line;
  }
}

/**
 * What is not known stands last, either way.
 *
 * @param {string | number | undefined} one
 * @param {string | number | undefined} other
 * @param {number} sign -1: the other way round
 */
function compare(one, other, sign) {
  if (one === undefined || other === undefined) {
    return Number(one === undefined) - Number(other === undefined);
  }
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * String(one).localeCompare(String(other));
}

/**
 * @param {string} name
 * @param {Row} row
 */
function named(name, {older, version}) {
  return older ? `${name}, version ${version}` : name;
}

/**
 * @param {number} height
 * @param {Row} row
 */
function input(height, {input: {width, channels}}) {
  return `${width} × ${height} ${channels === 1 ? "grey" : "RGB"}`;
}

/** @param {Row} row */
function weights({weights: {trained, name}}) {
  return trained ? `trained: ${name}` : "untrained";
}
