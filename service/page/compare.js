/** One photograph through several networks side by side; the newest request wins. */

import {compare, models} from "./api.js";
import {byId, make, milliseconds} from "./dom.js";
import {withOlder} from "./networks.js";
import {Result} from "./result.js";
import {decode} from "./stage.js";

/** @typedef {import("./api.js").Model} Model */

const AT_FIRST = 4; // networks that are chosen before a person chooses

export class Compare {
  /**
   * @param {import("./sources.js").Sources} sources
   * @param {import("./alert.js").Alert} alert
   */
  constructor(sources, alert) {
    this.sources = sources;
    this.alert = alert;
    this.choices = byId("choices");
    this.button = /** @type {HTMLButtonElement} */ (byId("run-compare"));
    /** @type {?Model[]} the newest version of each */
    this.models = null;
    /** @type {?import("./sources.js").Source} the one that was answered last */
    this.answered = null;
    this.running = new AbortController();
    this.visible = false;
    this.button.addEventListener("click", () => this.run());
  }

  async show() {
    this.visible = true;
    byId("compare-sources").append(byId("sources"));
    await this.again();
  }

  hide() {
    this.visible = false;
    this.running.abort();
    this.wait(false);
  }

  /** Asks what is served, and compares what was not yet. */
  async again() {
    try {
      await Promise.all([this.refresh(), this.sources.loadExamples()]);
      if (this.visible && this.sources.source !== this.answered) await this.run();
    } catch (error) {
      if (this.visible) this.alert.show(error, () => this.again());
    }
  }

  async refresh() {
    const known = await models();
    this.fill(withOlder(known.models).filter((model) => !model.older));
  }

  /** @param {Model[]} models keeps what is chosen, where it is still there */
  fill(models) {
    const before = this.models && this.chosen();
    const chosen = before?.length ? before : atFirst(models);
    if (JSON.stringify(models) === JSON.stringify(this.models)) return;
    this.models = models;
    const place = [...this.choices.querySelectorAll("input")].findIndex((box) => box === document.activeElement);
    this.choices.replaceChildren(...models.map((model) => choice(model, chosen)));
    this.choices.querySelectorAll("input")[place]?.focus();
    this.button.disabled = models.length === 0;
    if (models.length === 0) this.say("The service has no network ready.");
  }

  /** @returns {string[]} */
  chosen() {
    return [...this.choices.querySelectorAll("input:checked")].map(
      (box) => /** @type {HTMLInputElement} */ (box).value,
    );
  }

  async run() {
    const {source} = this.sources;
    const names = this.models ? this.chosen() : [];
    if (!names.length) return this.say("Choose at least one network.");
    if (!source) return this.say("Choose a photograph first.");
    this.running.abort();
    this.answered = null;
    const mine = (this.running = new AbortController());
    this.wait(true);
    this.say("The networks run one after the other, so that none slows another down.");
    const results = names.map((name) => new Result(this.model(name)));
    byId("compared").replaceChildren(...results.map((result) => result.element));
    try {
      const image = await source.blob(mine.signal);
      const photo = await decode(image);
      for (const result of results) result.picture(photo, source.alt);
      const comparison = await compare(names, image, mine.signal);
      if (mine.signal.aborted) return;
      this.alert.hide();
      comparison.results.forEach((found, place) => results[place].show(found));
      this.answered = source;
      this.say(summary(comparison));
      this.wait(false);
      // some may be loaded now, others no longer; if nobody answers, the next look tells
      await this.refresh().catch(() => {});
    } catch (error) {
      if (!mine.signal.aborted) this.fail(error);
    } finally {
      if (mine === this.running) this.wait(false);
    }
  }

  /** @param {string} name */
  model(name) {
    return /** @type {Model} */ (this.models?.find((model) => model.name === name));
  }

  /** @param {unknown} error */
  fail(error) {
    byId("compared").replaceChildren();
    this.say("");
    this.alert.show(error, () => this.again());
  }

  /** @param {boolean} waiting */
  wait(waiting) {
    byId("compared").setAttribute("aria-busy", String(waiting));
  }

  /** @param {string} text */
  say(text) {
    byId("compare-status").textContent = text;
  }
}

/**
 * What is loaded answers at once, and what is trained has something to say.
 *
 * @param {Model[]} models
 */
function atFirst(models) {
  const rank = ({loaded, weights}) => 2 * Number(weights.trained) + Number(loaded);
  const ready = models.filter((model) => model.ready);
  ready.sort((one, other) => rank(other) - rank(one));
  return ready.slice(0, AT_FIRST).map((model) => model.name);
}

/**
 * @param {Model} model
 * @param {string[]} chosen
 */
function choice(model, chosen) {
  const box = /** @type {HTMLInputElement} */ (
    make("input", {type: "checkbox", value: model.name})
  );
  box.checked = chosen.includes(model.name);
  const notes = [
    ...(model.weights.trained ? [] : ["untrained"]),
    ...(model.ready ? (model.loaded ? [] : ["loads when asked"]) : ["not ready"]),
  ];
  const note = make("span", {class: "hint"}, notes.join(", "));
  return make("label", {class: "choice"}, box, make("span", {}, model.name, note));
}

/** @param {import("./api.js").Comparison} comparison */
function summary({results, read_ms, decode_ms}) {
  const failed = results.filter((result) => result.problem).length;
  const good = results.length - failed;
  const told = `${good} ${good === 1 ? "network" : "networks"} answered`;
  const not = failed ? `, ${failed} did not` : "";
  const once = `Read once in ${milliseconds(read_ms)}, decoded once in ${milliseconds(decode_ms)}.`;
  return `${told}${not}. ${once}`;
}
