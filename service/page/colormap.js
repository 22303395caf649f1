/** Values 0..1 to the colours of inferno: dark to bright, even steps to the eye, grey-safe. */

import {brush} from "./dom.js";

/** Seventeen even steps of matplotlib's inferno (CC0). */
const STEPS = [
  0x000004, 0x0b0724, 0x210c4a, 0x3d0965, 0x57106e, 0x71196e, 0x8a226a, 0xa32c61, 0xbc3754,
  0xd24644, 0xe45a31, 0xf1731d, 0xf98e09, 0xfcac11, 0xf9cb35, 0xf2ea69, 0xfcffa4,
];

const TABLE = table();

/** @returns {Uint8Array} 256 x RGB */
function table() {
  const rgb = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (STEPS.length - 1);
    const low = Math.min(Math.floor(at), STEPS.length - 2);
    for (let channel = 0; channel < 3; channel++) {
      const shift = 16 - 8 * channel;
      const a = (STEPS[low] >> shift) & 255;
      const b = (STEPS[low + 1] >> shift) & 255;
      rgb[3 * i + channel] = Math.round(a + (b - a) * (at - low));
    }
  }
  return rgb;
}

/**
 * Little evidence stays see-through until the map is opaque, so that the photograph can be read.
 *
 * @param {Float32Array} values 0..1, side x side
 * @param {number} side
 * @param {number} opacity 0..1
 * @returns {HTMLCanvasElement} side x side
 */
export function coloured(values, side, opacity) {
  const pixels = new ImageData(side, side);
  values.forEach((value, i) => {
    const at = 3 * Math.round(255 * value);
    pixels.data[4 * i] = TABLE[at];
    pixels.data[4 * i + 1] = TABLE[at + 1];
    pixels.data[4 * i + 2] = TABLE[at + 2];
    pixels.data[4 * i + 3] = 255 * opacity * (opacity + (1 - opacity) * value);
  });
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  brush(canvas).putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Catmull-Rom between the centres of the cells, clamped to 0..1: smooth values, then colours.
 *
 * @param {number[][]} map h x w
 * @param {number} side of the result in pixels
 * @returns {Float32Array} side x side
 */
export function smooth(map, side) {
  const across = weights(map[0].length, side);
  const down = weights(map.length, side);
  const rows = map.map((row) => across.map((taps) => sum(taps, (i) => row[i]))); // [h, side]
  const result = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = sum(down[y], (i) => rows[i][x]);
      result[y * side + x] = Math.min(1, Math.max(0, value));
    }
  }
  return result;
}

/**
 * @param {number} cells
 * @param {number} side
 * @returns {[cell: number, weight: number][][]} four taps for each of `side` pixels
 */
function weights(cells, side) {
  return Array.from({length: side}, (_, pixel) => {
    const at = ((pixel + 0.5) * cells) / side - 0.5;
    const first = Math.floor(at);
    const t = at - first;
    const cubic = [
      t * (t * (1 - t / 2) - 0.5),
      t * t * (1.5 * t - 2.5) + 1,
      t * (0.5 + t * (2 - 1.5 * t)),
      t * t * (t / 2 - 0.5),
    ];
    return cubic.map((weight, i) => [clamp(first - 1 + i, cells), weight]);
  });
}

/**
 * @param {number} cell
 * @param {number} cells
 */
function clamp(cell, cells) {
  return Math.min(cells - 1, Math.max(0, cell));
}

/**
 * @param {[number, number][]} taps
 * @param {(cell: number) => number} value
 */
function sum(taps, value) {
  return taps.reduce((total, [cell, weight]) => total + weight * value(cell), 0);
}
