// A lesson as a page: explorers, guesses and exercises are live; Python starts in a worker at the first touch.

import { pythonIn, show } from "../../explorers/page/host.js";
import brief from "../../lessons/page/brief.js";
import exercise from "../../lessons/page/exercise.js";
import guess from "../../lessons/page/guess.js";
import { record } from "./record.js";

const NEAR = "600px"; // so far below the window, an explorer is made ready
const KINDS = ["", "guesses", "answers", "briefs"]; // of the columns in a table of progress

/** Return what the page's side of a question takes for a widget's model.
 *
 * `asked` says which question it is, in the words of web/worker.py; `elsewhere` takes what is no answer. */
export function modelOf(asked, question, python, kept, elsewhere = () => false) {
  const listeners = new Map();
  const values = { question, told: {}, answer: "", ...kept.said(asked) };
  const tell = (event) => [...(listeners.get(event) ?? [])].forEach((listener) => listener());
  return {
    get: (name) => values[name],
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== listener)),
    send: async (said) => {
      if (elsewhere(said)) return;
      const { told, answer = "", kept: text } = await python({ ...asked, said, kept: kept.text() });
      Object.assign(values, { told, answer });
      if (text !== undefined) kept.keep(text, asked, { told, answer });
      for (const name of ["told", "answer"]) tell(`change:${name}`);
    },
  };
}

/** Show a guess in a field, and what opens with its answer. */
function guessing(el, { number, unit = "", question, again }, python, kept) {
  const record = again === undefined ? kept : { ...kept, said: () => ({}) }; // what was guessed before is not shown
  const model = modelOf({ about: "guess", number, unit }, JSON.parse(question), python, record);
  const opens = document.querySelector(`[data-opens="${number}"]`);
  const open = () => opens?.toggleAttribute("hidden", model.get("told").head === undefined);
  guess.render({ model, el });
  model.on("change:told", open);
  open();
}

/** Show an exercise, or a mixed question, which knows the others. */
function exercising(el, { about, number, question, all }, python, kept) {
  const asked = all ? { about, number, all: JSON.parse(all) } : { about, number };
  exercise.render({ model: modelOf(asked, JSON.parse(question), python, kept), el });
}

/** Show the choice of a brief, or what the chosen one asks in this lesson. */
function briefing(el, { lesson, question }, python, kept) {
  const { chooser, asked } = JSON.parse(question);
  const number = lesson === undefined ? null : Number(lesson);
  const place = document.createElement("div");
  const write = (chosen) => {
    for (const one of document.querySelectorAll(`[data-brief$=".${lesson}"]`)) one.hidden = true;
    const fresh = document.createElement("div");
    if (lesson !== undefined && asked[chosen]) {
      const about = { about: "brief", lesson: number, name: chosen };
      const elsewhere = ({ picture, other }) => {
        if (picture) document.querySelector(`[data-brief="${chosen}.${lesson}"]`).hidden = false;
        if (other) write("");
        return Boolean(picture || other);
      };
      exercise.render({ model: modelOf(about, asked[chosen], python, kept, elsewhere), el: fresh });
    } else {
      const model = modelOf({ about: "brief", lesson: number, name: "" }, chooser, python, kept);
      model.on("change:told", () => lesson !== undefined && write(model.get("told").chosen));
      brief.render({ model, el: fresh });
    }
    place.replaceChildren(fresh);
  };
  el.append(place);
  write(kept.chosen());
}

const QUESTIONS = { guess: guessing, exercise: exercising, mixed: exercising, brief: briefing };

/** Have Python answer the guess that is made in the picture of a closed explorer. */
function remarked(el, python, kept) {
  const { model } = el;
  const { subject, number } = el.dataset;
  const asked = { about: "pictured", number, subject, start: model.get("start") };
  const before = kept.said(asked);
  model.set("remarks", []);
  if (before.remarks) {
    model.set("guess", before.guess);
    model.set("remarks", before.remarks);
    model.set("closed", false);
  }
  el.addEventListener("memcalc-guess", async ({ detail: { guess: made } }) => {
    const { remarks, kept: text } = await python({ ...asked, said: { guess: made }, kept: kept.text() });
    if (text === undefined) return;
    model.set("remarks", remarks);
    kept.keep(text, asked, { guess: made, remarks });
  });
  model.on("change:closed", () => model.get("closed") && model.set("remarks", []));
}

/** Write into a table of progress, and the lines below it, what the browser keeps. */
function tick(root, kept) {
  for (const row of root.querySelectorAll("tbody tr")) {
    for (const [place, cell] of [...row.cells].entries()) {
      const kind = KINDS[place];
      const sign = (_, number) => `${kept.isDone(kind, number) ? "✓" : "○"} ${number}`;
      if (kind) cell.textContent = cell.textContent.replace(/[✓○] (\w+\.\d+)/g, sign);
    }
  }
  for (const line of root.querySelectorAll("p")) {
    const goal = /^○ Exercise (\d+\.\d+) shows that (you can .*)$/.exec(line.textContent);
    if (goal && kept.isDone("answers", goal[1])) line.textContent = `✓ Y${goal[2].slice(1)}`;
  }
}

/** Say how far the start of Python is, in a line at the foot of the window. */
function progress() {
  const bar = Object.assign(document.createElement("progress"), { max: 1 });
  const words = document.createElement("span");
  const line = Object.assign(document.createElement("div"), { className: "memcalc-starting", hidden: true });
  line.setAttribute("role", "status");
  line.append(words, bar);
  bar.setAttribute("aria-label", "Python starts");
  document.addEventListener("memcalc-python", ({ detail: { step, steps, loads } }) => {
    line.hidden = step >= steps;
    words.textContent = line.hidden ? "" : `Python starts in this page, which takes some seconds once: ${loads}, step ${step + 1} of ${steps}.`;
    bar.value = (step + 0.5) / steps;
  });
  return line;
}

/** Give a page the light theme while it is printed, and then the reader's own again. */
export function lightOnPaper({ dataset }, printed) {
  let own = dataset.theme;
  printed.addEventListener("change", ({ matches }) => {
    if (matches) own = dataset.theme;
    dataset.theme = matches ? "light" : own;
  });
}

/** Let the keyboard reach what scrolls sideways, and nothing else of its kind. */
function reach() {
  for (const el of document.querySelectorAll(".math, .memcalc-formula, .cell_output")) {
    if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
    else el.removeAttribute("tabindex");
  }
}

async function shown(el, kept) {
  const { subject, number, worker } = el.dataset;
  if (subject === "calculator") await (await import("./calculator.js")).calculate(el);
  else await show(el);
  if (number) remarked(el, pythonIn(worker), kept);
  el.classList.add("memcalc-there");
  reach();
}

/** Make the page live; `storage` is where it remembers what a learner says. */
export function begin(root = document, storage = localStorage) {
  const kept = record(storage);
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        shown(target, kept);
      }
    },
    { rootMargin: NEAR },
  );
  for (const el of root.querySelectorAll("[data-later]")) seen.observe(el);
  for (const el of root.querySelectorAll("[data-about]")) {
    el.replaceChildren();
    QUESTIONS[el.dataset.about](el, el.dataset, pythonIn(el.dataset.worker), kept);
  }
  const tables = [...root.querySelectorAll("[data-progress]")];
  const refresh = () => tables.forEach((table) => tick(table, kept));
  kept.listen(refresh);
  refresh();
  const worker = root.querySelector("[data-worker]")?.dataset.worker;
  const warm = ({ target }) => target.closest?.(".memcalc") && pythonIn(worker)?.({ warm: true });
  for (const sign of ["pointerdown", "keydown"]) addEventListener(sign, warm, { capture: true });
  lightOnPaper(root.documentElement, matchMedia("print"));
  root.body.append(progress());
  reach();
  addEventListener("resize", reach);
}
