/** The most probable classes as bars; each is a radio button that chooses whose map is shown. */

import {byId, make, percent} from "./dom.js";

const ROWS = 5;

/** @typedef {import("./api.js").Guess} Guess */

export class Predictions {
  /** @param {(index: number) => void} chosen called with the class whose map is wanted */
  constructor(chosen) {
    this.list = byId("top5");
    this.rows = Array.from({length: ROWS}, row);
    this.list.append(...this.rows.map((made) => made.label));
    this.list.addEventListener("change", (event) => {
      chosen(Number(/** @type {HTMLInputElement} */ (event.target).value));
    });
    this.clear();
  }

  clear() {
    this.show([]);
    byId("doubt").hidden = true;
  }

  /** @param {Guess[]} guesses at most five, most probable first */
  show(guesses) {
    this.list.classList.toggle("idle", guesses.length === 0);
    this.rows.forEach((made, place) => {
      const guess = guesses[place];
      made.radio.disabled = !guess;
      made.radio.checked = Boolean(guess) && place === 0;
      made.radio.value = String(guess?.index ?? "");
      made.name.textContent = guess?.label ?? "–";
      made.name.title = guess?.label ?? "";
      made.share.textContent = guess ? percent(guess.probability) : "";
      made.bar.style.transform = `scaleX(${guess?.probability ?? 0})`;
      made.label.classList.toggle("absent", guesses.length > 0 && !guess);
    });
  }
}

/** One row, empty; made once so that nothing on the page ever moves. */
function row() {
  const radio = /** @type {HTMLInputElement} */ (make("input", {type: "radio", name: "class"}));
  const name = make("span", {class: "name"});
  const share = make("span", {class: "share"});
  const bar = make("i");
  const track = make("span", {class: "track", "aria-hidden": "true"}, bar);
  return {radio, name, share, bar, label: make("label", {class: "guess"}, radio, name, share, track)};
}
