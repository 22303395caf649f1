/** Reads what `/metrics` says. */

const LINE = /^(\w+)\{(.*)\} (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/**
 * @param {string} text in Prometheus' format
 * @param {string[]} names of the series that are wanted
 * @returns {Map<string, number>} "name model/version", summed over all other labels
 */
export function sums(text, names) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const [, name, labels, value] = LINE.exec(line) ?? [];
    if (!names.includes(name)) continue;
    const pairs = [...labels.matchAll(LABEL)].map(([, label, text]) => [label, text]);
    const {model, version} = Object.fromEntries(pairs);
    const key = `${name} ${model}/${version}`;
    found.set(key, (found.get(key) ?? 0) + Number(value));
  }
  return found;
}
