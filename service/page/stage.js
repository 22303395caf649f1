/** Draws the photograph, what the network saw of it, and one map over that part. */

import {coloured, smooth} from "./colormap.js";
import {brush} from "./dom.js";

const SIDE = 224; // of the smoothed map in pixels; the canvas scales it from there
const TINY = 64; // up to this side a picture is shown as its pixels, not as a blur

export class Stage {
  /** @param {HTMLCanvasElement} canvas fills its parent */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {?ImageBitmap} */
    this.photo = null;
    /** @type {?Float32Array} */
    this.map = null;
    /** @type {?import("./api.js").Box} */
    this.box = null;
    this.opacity = 0.6;
    this.waiting = false;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @param {?ImageBitmap} photo null: the browser cannot show this kind */
  show(photo) {
    this.photo = photo;
    this.map = this.box = null;
    this.canvas.hidden = false;
    this.draw();
  }

  /**
   * @param {?import("./api.js").Cam} cam
   * @param {?import("./api.js").Box} box
   */
  overlay(cam, box) {
    this.map = cam && smooth(cam.map, SIDE);
    this.box = box;
    this.draw();
  }

  /** @param {number} opacity 0..1 */
  fade(opacity) {
    this.opacity = opacity;
    this.draw();
  }

  draw() {
    if (this.waiting || this.canvas.hidden) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const {canvas} = this;
    const scale = window.devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    const context = brush(canvas);
    context.imageSmoothingQuality = "high";
    const frame = this.frame();
    this.paintPhoto(context, frame);
    const [left, top, right, bottom] = (this.photo && this.box) ?? [0, 0, 1, 1];
    const seen = /** @type {const} */ ([
      frame[0] + left * frame[2],
      frame[1] + top * frame[3],
      (right - left) * frame[2],
      (bottom - top) * frame[3],
    ]);
    if (this.map) context.drawImage(coloured(this.map, SIDE, this.opacity), ...seen);
    if (right - left + bottom - top < 1.99) paintBox(context, frame, seen, scale);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Frame} frame
   */
  paintPhoto(context, frame) {
    if (!this.photo) {
      context.fillStyle = "#777";
      context.fillRect(...frame);
      return;
    }
    context.imageSmoothingEnabled = Math.max(this.photo.width, this.photo.height) > TINY;
    context.drawImage(this.photo, ...frame);
    context.imageSmoothingEnabled = true;
  }

  /** @returns {Frame} the largest place for the photograph, in the middle */
  frame() {
    const {width, height} = this.canvas;
    const photo = this.photo ?? {width: 1, height: 1};
    const scale = Math.min(width / photo.width, height / photo.height);
    const [w, h] = [photo.width * scale, photo.height * scale];
    return [(width - w) / 2, (height - h) / 2, w, h];
  }
}

/**
 * @typedef {[left: number, top: number, width: number, height: number]} Frame
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} frame
 * @param {Readonly<Frame>} seen
 * @param {number} scale device pixels a CSS pixel
 */
function paintBox(context, frame, seen, scale) {
  context.beginPath();
  context.rect(...frame);
  context.rect(...seen);
  context.fillStyle = "rgb(0 0 0 / 0.55)";
  context.fill("evenodd");
  context.lineWidth = 1.5 * scale;
  context.strokeStyle = "rgb(255 255 255 / 0.85)";
  const half = context.lineWidth / 2;
  context.strokeRect(seen[0] + half, seen[1] + half, seen[2] - 2 * half, seen[3] - 2 * half);
}

/**
 * Upright, at most 1600 pixels on the long side; null where this browser cannot read the kind.
 *
 * @param {Blob} blob
 * @returns {Promise<?ImageBitmap>}
 */
export async function decode(blob) {
  try {
    const full = await createImageBitmap(blob);
    const scale = 1600 / Math.max(full.width, full.height);
    if (scale >= 1) return full;
    const size = {
      resizeWidth: Math.round(full.width * scale),
      resizeHeight: Math.round(full.height * scale),
    };
    const small = await createImageBitmap(full, {...size, resizeQuality: "high"});
    full.close();
    return small;
  } catch {
    return null;
  }
}
