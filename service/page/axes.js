/** The frame of a chart: a logarithmic axis across, a share of 1 upwards. */

import {draw} from "./dom.js";

/** @typedef {{left: number, right: number, top: number, bottom: number}} Box in pixels */

/** Marks of a decade, fine to coarse. */
const STEPS = [[1, 1.5, 2, 2.5, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]];
const APART = 56; // pixels between marks, at least
const SPANS = [0.05, 0.1, 0.25, 0.5, 1]; // of the axis upwards; a fifth of each is a round number
const AROUND = 0.15; // decades beyond the smallest and the largest value

/**
 * @param {number[]} values not empty
 * @param {Box} plot
 * @returns {{x: (value: number) => number, marks: number[]}}
 */
export function across(values, {left, right}) {
  const low = Math.log10(Math.min(...values)) - AROUND;
  const high = Math.log10(Math.max(...values)) + AROUND;
  const x = (/** @type {number} */ value) =>
    left + ((Math.log10(value) - low) / (high - low)) * (right - left);
  const choices = STEPS.map((steps) => {
    const marks = [];
    for (let decade = Math.floor(low); decade <= high; decade++) {
      marks.push(...steps.map((step) => step * 10 ** decade));
    }
    return marks.filter((mark) => x(mark) >= left && x(mark) <= right);
  });
  const apart = (/** @type {number[]} */ marks) =>
    marks.every((mark, i) => i === 0 || x(mark) - x(marks[i - 1]) >= APART);
  const decades = choices[choices.length - 1];
  for (let every = 2; every < decades.length; every++) {
    choices.push(decades.filter((_, i) => i % every === 0));
  }
  return {x, marks: choices.find(apart) ?? decades.slice(0, 1)};
}

/**
 * @param {number[]} shares 0..1; the axis ends at 1 and begins below the least
 * @param {Box} plot
 * @returns {{y: (share: number) => number, marks: number[]}}
 */
export function upwards(shares, {top, bottom}) {
  const span = SPANS.find((one) => shares.every((share) => share > 1 - 0.9 * one)) ?? 1;
  const y = (/** @type {number} */ share) => top + ((1 - share) / span) * (bottom - top);
  return {y, marks: Array.from({length: 6}, (_, i) => 1 - (span * i) / 5)};
}

/**
 * @param {number} x
 * @param {string} text
 * @param {Box} plot
 */
export function markAcross(x, text, {top, bottom}) {
  return [
    draw("line", {class: "grid", x1: x, x2: x, y1: top, y2: bottom}),
    draw("text", {x, y: bottom + 18, "text-anchor": "middle"}, text),
  ];
}

/**
 * @param {number} y
 * @param {string} text
 * @param {Box} plot
 */
export function markUpwards(y, text, {left, right}) {
  return [
    draw("line", {class: "grid", x1: left, x2: right, y1: y, y2: y}),
    draw("text", {x: left - 6, y: y + 4, "text-anchor": "end"}, text),
  ];
}
