// A picture whose shapes keep their elements: a frame changes attributes, at once or in a glide.

import { draw } from "./dom.js";

const NUMBER = /(-?\d+(?:\.\d+)?(?:e-?\d+)?)/;
const OURS = new Set(["tag", "of", "look", "text", "inside", "says", "lights", "press", "group", "handle", "answer", "from", "via"]);
const GLIDE = 240; // how long a change of scale takes [ms]
const TURNS = 5 * GLIDE; // and one in two turns, of which the first must be seen
const eased = (share) => 1 - (1 - Math.min(1, Math.max(0, share))) ** 3;

/** Return the numbers and what stands between them, in turn. */
export const parted = (text) => String(text).split(NUMBER);

/** Return what lies between two texts that differ in numbers alone; undefined for others. */
export function between(from, to) {
  const [start, end] = [parted(from), parted(to)];
  if (start.length !== end.length || start.some((part, at) => at % 2 === 0 && part !== end[at])) return undefined;
  return (share) => end.map((part, at) => (at % 2 ? Number(start[at]) * (1 - share) + Number(part) * share : part)).join("");
}

/** Return a text at a share of the time of its change: by way of a third text, or in one turn, 0 or 1, of two. */
export function way(from, to, over, turn) {
  if (over !== undefined) {
    const [there, on] = [between(from, over), between(over, to)];
    return there && on && ((share) => (share < 0.5 ? there(eased(2 * share)) : on(eased(2 * share - 1))));
  }
  const step = between(from, to);
  return step && ((share) => step(eased(turn === undefined ? share : 2 * share - turn)));
}

/** Return the turn of all others where shapes come by way of another, or leave by it; undefined where none does. */
export function turnOf(was, now) {
  const one = Object.keys(now).find((name) => was[name] && !was[name].via !== !now[name].via);
  return one && (now[one].via ? 1 : 0);
}

/** Return a picture: `show` puts shapes into it, `shapes` has what it shows. */
export function drawing(svg, prefix, calm) {
  const elements = new Map();
  let shapes = {};
  let moving = [];
  let request = 0;
  let lit = []; // the letters that are pointed at

  const set = (element, name, value) => element.setAttribute(name, String(value).replace("url(#", `url(#${prefix}`));
  const element = (name, shape) => {
    const kept = elements.get(name);
    if (kept?.tagName === shape.tag) return kept;
    kept?.remove();
    const made = draw(shape.tag);
    made.dataset.name = name;
    if (shape.tag === "pattern") made.id = prefix + name;
    if (elements.size) made.classList.add("enters");
    elements.set(name, made);
    return made;
  };
  const describe = (made, shape) => {
    made.setAttribute("class", [shape.look, shape.of && "of", shape.press && "press", shape.answer && "answer"].filter(Boolean).join(" "));
    if (shape.of) made.style.setProperty("--c", `var(--c-${shape.of})`);
    if (shape.press || shape.handle) {
      made.setAttribute("role", shape.handle ? "slider" : "button");
      made.setAttribute("aria-label", shape.says ?? "");
      if (!shape.group && !shapes[shape.inside]?.group) made.setAttribute("tabindex", 0);
    }
    if (shape.tag === "text" && made.textContent !== (shape.text ?? "")) made.textContent = shape.text ?? "";
  };
  const target = (made, shape, was, glide, turn, over = {}) => {
    for (const name of Object.keys(was)) if (!OURS.has(name) && !(name in shape)) made.removeAttribute(name);
    for (const [name, value] of Object.entries(shape)) {
      if (OURS.has(name) || was[name] === value) continue;
      const step = glide && name in was && way(made.getAttribute(name) ?? "", String(value), over[name], turn);
      if (step) moving.push({ made, name, step });
      else set(made, name, value);
    }
  };
  const order = (names) => {
    const before = new Map(); // parent → the last of its children that is in its place
    for (const name of names) {
      const made = elements.get(name);
      const parent = elements.get(shapes[name].inside) ?? svg;
      const last = before.get(parent);
      const place = last ? last.nextSibling : parent.firstChild;
      if (place !== made) parent.insertBefore(made, place);
      before.set(parent, made);
    }
  };
  const tick = (began, lasts) => (now) => {
    const share = Math.min(1, Math.max(0, (now - began) / lasts));
    for (const { made, name, step } of moving) set(made, name, step(share));
    request = share < 1 ? requestAnimationFrame(tick(began, lasts)) : 0;
    if (share === 1) moving = [];
  };
  /** Show these shapes; with `glide`, those that were there move for so many milliseconds. */
  const show = (next, glide = 0) => {
    cancelAnimationFrame(request);
    const was = { ...shapes };
    for (const { made, name, step } of moving) {
      if (!glide) set(made, name, step(1));
      const shape = made.dataset.name;
      was[shape] = { ...was[shape], [name]: made.getAttribute(name) }; // on its way: it goes on from here
    }
    moving = [];
    shapes = next;
    const turn = svg.classList.contains("dragged") ? undefined : turnOf(was, next); // a hand does not wait
    const over = ({ via }, before = {}) => (turn === undefined || !via === !before.via ? {} : (next[via] ?? was[before.via]));
    for (const [name, made] of elements) if (!(name in next)) (made.remove(), elements.delete(name));
    for (const [name, shape] of Object.entries(next)) {
      if (shape === was[name]) continue;
      const made = element(name, shape);
      describe(made, shape);
      target(made, shape, was[name] ?? {}, glide && !calm, turn, over(shape, was[name]));
    }
    order(Object.keys(next));
    if (lit.length) light(lit);
    if (moving.length) request = requestAnimationFrame(tick(performance.now(), turn === undefined ? glide : TURNS));
  };
  /** Light up what stands for any of these letters, and let all else step back; without letters, all is as it was. */
  const light = (letters) => {
    lit = letters;
    const told = Object.entries(shapes);
    const hot = told.filter(([, { lights = "" }]) => letters.some((letter) => lights.split(" ").includes(letter)));
    const [names, terms] = [new Set(hot.map(([name]) => name)), new Set(hot.map(([, { of }]) => of))];
    for (const [name, { of, lights, handle }] of told) {
      const { classList } = elements.get(name);
      classList.toggle("hot", names.has(name));
      classList.toggle("aside", Boolean(hot.length && of && !handle && !names.has(name) && (lights || !terms.has(of))));
    }
  };
  /** Let the answers come from where they begin. */
  const pour = () => {
    const now = shapes;
    const before = Object.entries(now).map(([name, shape]) => [name, shape.from ? { ...shape, via: undefined, ...shape.from } : shape]);
    show(Object.fromEntries(before));
    show(now, 4 * GLIDE);
  };
  return { show, pour, light, glide: GLIDE, shapes: () => shapes, element: (name) => elements.get(name) };
}
