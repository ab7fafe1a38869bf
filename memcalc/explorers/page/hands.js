// What hands do to a picture: hover, click, drag, and all of it by keys.

import { nearest, stand } from "./dom.js";

export const UP = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };

/** Return where a value lies on the axis of a handle [px]. */
export function placeOf(handle, value) {
  if (handle.places) return (handle.places.find(([one]) => one === value) ?? handle.places[0])[1];
  return handle.origin + handle.size * (handle.log ? Math.log2(value) : value);
}

/** Return the value at a place on the axis of a handle, which may lie between those that a control can have. */
export function valueAt(handle, place) {
  if (handle.places) {
    const at = nearest(handle.places.map(([, one]) => one), place);
    return handle.places.find(([, one]) => one === at)[0];
  }
  const value = (place - handle.origin) / handle.size;
  return handle.log ? 2 ** value : value;
}

/** Return the value of a control that is nearest to a number. */
export function allowed(control, value, also = []) {
  if (control.kind !== "number") return value;
  const marks = [...control.grid, ...also];
  const near = marks.length ? nearest(marks, value) : Math.round(value);
  return Math.min(control.high, Math.max(control.low, near));
}

/** Return the value of a control that is so many steps from another. */
export function stepped(control, value, by) {
  if (control.kind === "menu") {
    const at = control.options.indexOf(value) + by;
    return control.options[Math.min(control.options.length - 1, Math.max(0, at))];
  }
  if (!control.grid.length) return allowed(control, value + by);
  const at = by > 0 ? control.grid.findIndex((mark) => mark > value) : control.grid.findLastIndex((mark) => mark < value);
  return at < 0 ? value : control.grid[at];
}

/** Return a larger or smaller value along a handle: up and right are where the picture grows. */
export function along(handle, control, value, by) {
  if (!handle.places) return stepped(control, value, by);
  const sorted = [...handle.places].sort(([, one], [, other]) => (handle.axis === "y" ? other - one : one - other));
  const at = sorted.findIndex(([one]) => one === value) + by;
  return sorted[Math.min(sorted.length - 1, Math.max(0, at))][0];
}

/** Return where a control stands among what it can be; `places` are the values of a handle that has but a few. */
export function standing(control, value, written, places = control.options ?? []) {
  const { low = 0, high = places.length - 1, unit = "" } = control;
  const now = typeof value === "number" ? value : places.indexOf(value);
  return { now, min: low, max: high, text: `${written(value)} ${unit}`.trim() };
}

/** Follow a pointer from its press to its release: `move` gets how far it went since the last time.
 *
 * `target` hears of it, and must be there to the end, whatever is drawn anew in it. */
export function follow(event, move, end, target = event.currentTarget) {
  event.preventDefault();
  target.setPointerCapture(event.pointerId);
  target.classList.add("dragged");
  let [x, y] = [event.clientX, event.clientY];
  const moved = (next) => {
    move(next.clientX - x, next.clientY - y);
    [x, y] = [next.clientX, next.clientY];
  };
  const over = () => {
    for (const sign of ["pointerup", "pointercancel", "lostpointercapture"]) target.removeEventListener(sign, over);
    target.removeEventListener("pointermove", moved);
    target.classList.remove("dragged");
    end();
  };
  target.addEventListener("pointermove", moved);
  for (const sign of ["pointerup", "pointercancel", "lostpointercapture"]) target.addEventListener(sign, over);
}

/** Let hands reach a picture.
 *
 * `does` has: control(name), value(name), send(name, value), commit(), go(setting), ask(name), point(name, event). */
export function hands(svg, picture, does) {
  const nameOf = (target) => target.closest?.("[data-name]")?.dataset.name;
  const touched = (target, wanted) => {
    for (let name = nameOf(target); name; name = picture.shapes()[name]?.inside) {
      if (wanted(picture.shapes()[name] ?? {})) return name;
    }
    return undefined;
  };
  const handleOf = (target) => touched(target, (shape) => shape.handle);
  const drag = (event, name) => {
    const control = does.control(picture.shapes()[name].handle.control);
    let value = does.value(control.name);
    let place;
    const move = (dx, dy) => {
      const { handle } = picture.shapes()[name] ?? {};
      if (!handle) return;
      const scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
      const by = scale * (handle.axis === "x" ? dx : dy);
      place = (handle.places ? (place ?? placeOf(handle, value)) : placeOf(handle, value)) + by;
      value = valueAt(handle, place);
      if (control.kind === "number") value = Math.min(control.high, Math.max(control.low, value));
      const next = allowed(control, value, handle.also);
      if (next !== does.value(control.name)) does.send(control.name, next);
    };
    picture.element(name).focus({ preventScroll: true });
    follow(event, move, does.commit);
  };
  svg.addEventListener("pointerdown", (event) => {
    const name = event.button === 0 && handleOf(event.target);
    if (name) drag(event, name);
  });
  svg.addEventListener("click", (event) => {
    const name = touched(event.target, (shape) => shape.press);
    if (name && !handleOf(event.target)) does.go(picture.shapes()[name].press);
  });
  const point = (event) => does.point(touched(event.target, (shape) => shape.says || shape.lights), event);
  for (const sign of ["pointerover", "focusin"]) svg.addEventListener(sign, point);
  for (const sign of ["pointerleave", "focusout"]) svg.addEventListener(sign, (event) => does.point(undefined, event));
  for (const sign of ["pointerover", "focusin"]) {
    svg.addEventListener(sign, ({ target }) => {
      const name = handleOf(target);
      if (name) does.ask(picture.shapes()[name].handle.control);
    });
  }
  svg.addEventListener("keydown", (event) => {
    const name = nameOf(event.target);
    const { handle, press } = picture.shapes()[name] ?? {};
    const group = name && groupOf(name);
    const by = UP[event.key];
    if (press && (event.key === "Enter" || event.key === " ")) does.go(press);
    else if (handle && by) {
      const control = does.control(handle.control);
      does.send(control.name, along(handle, control, does.value(control.name), by));
      does.commit();
    } else if (group && by) neighbour(group, name, by);
    else return;
    event.preventDefault();
  });
  /** Return the group of a shape that can be pressed: its own, or that of what it lies in. */
  const groupOf = (name) => {
    const { press, group, inside } = picture.shapes()[name];
    return press && (group ?? picture.shapes()[inside]?.group);
  };
  const members = (group) => Object.keys(picture.shapes()).filter((name) => groupOf(name) === group);
  const neighbour = (group, name, by) => {
    const names = members(group);
    const at = (names.indexOf(name) + (by > 0 ? 1 : -1) + names.length) % names.length;
    rove(names, names[at]);
    picture.element(names[at]).focus();
  };
  const rove = (names, name) => {
    for (const one of names) {
      const place = one === name ? "0" : "-1";
      if (picture.element(one).getAttribute("tabindex") !== place) picture.element(one).setAttribute("tabindex", place);
    }
  };
  /** Say of each handle where it stands, and leave one of each group to the Tab key. */
  const announce = () => {
    const groups = new Map();
    for (const [name, { handle }] of Object.entries(picture.shapes())) {
      const group = groupOf(name);
      if (group && !groups.has(group)) groups.set(group, []);
      groups.get(group)?.push(name);
      if (!handle) continue;
      const control = does.control(handle.control);
      const value = does.value(control.name);
      const places = handle.places?.map(([one]) => one);
      stand(picture.element(name), standing(control, value, does.written, places));
    }
    for (const names of groups.values()) {
      const chosen = names.find((name) => picture.element(name) === document.activeElement);
      rove(names, chosen ?? names.find((name) => picture.shapes()[name].look?.includes("chosen")) ?? names[0]);
    }
  };
  return { announce };
}
