/** Where the time went: the server's phases and the rest of the round trip as one stacked bar. */

import {byId, make, milliseconds} from "./dom.js";

/** Phase and what it means to a reader. */
const PHASES = [
  ["read", "body received"],
  ["decode", "image decoded and resized"],
  ["queue", "waited for the engine"],
  ["infer", "ran in the engine"],
  ["post", "ranked and written"],
];

export class Latency {
  constructor() {
    this.parts = [...PHASES, ["transit", "HTTP, the way and the browser"]].map(([name, meaning]) => ({
      name,
      piece: make("i", {class: `phase-${name}`}),
      figure: make("dd"),
      meaning,
    }));
    const bar = make("div", {class: "stack", "aria-hidden": "true"});
    bar.append(...this.parts.map((part) => part.piece));
    const list = make("dl", {class: "phases"});
    list.append(...this.parts.map(entry));
    this.total = make("dd");
    this.roundTrip = make("dd");
    list.append(sum("total", this.total), sum("round trip", this.roundTrip));
    byId("latency").append(bar, list);
    this.clear();
  }

  clear() {
    this.show({}, 0);
  }

  /**
   * @param {Object<string, number>} phases milliseconds as the server measured them
   * @param {number} roundTrip milliseconds as the browser saw it; 0 for none yet
   */
  show(phases, roundTrip) {
    const rest = Math.max(0, roundTrip - (phases.total ?? 0));
    for (const {name, piece, figure} of this.parts) {
      const value = name === "transit" ? rest : (phases[name] ?? 0);
      piece.style.flexGrow = String(value);
      figure.textContent = roundTrip ? milliseconds(value) : "–";
    }
    this.total.textContent = roundTrip ? milliseconds(phases.total) : "–";
    this.roundTrip.textContent = roundTrip ? milliseconds(roundTrip) : "–";
  }
}

/** @param {{name: string, figure: HTMLElement, meaning: string}} part */
function entry({name, figure, meaning}) {
  const swatch = make("i", {class: `swatch phase-${name}`, "aria-hidden": "true"});
  return make("div", {}, make("dt", {title: meaning}, swatch, name), figure);
}

/**
 * @param {string} name
 * @param {HTMLElement} figure
 */
function sum(name, figure) {
  return make("div", {class: "sum"}, make("dt", {}, name), figure);
}
