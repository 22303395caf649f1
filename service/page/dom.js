/** Making and finding elements, in one line each. */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {string} tag
 * @param {Object<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @param {string} tag of SVG
 * @param {Object<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function draw(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (
    document.createElementNS("http://www.w3.org/2000/svg", tag)
  );
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** The mark of random weights, the same everywhere. */
export function untrained() {
  return make("span", {class: "doubt"}, "untrained: meaningless");
}

/**
 * Fills `<dd data-fact="name">` below `list`.
 *
 * @param {HTMLElement} list
 * @param {Object<string, string>} facts
 */
export function state(list, facts) {
  for (const [name, value] of Object.entries(facts)) {
    const place = list.querySelector(`[data-fact="${name}"]`);
    if (place) place.textContent = value;
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
export function brush(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** @param {number} share 0..1 */
export function percent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/** @param {number} value */
export function milliseconds(value) {
  return `${value < 100 ? value.toFixed(1) : Math.round(value)}\u00a0ms`;
}

/** @param {{engine: ?string, precision: ?string}} model */
export function engine(model) {
  return `${model.engine} ${model.precision}`;
}

const COMPACT = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3});

/** @param {number} value 1234567 is 1.23M, and a thousand of these 1.23G, as the field says */
export function count(value) {
  return COMPACT.format(value).replace("B", "G");
}
