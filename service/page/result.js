/** What one of the compared networks says: its map, its five likeliest classes, its time. */

import {engine, make, milliseconds, percent, state, untrained} from "./dom.js";
import {Stage} from "./stage.js";

const ROWS = 5;
const PHASES = ["queue", "infer", "post", "total"];
const NOTICED = 1; // milliseconds; one that is still loaded takes microseconds

export class Result {
  /** @param {import("./api.js").Model} model */
  constructor(model) {
    const {name, loaded, weights} = model;
    this.loaded = loaded;
    const labels = {role: "img", "aria-label": name};
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", labels));
    this.stage = new Stage(this.canvas);
    this.list = make("ol", {class: "ranks"}, ...Array.from({length: ROWS}, () => rank()));
    this.phases = make("dl", {class: "phases"}, ...PHASES.map(phase));
    this.note = make("p", {class: "hint load", role: "status"}, loaded ? "" : "Loading it…");
    const title = make("h3", {}, name);
    this.element = make(
      "article",
      {class: "result", "aria-label": name},
      make("div", {class: "heading"}, title, ...(weights.trained ? [] : [untrained()])),
      make("div", {class: "stage"}, this.canvas),
      this.list,
      this.phases,
      this.note,
    );
  }

  /**
   * @param {?ImageBitmap} photo
   * @param {string} alt
   */
  picture(photo, alt) {
    this.stage.show(photo);
    this.canvas.setAttribute("aria-label", alt);
  }

  /** @param {import("./api.js").Compared} found */
  show(found) {
    if (found.problem) {
      this.note.textContent = found.problem;
      this.note.classList.add("failed");
      return;
    }
    const {top5, cams, box} = found.prediction;
    this.list.replaceChildren(...Array.from({length: ROWS}, (_, place) => rank(top5[place])));
    state(
      this.phases,
      Object.fromEntries(PHASES.map((name) => [name, milliseconds(found.latency_ms[name])])),
    );
    this.stage.overlay(cams[0] ?? null, box);
    const alt = this.canvas.getAttribute("aria-label");
    if (cams[0]) this.canvas.setAttribute("aria-label", `${alt}, with the map of ${cams[0].label}`);
    const {load_ms} = found;
    const waited = !this.loaded || load_ms >= NOTICED;
    const load = waited ? `Loaded on demand in ${milliseconds(load_ms)}. ` : "";
    this.note.textContent = `${load}${engine(found)}, ${found.device}`;
  }
}

/** @param {import("./api.js").Guess} [guess] */
function rank(guess) {
  const bar = make("i");
  bar.style.transform = `scaleX(${guess?.probability ?? 0})`;
  return make(
    "li",
    {},
    make("span", {class: "name", title: guess?.label ?? ""}, guess?.label ?? "–"),
    make("span", {class: "share"}, guess ? percent(guess.probability) : ""),
    make("span", {class: "track", "aria-hidden": "true"}, bar),
  );
}

/** @param {string} name */
function phase(name) {
  const kind = name === "total" ? "sum" : "";
  return make("div", {class: kind}, make("dt", {}, name), make("dd", {"data-fact": name}, "–"));
}
