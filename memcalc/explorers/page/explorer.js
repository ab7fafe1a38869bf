// The page's side of an explorer: it shows the frames that Python computes, and sends what the user sets.
// A host gives it a model with get, set, save_changes, on, off and send: a widget's in Jupyter, one of a page elsewhere.

import { button, keepFocus, key, make, say, sentence, speak, write } from "./dom.js";
import { drawing } from "./draw.js";
import { foresight, whole } from "./frames.js";
import { hands } from "./hands.js";
import { typeset } from "./formula.js";
import { controlled } from "./controls.js";
import { called } from "./pickers.js";
import { guessing } from "./guess.js";
import { hinting } from "./hints.js";
import { guard } from "./keys.js";

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

/** Return the line of Python that gives the same result, and a button that copies it. */
function python() {
  const code = make("pre", { tabIndex: 0, role: "group", "aria-label": "Python" });
  const copy = button(say("Copy"), async () => {
    getSelection().selectAllChildren(code); // enough where a page may not write to the clipboard
    const written = navigator.clipboard?.writeText(code.textContent) ?? Promise.reject();
    copy.textContent = await written.then(
      () => say("Copied"),
      () => say("Selected"),
    );
  });
  const fold = make("details", { className: "memcalc-python" }, make("summary", {}, say("The same in Python")), code, copy);
  const show = (text) => {
    code.textContent = text;
    copy.textContent = say("Copy");
  };
  return { fold, show };
}

/** Return a small text that follows what is pointed at. */
function tip(root) {
  const box = make("div", { className: "memcalc-tip", hidden: true });
  const show = (text, event) => {
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    const around = root.getBoundingClientRect();
    const { left, width, top } = event.target.getBoundingClientRect();
    const x = (event.clientX || left + width / 2) - around.left;
    box.style.left = `${Math.max(0, Math.min(x + 12, around.width - box.offsetWidth - 4))}px`;
    box.style.top = `${(event.clientY || top) - around.top - box.offsetHeight - 10}px`;
  };
  return { box, show };
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

function render({ model, el }, history) {
  const { controls: listed, presets, colours, texts } = model.get("stage");
  speak(texts);
  const prefix = `memcalc-${Math.random().toString(36).slice(2)}-`; // ids are one of a kind on a page
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ahead = foresight(model);
  const does = {
    ...gestures(model, history, () => undo.setAttribute("aria-disabled", history.length === 0)),
    control: (name) => listed.find((one) => one.name === name),
    value: (name) => model.get("state")[name],
    written: (value) => (typeof value === "string" ? called(value) : write(value)),
    ask: ahead.ask,
    light: (letters) => {
      formula.light(letters);
      picture.light(letters);
    },
    point: (name, event) => {
      const { says = "", lights = "" } = picture.shapes()[name] ?? {};
      if (!isOpen() && picture.shapes()[name]?.answer) return;
      formula.light(lights.split(" ").filter(Boolean));
      hint.show(says, event);
    },
  };
  const undo = button(say("Undo"), does.undo);
  const reset = button(say("Reset"), () => does.go(model.get("start")));
  const examples = Object.entries(presets).map(([name, setting]) => button(name, () => does.go(setting)));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const picture = drawing(svg, prefix, calm);
  const reach = hands(svg, picture, does);
  const formula = typeset(listed, does, calm);
  const stage = make("div", { className: "memcalc-stage" });
  const hint = tip(stage);
  stage.append(svg, hint.box);
  const asking = make("p", { className: "memcalc-sentence" });
  const said = make("p", { className: "memcalc-said", role: "status" });
  const notes = make("p", { className: "memcalc-notes" });
  const factor = make("div", { className: "memcalc-factor", "aria-live": "polite" });
  const sliders = make("div", { className: "memcalc-sliders" });
  const hints = hinting(() => model.send({ hints: model.get("state") }));
  const code = python();
  const closes = (value, closed) => {
    model.set("guess", value);
    model.set("closed", closed);
    model.save_changes();
  };
  const guess = guessing(svg, picture, {
    said: factor,
    close: () => (closes(null, true), does.go(model.get("start"))),
    open: (value) => {
      closes(value, false);
      el.dispatchEvent(new CustomEvent("memcalc-guess", { bubbles: true, detail: { guess: value } }));
      present();
      picture.pour();
      said.tabIndex = -1;
      said.focus({ preventScroll: true });
    },
  });
  const made = new Map(
    listed.map((data) => {
      const { name } = data;
      const choose = (value) => does.go({ [name]: value });
      const one = controlled(data, `${prefix}set-${name}`, { send: (value) => does.send(name, value), commit: does.commit, choose });
      for (const part of [one.inline, one.row].filter(Boolean)) {
        if (data.grid?.length || data.kind === "menu") {
          for (const sign of ["pointerenter", "focusin"]) part.addEventListener(sign, () => ahead.ask(name));
        }
      }
      return [name, one];
    }),
  );

  const isOpen = () => !model.get("closed") || !frame.guess; // what cannot be guessed is shown
  let shown = {};
  let frame = {};
  let asked = "";
  const ask = (pieces) => {
    if (key(pieces) === asked) return;
    asked = key(pieces);
    keepFocus(asking, () => asking.replaceChildren(...sentence(pieces, (name) => made.get(name).inline)));
    const named = pieces.map(({ control }) => control).filter(Boolean);
    keepFocus(sliders, () => sliders.replaceChildren(...named.flatMap((name) => made.get(name).row ?? [])));
  };
  /** Say what the frame says, or only ask where a guess is due. */
  const present = () => {
    const open = isOpen();
    const [width, height] = frame.size;
    const box = `0 0 ${width} ${(!open && frame.guess.height) || height}`;
    if (svg.getAttribute("viewBox") !== box) svg.setAttribute("viewBox", box); // it lays out all anew
    el.classList.toggle("memcalc-closed", !open);
    const words = open ? frame.said : [frame.guess.asks];
    said.classList.toggle("memcalc-over", open && Object.values(frame.shapes).some(({ look = "" }) => look.split(" ").includes("over")));
    said.replaceChildren(...(frame.problem ? [say("{problem} What is shown is the last that made sense.", frame)] : sentence(words)));
    notes.replaceChildren(...(open ? frame.notes.flatMap((note) => [...sentence(note), " "]) : []));
    svg.setAttribute("aria-label", open ? frame.alt : frame.guess.asks);
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
    ask(frame.sentence);
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
    undo.setAttribute("aria-disabled", history.length === 0);
    const kept = [model.get("frame"), ahead.find(state)].find((one) => key(one?.state) === key(state));
    if (kept) show(kept);
    wait();
  };
  const answer = () => {
    const now = model.get("frame");
    if (now.size[0] !== model.get("base").size[0]) return; // of another layout
    if (key(now.state) === key(model.get("state")) || !ahead.find(model.get("state"))) show(now);
  };
  const relay = () => (ahead.forget(), answer());
  const turn = () => {
    present();
    if (model.get("closed")) guess.focus(); // somebody wants to guess again
  };
  const listeners = {
    "change:base": relay,
    "change:frame": answer,
    "change:state": follow,
    "change:closed": turn,
    "change:remarks": () => present(),
    "msg:custom": (news) => {
      ahead.take(news);
      const hinted = shown.unasked && !news.unasked && !news.ahead;
      if (hinted && key(news.state) === key(model.get("state"))) show(news);
    },
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  svg.setAttribute("role", "group");
  answer();

  const leave = fitting(el, model);
  el.classList.add("memcalc", "memcalc-explorer");
  for (const [name, colour] of Object.entries(colours)) el.style.setProperty(`--c-${name}`, colour);
  const shortcuts = examples.length ? [make("span", {}, say("Examples:")), ...examples] : [];
  el.append(
    asking,
    stage,
    said,
    factor,
    guess.root,
    notes,
    sliders,
    formula.root,
    formula.meaning,
    make("div", { className: "memcalc-buttons", role: "group", "aria-label": say("Settings") }, undo, reset, ...shortcuts, hints.more),
    hints.list,
    code.fold,
  );
  addEventListener("keydown", guard, { capture: true });
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    removeEventListener("keydown", guard, { capture: true });
    leave();
  };
}

export default () => {
  const history = []; // of all views of an explorer
  return { render: (view) => render(view, history) };
};
