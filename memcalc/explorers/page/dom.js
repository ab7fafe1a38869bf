// Elements, and numbers as people write them.

const WRITTEN = new Intl.NumberFormat("en-US");
const SVG = "http://www.w3.org/2000/svg";

const texts = new Map();

/** Take what a page's own texts are called in the reader's language. */
export function speak(called) {
  for (const [text, other] of Object.entries(called ?? {})) texts.set(text, other);
}

/** Return a text in the reader's language, with its fields in their places; Python finds the texts by this name. */
export const say = (text, fields = {}) => (texts.get(text) ?? text).replace(/\{(\w+)\}/g, (_, name) => fields[name]);

/** Write a number with its thousands parted; words stay as they are. */
export const write = (value) => (typeof value === "number" ? WRITTEN.format(value) : value);

/** Write whatever a page must compare. */
export const key = JSON.stringify;

/** Make an element; properties with a dash, and a few others, are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Make an element of a picture. */
export const draw = (tag) => document.createElementNS(SVG, tag);

/** Make a button. */
export const button = (text, onclick, properties = {}) => make("button", { type: "button", onclick, ...properties }, text);

/** Read a number as people type it: 32768, 32,768 or 32K; undefined for what is none. */
export function read(text) {
  const match = /^(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?\s*([kKmM]?)$/.exec(text.trim());
  if (!match) return undefined;
  const size = { "": 1, k: 2 ** 10, m: 2 ** 20 }[match[3].toLowerCase()];
  return Number(match[1].replaceAll(",", "") + (match[2] ?? "")) * size;
}

/** Make a sentence of its pieces; `place` gives the element of a control. */
export function sentence(pieces, place = () => "…") {
  return pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    if (piece.control) return place(piece.control);
    if (piece.strong) return make("strong", {}, piece.strong);
    const word = make("span", { className: "memcalc-word" }, piece.word);
    word.style.setProperty("--c", `var(--c-${piece.of})`);
    return word;
  });
}

/** Say of what is moved along a range where it stands: the number now, the least, the most, and the same in words. */
export function stand(element, said) {
  for (const [part, word] of Object.entries(said)) element.setAttribute(`aria-value${part}`, word);
}

/** Make a change, and leave the focus where it was; if that place is gone, `next` gives another, or the root takes it. */
export function keepFocus(root, change, next = () => root) {
  const active = document.activeElement;
  const inside = root.contains(active);
  change();
  if (!inside || document.activeElement === active) return;
  const place = root.contains(active) ? active : (next(active) ?? root);
  if (place === root && !root.hasAttribute("tabindex")) root.setAttribute("tabindex", -1);
  place.focus({ preventScroll: true });
}

/** Return the number of a list that lies nearest to a place. */
export const nearest = (numbers, place) =>
  numbers.reduce((best, one) => (Math.abs(one - place) < Math.abs(best - place) ? one : best));
