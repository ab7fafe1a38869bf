// The page's side of an explorer: it shows the frames that Python computes, and sends what the user sets.
// A host gives it a model with get, set, save_changes, on, off and send: a widget's in Jupyter, one of a page elsewhere.

import { button, keepFocus, key, make, say, speak, write } from "./dom.js";
import { drawing } from "./draw.js";
import { foresight, whole } from "./frames.js";
import { hands } from "./hands.js";
import { typeset } from "./formula.js";
import { controlled } from "./controls.js";
import { called } from "./pickers.js";
import { guessing } from "./guess.js";
import { hinting } from "./hints.js";
import { guard } from "./keys.js";
import { python, tip, worded } from "./words.js";

/** Return the widest layout for which a page has room, or nearly: a picture may shrink by an eighth. */
export const layoutFor = (layouts, room) => layouts.findLast((layout) => 0.875 * layout <= room) ?? layouts[0];

/** Return how the state is changed, gesture by gesture. */
function gestures(model, history, changed) {
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

/** Return what says of an element whether it waits for Python. */
function waiting(el) {
  let patience = 0;
  return (busy) => {
    el.setAttribute("aria-busy", busy);
    clearTimeout(patience);
    if (!busy) el.classList.remove("memcalc-waiting");
    else patience = setTimeout(() => el.classList.add("memcalc-waiting"), 500); // only where Python lets one wait
  };
}

/** Ask for another layout whenever an element has room for it; return how to end that. */
function fitting(el, model) {
  const sized = new ResizeObserver(() => {
    const width = layoutFor(model.get("stage").layouts, el.clientWidth);
    if (!el.clientWidth || width === model.get("width")) return;
    model.set("width", width);
    model.save_changes();
  });
  sized.observe(el);
  return () => sized.disconnect();
}

/** Return the controls by their names; when a hand or the focus comes near one, the frames around it are asked for. */
function controlling(listed, prefix, does) {
  const one = (data) => {
    const { name, grid, kind } = data;
    const acts = { send: (value) => does.send(name, value), commit: does.commit, choose: (value) => does.go({ [name]: value }) };
    const made = controlled(data, `${prefix}set-${name}`, acts);
    for (const part of grid?.length || kind === "menu" ? [made.inline, made.row].filter(Boolean) : []) {
      for (const sign of ["pointerenter", "focusin"]) part.addEventListener(sign, () => does.ask(name));
    }
    return [name, made];
  };
  return new Map(listed.map(one));
}

/** Return the buttons of an explorer, and what says that there is nothing to undo. */
function buttons(model, history, does, more) {
  const undo = button(say("Undo"), does.undo);
  const reset = button(say("Reset"), () => does.go(model.get("start")));
  const examples = Object.entries(model.get("stage").presets).map(([name, setting]) => button(name, () => does.go(setting)));
  const shortcuts = examples.length ? [make("span", {}, say("Examples:")), ...examples] : [];
  const settings = { className: "memcalc-buttons", role: "group", "aria-label": say("Settings") };
  const root = make("div", settings, undo, reset, ...shortcuts, more);
  return { root, count: () => undo.setAttribute("aria-disabled", history.length === 0) };
}

/** Return the asking of a guess in a picture; it is kept with the explorer, and who listens to its element hears of it. */
function asking({ model, el }, svg, picture, { go, opened }) {
  const said = make("div", { className: "memcalc-factor", "aria-live": "polite" });
  const closes = (value, closed) => {
    model.set("guess", value);
    model.set("closed", closed);
    model.save_changes();
  };
  const open = (value) => {
    closes(value, false);
    el.dispatchEvent(new CustomEvent("memcalc-guess", { bubbles: true, detail: { guess: value } }));
    opened();
    picture.pour();
  };
  const close = () => (closes(null, true), go(model.get("start")));
  return { ...guessing(svg, picture, { said, close, open }), said };
}

/** Listen to a model; return how to end that. */
function listening(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  addEventListener("keydown", guard, { capture: true });
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    removeEventListener("keydown", guard, { capture: true });
  };
}

function render({ model, el }, history) {
  const { controls: listed, colours, texts } = model.get("stage");
  speak(texts);
  const prefix = `memcalc-${Math.random().toString(36).slice(2)}-`; // ids are one of a kind on a page
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "group");
  const stage = make("div", { className: "memcalc-stage" }, svg);
  const ahead = foresight(model);
  const picture = drawing(svg, prefix, calm);
  const does = {
    ...gestures(model, history, () => pressed.count()),
    control: (name) => listed.find((one) => one.name === name),
    value: (name) => model.get("state")[name],
    written: (value) => (typeof value === "string" ? called(value) : write(value)),
    ask: ahead.ask,
    light: (letters) => {
      formula.light(letters);
      picture.light(letters);
    },
    point: (name, event) => {
      const { says = "", lights = "", answer } = picture.shapes()[name] ?? {};
      if (answer && !isOpen()) return;
      formula.light(lights.split(" ").filter(Boolean));
      hint.show(says, event);
    },
  };
  const reach = hands(svg, picture, does);
  const formula = typeset(listed, does, calm);
  const made = controlling(listed, prefix, does);
  const words = worded(svg, made);
  const hint = tip(stage);
  const hints = hinting(() => model.send({ hints: model.get("state") }));
  const pressed = buttons(model, history, does, hints.more);
  const code = python();
  const guess = asking({ model, el }, svg, picture, { go: does.go, opened: () => (present(), words.focus()) });
  stage.append(hint.box);

  let shown = {};
  let frame = {};
  const isOpen = () => !model.get("closed") || !frame.guess; // what cannot be guessed is shown
  /** Show as much of the picture as is open, and say what belongs to it. */
  const present = () => {
    const open = isOpen();
    const [width, height] = frame.size;
    const box = `0 0 ${width} ${(!open && frame.guess.height) || height}`;
    if (svg.getAttribute("viewBox") !== box) svg.setAttribute("viewBox", box); // it lays out all anew
    el.classList.toggle("memcalc-closed", !open);
    words.tell(frame, open);
    guess.show(frame.guess, open, model.get("guess") ?? null, model.get("base").guess, model.get("remarks"));
  };
  const waits = waiting(el);
  const wait = () => waits(key(shown.state) !== key(model.get("state")));
  const show = (next) => {
    if (next === shown) return wait();
    const before = frame;
    shown = next;
    frame = whole(model.get("base"), next);
    const same = before.size?.[0] === frame.size[0];
    const dragged = svg.classList.contains("dragged");
    const glide = same && !(dragged && before.scale === frame.scale) ? picture.glide : 0;
    keepFocus(svg, () => picture.show(frame.shapes, glide));
    words.ask(frame.sentence);
    for (const [name, one] of made) {
      one.limit?.(frame.highest[name]);
      one.show(model.get("state")[name]);
    }
    formula.show(frame);
    present();
    reach.announce();
    hints.show(frame);
    code.show(frame.code);
    el.classList.toggle("memcalc-stale", frame.problem !== "");
    wait();
  };
  const follow = () => {
    const state = model.get("state");
    for (const [name, one] of made) one.show(state[name]);
    pressed.count();
    const kept = [model.get("frame"), ahead.find(state)].find((one) => key(one?.state) === key(state));
    if (kept) show(kept);
    wait();
  };
  const answer = () => {
    const now = model.get("frame");
    if (now.size[0] !== model.get("base").size[0]) return; // of another layout
    if (key(now.state) === key(model.get("state")) || !ahead.find(model.get("state"))) show(now);
  };
  const take = (news) => {
    ahead.take(news);
    const hinted = shown.unasked && !news.unasked && !news.ahead;
    if (hinted && key(news.state) === key(model.get("state"))) show(news);
  };
  const turn = () => {
    present();
    if (model.get("closed")) guess.focus(); // somebody wants to guess again
  };
  const deaf = listening(model, {
    "change:base": () => (ahead.forget(), answer()),
    "change:frame": answer,
    "change:state": follow,
    "change:closed": turn,
    "change:remarks": () => present(),
    "msg:custom": take,
  });
  answer();

  const leave = fitting(el, model);
  el.classList.add("memcalc", "memcalc-explorer");
  for (const [name, colour] of Object.entries(colours)) el.style.setProperty(`--c-${name}`, colour);
  const below = [guess.said, guess.root, words.notes, words.sliders, formula.root, formula.meaning];
  el.append(words.asking, stage, words.said, ...below, pressed.root, hints.list, code.fold);
  return () => (deaf(), leave());
}

export default () => {
  const history = []; // of all views of an explorer
  return { render: (view) => render(view, history) };
};
