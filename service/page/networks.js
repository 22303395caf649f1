/** The choice of a network, what is known of it, and a shout where its weights were never trained. */

import {byId, engine, make, percent, state} from "./dom.js";

/** @typedef {import("./api.js").Model} Model */

const UNTRAINED = "Untrained, random weights: predictions and maps are meaningless.";

export class Networks {
  /** @param {() => void} chosen called when a person chooses another `model` */
  constructor(chosen) {
    this.select = /** @type {HTMLSelectElement} */ (byId("network"));
    /** @type {Model[]} */
    this.models = [];
    /** @type {Object<string, string>} */
    this.refused = {};
    this.select.addEventListener("change", () => {
      this.describe();
      chosen();
    });
  }

  /** @returns {Model | undefined} */
  get model() {
    return this.select.value ? this.models[Number(this.select.value)] : undefined;
  }

  /** Whether asking again later may show more. */
  get loading() {
    return this.models.length === 0 || this.models.some((model) => !model.ready);
  }

  /**
   * Keeps the choice where the network is still there; else the first trained one, best in colour,
   * since people come with photographs.
   *
   * @param {Model[]} models
   * @param {Object<string, string>} [refused] what could not be loaded, and why
   */
  show(models, refused = {}) {
    const before = this.model;
    const known = JSON.stringify(this.models);
    this.refused = refused;
    this.models = withOlder(models);
    if (models.length && JSON.stringify(this.models) === known) return;
    this.fill(before);
  }

  /** @param {Model} [before] the choice so far */
  fill(before) {
    const {models} = this;
    this.select.replaceChildren(...groups(models));
    this.select.disabled = models.length === 0;
    const choice =
      models.find((model) => model.name === before?.name && model.version === before.version) ??
      models.find((model) => model.name === before?.name) ??
      models.find(({ready, weights, input}) => ready && weights.trained && input.channels === 3) ??
      models.find(({ready, weights}) => ready && weights.trained) ??
      models.find((model) => model.ready);
    if (choice) this.select.value = String(models.indexOf(choice));
    this.describe();
  }

  describe() {
    const {model} = this;
    const line = byId("weights");
    if (!model) {
      const reasons = Object.entries(this.refused).map(([name, reason]) => `${name}: ${reason}`);
      line.textContent = ["The service has no network ready.", ...reasons].join(" ");
      line.classList.add("loud");
      return;
    }
    line.textContent = model.weights.trained ? trained(model) : UNTRAINED;
    line.title = model.weights.trained_on ?? "";
    line.classList.toggle("loud", !model.weights.trained);
    const {channels, height, width} = model.input;
    const top1 = model.metrics?.top1;
    state(byId("card"), {
      top1: top1 === undefined ? "not measured" : percent(top1),
      input: `${width} × ${height} ${channels === 1 ? "grey" : "RGB"}`,
      classes: String(model.classes),
      engine: model.loaded ? engine(model) : "loads when it is asked",
    });
  }
}

/**
 * Marks those of which a newer version is served too.
 *
 * @param {Model[]} models
 * @returns {Model[]}
 */
export function withOlder(models) {
  const newer = (/** @type {Model} */ model, /** @type {Model} */ other) =>
    other.name === model.name && other.version > model.version;
  return models.map((model) => ({...model, older: models.some((other) => newer(model, other))}));
}

/**
 * The data in short: a card tells more after the first comma, and the line must not grow.
 *
 * @param {Model} model
 */
function trained({weights}) {
  const [data] = (weights.trained_on ?? "data its card does not name").split(/[,;]/);
  return `Trained on ${data} (${weights.name}).`;
}

/** @param {Model[]} models */
function groups(models) {
  const option = (/** @type {Model} */ model) => {
    const version = model.older ? `, version ${model.version}` : "";
    const note = version + (model.ready ? "" : " (not ready)");
    const made = /** @type {HTMLOptionElement} */ (
      make("option", {value: String(models.indexOf(model))}, model.name + note)
    );
    made.disabled = !model.ready;
    return made;
  };
  const group = (/** @type {string} */ label, /** @type {Model[]} */ members) =>
    members.length ? [make("optgroup", {label}, ...members.map(option))] : [];
  return [
    ...group("Trained", models.filter((model) => model.weights.trained)),
    ...group("Untrained: random weights", models.filter((model) => !model.weights.trained)),
  ];
}
