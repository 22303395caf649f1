/** The lecture's layer table of one network. */

import {count, make} from "./dom.js";

const HEADINGS = [
  ...["Layer", "Kind", "Output", "Filter", "Stride", "Pad"],
  ...["Memory", "Parameters", "Multiply-adds", "Receptive field"],
];

/**
 * @param {import("./api.js").Layers} table
 * @returns {HTMLElement[]} its sums and its lines
 */
export function layerTable({layers, depth, parameters, macs}) {
  const sizes = `${count(parameters)} parameters, ${count(macs)} multiply-adds`;
  const sums = `${depth} layers with weights, ${sizes}.`;
  const head = make("tr", {}, ...HEADINGS.map((title) => make("th", {scope: "col"}, title)));
  return [
    make("p", {class: "hint"}, sums),
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...layers.map(line))),
  ];
}

/** @param {import("./api.js").Layer} layer */
function line(layer) {
  const windowed = layer.kind === "conv" || layer.kind === "pool";
  const cells = [
    layer.kind,
    times(layer.output),
    windowed ? times(layer.filter) : "",
    windowed ? times(layer.stride) : "",
    windowed ? times(layer.pad) : "",
    count(layer.memory),
    count(layer.weights + layer.biases + layer.norm),
    count(layer.macs),
    times(layer.receptive_field),
  ];
  const name = make("th", {scope: "row"}, layer.name);
  return make("tr", {}, name, ...cells.map((text) => make("td", {}, text)));
}

/** @param {number[]} sizes */
function times(sizes) {
  return sizes.join(" × ");
}
