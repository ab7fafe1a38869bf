// The page's side of an explorer: it shows the frames that Python computes, and sends what the user sets.
// A host gives it a model with get, set, save_changes, on, off and send: a widget's in Jupyter, one of a page elsewhere.

import { draw, keepFocus, key, make, speak, write } from "./dom.js";
import { drawing } from "./draw.js";
import { foresight, whole } from "./frames.js";
import { gestures, stateButtons } from "./gestures.js";
import { hands } from "./hands.js";
import { typeset } from "./formula.js";
import { called } from "./pickers.js";
import { guessing } from "./guess.js";
import { hinting } from "./hints.js";
import { guard } from "./keys.js";
import { settings } from "./settings.js";
import { python, telling, tip, waiting } from "./words.js";

/** Return the widest layout for which a page has room, or nearly: a picture may shrink by an eighth. */
export const layoutFor = (layouts, room) => layouts.findLast((layout) => 0.875 * layout <= room) ?? layouts[0];

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

/** Return the parts of an explorer, and what they do with each other.
 *
 * `now` has the frame that is shown, and whether it is open; `opened` hears of a guess. */
function parts(model, history, now, opened) {
  const { controls: listed, presets, texts } = model.get("stage");
  speak(texts);
  const prefix = `memcalc-${Math.random().toString(36).slice(2)}-`; // ids are one of a kind on a page
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ahead = foresight(model);
  const svg = draw("svg");
  svg.setAttribute("role", "group");
  const picture = drawing(svg, prefix, calm);
  const does = {
    ...gestures(model, history, () => buttons.show()),
    control: (name) => listed.find((one) => one.name === name),
    value: (name) => model.get("state")[name],
    written: (value) => (typeof value === "string" ? called(value) : write(value)),
    ask: ahead.ask,
    light: (letters) => [formula, picture].forEach((part) => part.light(letters)),
    point: (name, event) => {
      const { says = "", lights = "", answer } = picture.shapes()[name] ?? {};
      if (answer && !now.isOpen()) return;
      formula.light(lights.split(" ").filter(Boolean));
      hint.show(says, event);
    },
  };
  const formula = typeset(listed, does, calm);
  const stage = make("div", { className: "memcalc-stage" });
  const hint = tip(stage);
  stage.append(svg, hint.box);
  const hints = hinting(() => model.send({ hints: model.get("state") }));
  const start = () => model.get("start");
  const buttons = stateButtons(does, history, { start, presets }, hints.more);
  const factor = make("div", { className: "memcalc-factor", "aria-live": "polite" });
  const closes = (value, closed) => {
    model.set("guess", value);
    model.set("closed", closed);
    model.save_changes();
  };
  const close = () => (closes(null, true), does.go(start()));
  const guess = guessing(svg, picture, { said: factor, close, open: (value) => (closes(value, false), opened(value)) });
  const [set, reach, told, code] = [settings(listed, prefix, does), hands(svg, picture, does), telling(svg), python()];
  return { ahead, buttons, code, factor, formula, guess, hints, picture, reach, set, stage, svg, told };
}

/** Return how the frames of a model are shown by the parts of an explorer. */
function showing({ model, el }, now, { ahead, buttons, code, formula, guess, hints, picture, reach, set, svg, told }) {
  const waits = waiting(el);
  const wait = () => waits(key(now.shown.state) !== key(model.get("state")));
  /** Say what the frame says, or only ask where a guess is due. */
  const present = () => {
    const { frame } = now;
    const open = now.isOpen();
    const [width, height] = frame.size;
    const box = `0 0 ${width} ${(!open && frame.guess.height) || height}`;
    if (svg.getAttribute("viewBox") !== box) svg.setAttribute("viewBox", box); // it lays out all anew
    el.classList.toggle("memcalc-closed", !open);
    told.show(frame, open);
    guess.show(frame.guess, open, model.get("guess") ?? null, model.get("base").guess, model.get("remarks"));
  };
  const show = (next) => {
    if (next === now.shown) return wait();
    const before = now.frame;
    const frame = whole(model.get("base"), next);
    Object.assign(now, { shown: next, frame });
    const dragged = svg.classList.contains("dragged");
    const glide = before.size?.[0] === frame.size[0] && !(dragged && before.scale === frame.scale) ? picture.glide : 0;
    keepFocus(svg, () => picture.show(frame.shapes, glide));
    set.show(frame, model.get("state"));
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
    set.follow(state);
    buttons.show();
    const kept = [model.get("frame"), ahead.find(state)].find((one) => key(one?.state) === key(state));
    if (kept) show(kept);
    wait();
  };
  const answer = () => {
    const news = model.get("frame");
    if (news.size[0] !== model.get("base").size[0]) return; // of another layout
    if (key(news.state) === key(model.get("state")) || !ahead.find(model.get("state"))) show(news);
  };
  const take = (news) => {
    ahead.take(news);
    const hinted = now.shown.unasked && !news.unasked && !news.ahead;
    if (hinted && key(news.state) === key(model.get("state"))) show(news);
  };
  return { present, follow, answer, take };
}

/** Hear what a model says, and return how to end that. */
function listening(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  addEventListener("keydown", guard, { capture: true });
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    removeEventListener("keydown", guard, { capture: true });
  };
}

function render({ model, el }, history) {
  const now = { shown: {}, frame: {}, isOpen: () => !model.get("closed") || !now.frame.guess }; // what cannot be guessed is shown
  const made = parts(model, history, now, (value) => {
    el.dispatchEvent(new CustomEvent("memcalc-guess", { bubbles: true, detail: { guess: value } }));
    shows.present();
    made.picture.pour();
    made.told.focus();
  });
  const shows = showing({ model, el }, now, made);
  const turn = () => {
    shows.present();
    if (model.get("closed")) made.guess.focus(); // somebody wants to guess again
  };
  const leave = listening(model, {
    "change:base": () => (made.ahead.forget(), shows.answer()),
    "change:frame": shows.answer,
    "change:state": shows.follow,
    "change:closed": turn,
    "change:remarks": shows.present,
    "msg:custom": shows.take,
  });
  shows.answer();
  const ends = fitting(el, model);
  el.classList.add("memcalc", "memcalc-explorer");
  for (const [name, colour] of Object.entries(model.get("stage").colours)) el.style.setProperty(`--c-${name}`, colour);
  const { set, stage, told, factor, guess, formula, buttons, hints, code } = made;
  el.append(set.asking, stage, told.said, factor, guess.root, told.notes, set.sliders, formula.root, formula.meaning, buttons.root, hints.list, code.fold);
  return () => (leave(), ends());
}

export default () => {
  const history = []; // of all views of an explorer
  return { render: (view) => render(view, history) };
};
