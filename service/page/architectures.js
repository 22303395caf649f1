/** What is served as one table and one chart; sizes come with each layer table, one by one. */

import {failure} from "./alert.js";
import {latency, layers, models} from "./api.js";
import {Bubbles} from "./bubbles.js";
import {Catalogue} from "./catalogue.js";
import {byId} from "./dom.js";
import {layerTable} from "./layertable.js";
import {withOlder} from "./networks.js";
import {Poll} from "./poll.js";

/**
 * @typedef {import("./api.js").Model & {parameters?: number, macs?: number, p50?: number}} Row
 * p50: milliseconds of a request; each undefined where it is not known
 */

const EVERY = 3000; // milliseconds between looks at the latencies

export class Architectures {
  constructor() {
    this.catalogue = new Catalogue((row) => this.open(row));
    this.bubbles = new Bubbles();
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<string, ?import("./api.js").Layers>} null: exported without */
    this.tables = new Map();
    this.poll = new Poll(() => this.refresh(), EVERY, byId("architectures-notice"));
    /** @type {?import("./bubbles.js").Across} null: latency as soon as there is one */
    this.across = null;
    const choice = /** @type {HTMLFieldSetElement} */ (byId("across"));
    choice.disabled = false; // it was until now, as nobody listened
    this.choices = choice.querySelectorAll("input");
    for (const choice of this.choices) {
      choice.addEventListener("change", () => {
        this.across = choice.value === "macs" ? "macs" : "p50";
        this.present();
      });
    }
  }

  show() {
    this.poll.start();
  }

  hide() {
    this.poll.stop();
  }

  async refresh() {
    const [known, times] = await Promise.all([models(), latency()]);
    const p50 = new Map(
      times
        .filter(({phases_ms}) => phases_ms.total.count > 0)
        .map(({model, version, phases_ms}) => [`${model}/${version}`, phases_ms.total.p50]),
    );
    this.rows = withOlder(known.models).map((model) => ({
      ...model,
      p50: p50.get(`${model.name}/${model.version}`),
    }));
    this.present();
    for (const row of this.rows) {
      if (!this.poll.wanted) return; // the rest when somebody looks again
      if (!this.tables.has(key(row))) await this.size(row);
    }
  }

  /** @param {Row} row a network without a table has no figures, and is asked once */
  async size(row) {
    try {
      this.tables.set(key(row), await layers(row));
    } catch (error) {
      if (failure(error).status !== 404) throw error;
      this.tables.set(key(row), null);
    }
    this.present();
  }

  present() {
    const rows = this.rows.map((row) => {
      const {parameters, macs} = this.tables.get(key(row)) ?? {};
      return {...row, parameters, macs};
    });
    this.catalogue.show(rows);
    const across = this.across ?? (rows.some(({p50}) => p50) ? "p50" : "macs");
    for (const choice of this.choices) choice.checked = choice.value === across;
    this.bubbles.show(rows, across);
  }

  /** @param {Row} row whose layers a person wants to see */
  async open(row) {
    const place = byId("layers");
    place.hidden = false;
    byId("layers-title").textContent = `${row.name}, layer by layer`;
    byId("layers-table").replaceChildren("Asking the service…");
    place.focus();
    try {
      const table = this.tables.get(key(row)) ?? (await layers(row));
      byId("layers-table").replaceChildren(...layerTable(table));
    } catch (error) {
      const {title, detail} = failure(error);
      byId("layers-table").replaceChildren(`${title}. ${detail}`);
    }
    place.scrollIntoView({block: "nearest"});
  }
}

/** @param {Row} row another file under the same version has other layers */
function key({name, version, weights}) {
  return `${name}/${version}/${weights.sha256}`;
}
