/** The one place where a failure is told, with a way to try again. */

import {Failure} from "./api.js";
import {byId} from "./dom.js";

export class Alert {
  constructor() {
    this.again = () => {};
    byId("retry").addEventListener("click", () => {
      this.hide();
      this.again();
    });
    byId("dismiss").addEventListener("click", () => this.hide());
  }

  /**
   * @param {unknown} error
   * @param {() => void} again what "Try again" does
   */
  show(error, again) {
    const {title, detail} = failure(error);
    this.again = again;
    byId("alert-title").textContent = title;
    byId("alert-detail").textContent = detail;
    byId("alert").hidden = false;
  }

  hide() {
    byId("alert").hidden = true;
  }
}

/**
 * @param {unknown} error
 * @returns {Failure}
 */
export function failure(error) {
  if (error instanceof Failure) return error;
  return new Failure("The answer cannot be read", String(error));
}
