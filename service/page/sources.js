/**
 * Five ways to a picture: drop it, paste it, choose a file, take an example, or the same again.
 *
 * @typedef {{name: string, alt: string, example: ?string,
 *   blob: (signal: AbortSignal) => Promise<Blob>}} Source
 */

import {example} from "./api.js";
import {byId, make} from "./dom.js";

export class Sources {
  /** @param {() => void} taken called when a person chose another `source` */
  constructor(taken) {
    this.taken = taken;
    /** @type {?Source} the newest, for every tab that wants one */
    this.source = null;
    this.examples = byId("examples");
    const input = /** @type {HTMLInputElement} */ (byId("file"));
    input.addEventListener("change", () => {
      this.takeFile(input.files?.[0]);
      input.value = ""; // the same file may be chosen again
    });
    document.addEventListener("paste", (event) => this.paste(event));
    this.acceptDrops(byId("stage"));
  }

  /** The list is data: `examples/index.json`. Raises Failure. */
  async loadExamples() {
    if (this.examples.children.length) return;
    /** @type {{file: string, title: string, alt: string}[]} */
    const list = JSON.parse(await (await example("index.json")).text());
    this.examples.replaceChildren(...list.map((item) => this.thumbnail(item)));
  }

  /** @param {{file: string, title: string, alt: string}} item */
  thumbnail({file, title, alt}) {
    const address = new URL(`examples/${file}`, import.meta.url);
    const picture = make("img", {src: address.href, alt: "", width: "72", height: "72"});
    const button = make("button", {type: "button", title, "aria-label": `${title}: ${alt}`});
    button.append(picture);
    button.addEventListener("click", () => {
      this.take({name: file, alt, example: address.href, blob: (signal) => example(file, signal)});
      button.setAttribute("aria-pressed", "true");
    });
    return make("li", {}, button);
  }

  /** @param {Source} source */
  take(source) {
    for (const pressed of this.examples.querySelectorAll("[aria-pressed]")) {
      pressed.removeAttribute("aria-pressed");
    }
    this.source = source;
    this.taken();
  }

  /** @param {?File} [file] */
  takeFile(file) {
    if (!file) return;
    this.take({name: file.name, alt: file.name, example: null, blob: async () => file});
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    this.takeFile(file);
  }

  /**
   * A drop anywhere counts (beside the stage it would make the browser leave the page).
   *
   * @param {HTMLElement} stage lights up meanwhile
   */
  acceptDrops(stage) {
    window.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("over");
    });
    window.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) stage.classList.remove("over");
    });
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      this.takeFile(event.dataTransfer?.files[0]);
    });
  }
}
