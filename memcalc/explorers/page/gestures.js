// How the state is changed, and back: a drag is one step of the history, as a click is.

import { button, key, make, say } from "./dom.js";

/** Return how the state is changed, gesture by gesture; `changed` hears of each that ends. */
export function gestures(model, history, changed) {
  let before = null; // the state when the current gesture began
  const set = (state) => {
    model.set("state", state);
    model.save_changes();
  };
  const keep = (from) => {
    if (from && key(from) !== key(model.get("state"))) history.push(from);
    changed();
  };
  const commit = () => {
    const from = before;
    before = null;
    keep(from);
  };
  const send = (name, value) => {
    before ??= model.get("state");
    set({ ...model.get("state"), [name]: value });
  };
  const go = (setting) => {
    commit();
    const from = model.get("state"); // a field that moves with its sentence says once more what it has, in between
    set({ ...from, ...setting });
    keep(from);
  };
  const undo = () => {
    if (!history.length) return;
    set(history.pop());
    changed();
  };
  return { send, commit, go, undo };
}

/** Return the buttons that change the whole state: back by one, to the start, to an example; and `more` of another kind. */
export function stateButtons({ undo: back, go }, history, { start, presets }, more) {
  const undo = button(say("Undo"), back);
  const reset = button(say("Reset"), () => go(start()));
  const examples = Object.entries(presets).map(([name, setting]) => button(name, () => go(setting)));
  const shortcuts = examples.length ? [make("span", {}, say("Examples:")), ...examples] : [];
  const root = make("div", { className: "memcalc-buttons", role: "group", "aria-label": say("Settings") }, undo, reset, ...shortcuts, more);
  const show = () => undo.setAttribute("aria-disabled", history.length === 0);
  return { root, show };
}
