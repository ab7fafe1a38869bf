// A picture whose shapes keep their elements: a frame changes attributes, at once or in a glide.

import { draw } from "./dom.js";

const NUMBER = /(-?\d+(?:\.\d+)?(?:e-?\d+)?)/;
const OURS = new Set(["tag", "of", "look", "text", "inside", "says", "lights", "press", "group", "handle", "answer", "from"]);
const GLIDE = 240; // how long a change of scale takes [ms]

/** Return the numbers and what stands between them, in turn. */
export const parted = (text) => String(text).split(NUMBER);

/** Return what lies between two texts that differ in numbers alone; undefined for others. */
export function between(from, to) {
  const [start, end] = [parted(from), parted(to)];
  if (start.length !== end.length || start.some((part, at) => at % 2 === 0 && part !== end[at])) return undefined;
  return (share) => end.map((part, at) => (at % 2 ? Number(start[at]) * (1 - share) + Number(part) * share : part)).join("");
}

/** Return a picture: `show` puts shapes into it, `shapes` has what it shows. */
export function drawing(svg, prefix, calm) {
  const elements = new Map();
  let shapes = {};
  let moving = [];
  let request = 0;

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
      if (!shape.group) made.setAttribute("tabindex", 0);
    }
    if (shape.tag === "text" && made.textContent !== (shape.text ?? "")) made.textContent = shape.text ?? "";
  };
  const target = (made, shape, was, glide) => {
    for (const name of Object.keys(was)) if (!OURS.has(name) && !(name in shape)) made.removeAttribute(name);
    for (const [name, value] of Object.entries(shape)) {
      if (OURS.has(name) || was[name] === value) continue;
      const step = glide && name in was && between(made.getAttribute(name) ?? "", String(value));
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
    for (const { made, name, step } of moving) set(made, name, step(1 - (1 - share) ** 3));
    request = share < 1 ? requestAnimationFrame(tick(began, lasts)) : 0;
    if (share === 1) moving = [];
  };
  /** Show these shapes; with `glide`, those that were there move for so many milliseconds. */
  const show = (next, glide = 0) => {
    cancelAnimationFrame(request);
    for (const { made, name, step } of moving) if (!glide) set(made, name, step(1));
    moving = [];
    const was = shapes;
    shapes = next;
    for (const [name, made] of elements) if (!(name in next)) (made.remove(), elements.delete(name));
    for (const [name, shape] of Object.entries(next)) {
      if (shape === was[name]) continue;
      const made = element(name, shape);
      describe(made, shape);
      target(made, shape, was[name] ?? {}, glide && !calm);
    }
    order(Object.keys(next));
    if (moving.length) request = requestAnimationFrame(tick(performance.now(), glide));
  };
  /** Let the answers come from where they begin. */
  const pour = () => {
    const now = shapes;
    const before = Object.entries(now).map(([name, shape]) => [name, shape.from ? { ...shape, ...shape.from } : shape]);
    show(Object.fromEntries(before));
    show(now, 4 * GLIDE);
  };
  return { show, pour, glide: GLIDE, shapes: () => shapes, element: (name) => elements.get(name) };
}
