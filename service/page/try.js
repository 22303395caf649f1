/** One photograph through one network: the newest request wins, and a failure never ends the page. */

import {models, predict} from "./api.js";
import {Curl, command} from "./curl.js";
import {byId, engine, milliseconds, percent, state} from "./dom.js";
import {Latency} from "./latency.js";
import {Networks} from "./networks.js";
import {Predictions} from "./predictions.js";
import {Stage, decode} from "./stage.js";

const AGAIN = 3000; // milliseconds until the service is asked whether more networks are ready
const NOTHING = {engine: "–", device: "–", batch: "–", weights: "–", request: "–"};

export class Try {
  /**
   * @param {import("./sources.js").Sources} sources
   * @param {import("./alert.js").Alert} alert
   */
  constructor(sources, alert) {
    this.sources = sources;
    this.alert = alert;
    this.networks = new Networks(() => this.run());
    this.stage = new Stage(/** @type {HTMLCanvasElement} */ (byId("canvas")));
    this.predictions = new Predictions((index) => this.choose(index));
    this.latency = new Latency();
    this.curl = new Curl();
    this.opacity = /** @type {HTMLInputElement} */ (byId("opacity"));
    /** @type {?import("./sources.js").Source} the one whose picture is on the stage */
    this.shown = null;
    /** @type {?import("./sources.js").Source} the one that was answered last */
    this.answered = null;
    /** @type {?import("./api.js").Answer} */
    this.answer = null;
    this.running = new AbortController();
    this.visible = false;
    this.timer = 0;
    this.opacity.addEventListener("input", () => this.fade());
    this.fade();
  }

  /** Asks again for what changed or failed while another tab was shown. */
  async show() {
    this.visible = true;
    byId("try-sources").append(byId("sources"));
    const known = this.networks.model;
    if ((await this.load()) && known && this.answered !== this.sources.source) await this.run();
  }

  hide() {
    this.visible = false;
    clearTimeout(this.timer);
    this.running.abort();
    this.wait(false);
  }

  /** @returns {Promise<boolean>} whether the service answered */
  async load() {
    clearTimeout(this.timer);
    const first = !this.networks.model;
    try {
      const [known] = await Promise.all([models(), this.sources.loadExamples()]);
      this.networks.show(known.models, known.refused);
      if (!this.visible) return false;
      if (first) this.run(); // a photograph may be waiting already
      if (this.networks.loading) this.timer = setTimeout(() => this.load(), AGAIN);
      return true;
    } catch (error) {
      if (this.visible) this.fail(error);
      return false;
    }
  }

  async run() {
    const {source} = this.sources;
    const {model} = this.networks;
    if (!source || !model) return;
    this.running.abort();
    this.answered = null;
    const mine = (this.running = new AbortController());
    this.wait(true);
    try {
      const image = await source.blob(mine.signal);
      const [{answer, roundTrip}] = await Promise.all([
        predict(model, image, mine.signal),
        this.picture(source, image, mine.signal),
      ]);
      if (mine.signal.aborted) return;
      this.curl.show(command(model, source, image));
      this.present(answer, roundTrip);
      this.answered = source;
    } catch (error) {
      if (!mine.signal.aborted) this.fail(error);
    } finally {
      if (mine === this.running) this.wait(false);
    }
  }

  /**
   * Shows a new picture while the network is still at work.
   *
   * @param {import("./sources.js").Source} source
   * @param {Blob} image
   * @param {AbortSignal} signal
   */
  async picture(source, image, signal) {
    if (source === this.shown) return;
    const photo = await decode(image);
    if (signal.aborted) return;
    this.shown = source;
    this.answer = null;
    this.stage.show(photo);
    byId("empty").hidden = true;
  }

  /**
   * @param {import("./api.js").Answer} answer
   * @param {number} roundTrip
   */
  present(answer, roundTrip) {
    const [prediction] = answer.predictions;
    this.answer = answer;
    this.alert.hide();
    this.predictions.show(prediction.top5);
    byId("doubt").hidden = answer.weights.trained;
    this.latency.show(answer.latency_ms, roundTrip - answer.load_ms); // loading happens once
    this.choose(prediction.top1.index);
    const {size, released} = answer.batch;
    state(byId("answer"), {
      engine: engine(answer),
      device: answer.device,
      batch: `${size} ${size === 1 ? "image" : "images"}, released ${released}`,
      weights: `${answer.weights.name} · ${answer.weights.sha256.slice(0, 8)}`,
      request: answer.request_id,
    });
    this.speak(answer);
  }

  /** @param {number} index of the class whose map is shown */
  choose(index) {
    const [prediction] = this.answer?.predictions ?? [];
    const cam = prediction?.cams.find((one) => one.index === index) ?? null;
    this.opacity.disabled = !cam;
    this.stage.overlay(cam, prediction?.box ?? null);
    const seen = cam ? `, with the class activation map of ${cam.label}` : "";
    byId("canvas").setAttribute("aria-label", `${this.shown?.alt ?? "Photograph"}${seen}`);
  }

  fade() {
    const {value} = this.opacity;
    byId("opacity-value").textContent = `${value}\u00a0%`;
    this.stage.fade(Number(value) / 100);
  }

  /** @param {import("./api.js").Answer} answer */
  speak({model, weights, predictions, latency_ms}) {
    const {label, probability} = predictions[0].top1;
    const doubt = weights.trained ? "" : " Meaningless: the weights are untrained.";
    byId("spoken").textContent =
      `${model}: ${label}, ${percent(probability)}, in ${milliseconds(latency_ms.total)}.${doubt}`;
  }

  /** @param {boolean} waiting */
  wait(waiting) {
    byId("busy").hidden = !waiting;
    byId("results").setAttribute("aria-busy", String(waiting));
  }

  /** @param {unknown} error */
  fail(error) {
    this.forget();
    this.alert.show(error, () => this.retry());
  }

  /** An old answer beside a new failure would lie. */
  forget() {
    this.answer = null;
    if (this.stage.photo) {
      this.stage.overlay(null, null);
    } else {
      this.stage.canvas.hidden = true;
      byId("empty").hidden = false;
      this.shown = null;
    }
    this.opacity.disabled = true;
    this.predictions.clear();
    this.latency.clear();
    state(byId("answer"), NOTHING);
    byId("spoken").textContent = "";
  }

  async retry() {
    const known = this.networks.model;
    if ((await this.load()) && known) await this.run();
  }
}
