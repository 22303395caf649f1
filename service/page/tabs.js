/** The tabs by the ARIA pattern: arrows move, Home and End jump, the URL's hash remembers. */

import {byId} from "./dom.js";

export class Tabs {
  /** @param {(name: string) => void} shown called with the tab that is shown from now on */
  constructor(shown) {
    this.shown = shown;
    this.tabs = /** @type {HTMLElement[]} */ ([...byId("tabs").querySelectorAll('[role="tab"]')]);
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => {
        location.hash = named(tab);
      });
    }
    byId("tabs").addEventListener("keydown", (event) => this.move(event));
    window.addEventListener("hashchange", () => this.follow());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault(); // the hash belongs to the tabs
      this.results().focus();
    });
  }

  /** Shows the tab that the hash names; the first one for none or an unknown one. */
  follow() {
    const name = location.hash.slice(1);
    const chosen = this.tabs.find((tab) => named(tab) === name) ?? this.tabs[0];
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      panel(tab).hidden = tab !== chosen;
    }
    this.shown(named(chosen));
  }

  /** @returns {HTMLElement} where the results of the shown tab stand */
  results() {
    const chosen = this.tabs.find((tab) => tab.tabIndex === 0) ?? this.tabs[0];
    return /** @type {HTMLElement} */ (panel(chosen).querySelector(".results"));
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const last = this.tabs.length - 1;
    const at = this.tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    /** @type {Object<string, number>} */
    const places = {
      ArrowLeft: at === 0 ? last : at - 1,
      ArrowRight: at === last ? 0 : at + 1,
      Home: 0,
      End: last,
    };
    const tab = this.tabs[places[event.key]];
    if (!tab) return;
    event.preventDefault();
    tab.focus();
    tab.click();
  }
}

/** @param {HTMLElement} tab */
function named(tab) {
  return tab.id.slice("tab-".length);
}

/** @param {HTMLElement} tab */
function panel(tab) {
  return byId(`panel-${named(tab)}`);
}
