/** The request of the page as a command that gives the same answer in a shell. */

import {mediaType, predictPath} from "./api.js";
import {byId} from "./dom.js";

/**
 * An example is fetched from the service itself, so the command works wherever it is pasted.
 *
 * @param {import("./api.js").Model} model
 * @param {import("./sources.js").Source} source
 * @param {Blob} image
 */
export function command(model, source, image) {
  const address = new URL(predictPath(model), document.baseURI).href;
  const post = [
    `curl --data-binary ${quoted(source.example ? "@-" : `@${source.name}`)}`,
    `-H ${quoted(`Content-Type: ${mediaType(image)}`)}`,
    quoted(address),
  ].join(" \\\n  ");
  return source.example ? `curl -s ${quoted(source.example)} |\n${post}` : post;
}

/** @param {string} text for a POSIX shell */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The button and the place where the command stands. */
export class Curl {
  constructor() {
    this.place = byId("curl");
    this.button = /** @type {HTMLButtonElement} */ (byId("copy"));
    this.button.addEventListener("click", () => this.copy());
  }

  /** @param {string} text */
  show(text) {
    this.place.textContent = text;
    this.button.disabled = false;
  }

  async copy() {
    const done = await copied(this.place);
    byId("copied").textContent = done ? "Copied" : "Selected: press Ctrl+C to copy";
    this.button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => {
      this.button.textContent = "Copy as curl";
    }, 2000);
  }
}

/**
 * The clipboard wants a secure context; plain HTTP on a local network has none, so select instead.
 *
 * @param {HTMLElement} place
 * @returns {Promise<boolean>} false where the text is only selected
 */
async function copied(place) {
  try {
    await navigator.clipboard.writeText(place.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(place);
    return document.execCommand("copy");
  }
}
