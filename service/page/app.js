/** Joins the parts: four tabs, one photograph, one place for failures. */

import {Alert} from "./alert.js";
import {Failure} from "./api.js";
import {Sources} from "./sources.js";
import {Tabs} from "./tabs.js";
import {Try} from "./try.js";

/** @typedef {{show: () => void, hide: () => void, run?: () => void}} View run: a new photograph */

const alert = new Alert();
const sources = new Sources(() => {
  const view = views[current];
  if (view?.run) view.run();
  else location.hash = "try"; // dropped on a tab that has no use for a photograph
});
/** @type {Object<string, View>} */
const views = {try: new Try(sources, alert)};
/** @type {Object<string, () => Promise<any>>} the other scripts are fetched when they are wanted */
const scripts = {
  compare: async () => (await import("./compare.js")).Compare,
  architectures: async () => (await import("./architectures.js")).Architectures,
  live: async () => (await import("./live.js")).Live,
};
let current = "";

new Tabs(show).follow();

/** @param {string} name of the tab that is shown from now on */
async function show(name) {
  if (name === current) return;
  views[current]?.hide();
  alert.hide();
  current = name;
  try {
    const view = await opened(name);
    if (name === current) view.show(); // else somebody went on while the script came
  } catch {
    if (name !== current) return;
    current = "";
    const detail = "It may be stopped or starting; this tab needs it to open.";
    alert.show(new Failure("The service does not answer", detail), () => show(name));
  }
}

/** @param {string} name */
async function opened(name) {
  if (!views[name]) {
    const View = await scripts[name]();
    views[name] ??= new View(sources, alert);
  }
  return views[name];
}
