// What a question says of an answer: a card with a sign, and a guess beside what it asked for. Python finds the words.

import { make, say, sentence, speak } from "../../explorers/page/dom.js";
import { guard } from "../../explorers/page/keys.js";

const SIGNS = { right: "✓", known: "≠", near: "≈", unknown: "?", unread: "…", open: "…" };

/** Return the sign of an answer; its words say the same. */
export const signOf = (kind) => SIGNS[kind] ?? SIGNS.open;

/** Return how long two bars are, in percent of the longer one. */
export function shares(said, right) {
  const most = Math.max(said, right);
  return [said, right].map((one) => Math.round((1000 * one) / most) / 10);
}

const line = (pieces, className = "") => (pieces?.length ? [make("p", { className }, ...sentence(pieces))] : []);

/** Return the card of an answer. */
export function card({ kind, head, why, matters, next, note }) {
  const sign = make("b", { "aria-hidden": "true" }, signOf(kind));
  const words = [line([head], "memcalc-head"), line(why), line(matters), line(next, "memcalc-next"), line(note, "memcalc-note")];
  return make("div", { className: `memcalc-card memcalc-${kind}` }, sign, make("div", {}, ...words.flat()));
}

/** Return a guess and the answer as two bars, which the words beside them tell too. */
function pair({ said, right, written, of }) {
  const [guessed, is] = shares(said, right);
  const bar = (name, share) => {
    const element = make("i", { className: name });
    element.style.width = `${share}%`;
    return make("span", {}, element);
  };
  const cells = [say("your guess"), bar("memcalc-guessed", guessed), written[0], say("it is"), bar("memcalc-true", is), written[1]];
  const all = cells.map((cell) => (typeof cell === "string" ? make("span", {}, cell) : cell));
  const both = make("div", { className: "memcalc-pair", "aria-hidden": "true" }, ...all);
  both.style.setProperty("--bar", of ? `var(--c-${of})` : "var(--faint)");
  return both;
}

/** Return what opens when a guess was made, or left open. */
export function opened({ head, bars, why, matters, note }) {
  const words = [line(why), line(matters), line(note, "memcalc-note")].flat();
  return make("div", {}, ...line(head, "memcalc-head"), ...(bars ? [pair(bars)] : []), ...words);
}

/** Make an element the place of a question: named for the ear, in the colours of the terms, with its keys its own. */
export function place(el, { name, colours, texts }) {
  speak(texts);
  el.classList.add("memcalc", "memcalc-lesson");
  for (const [property, value] of Object.entries({ role: "group", "aria-label": name })) el.setAttribute(property, value);
  for (const [term, colour] of Object.entries(colours)) el.style.setProperty(`--c-${term}`, colour);
  addEventListener("keydown", guard, { capture: true });
  return () => removeEventListener("keydown", guard, { capture: true });
}

/** Have what is typed sent by its button or by Enter, which JupyterLab keeps from forms. */
export function sending(form, field, send) {
  form.onsubmit = (event) => {
    event.preventDefault();
    send();
  };
  field.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
    event.preventDefault();
    send();
  };
}

/** Return the part of a page that is read aloud when it changes. */
export const live = () => make("div", { className: "memcalc-live", role: "status", tabIndex: -1 });

/** Listen to a model until the page is left. */
export function follow(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}
