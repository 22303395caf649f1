/** Joins the parts: four tabs, one photograph, one place for failures. */

import {Alert} from "./alert.js";
import {Architectures} from "./architectures.js";
import {Compare} from "./compare.js";
import {Live} from "./live.js";
import {Sources} from "./sources.js";
import {Tabs} from "./tabs.js";
import {Try} from "./try.js";

/** @typedef {{show: () => void, hide: () => void, run?: () => void}} View run: a new photograph */

const alert = new Alert();
const sources = new Sources(() => {
  if (views[current].run) views[current].run();
  else location.hash = "try"; // dropped on a tab that has no use for a photograph
});
/** @type {Object<string, View>} */
const views = {
  try: new Try(sources, alert),
  compare: new Compare(sources, alert),
  architectures: new Architectures(),
  live: new Live(),
};
let current = "";

new Tabs((name) => {
  if (name === current) return;
  views[current]?.hide();
  alert.hide();
  current = name;
  views[name].show();
}).follow();
