// The formula: letters with their numbers below, lit up with the part of the picture that they stand for, and scrubbed.

import { keepFocus, key, make, say, stand } from "./dom.js";
import { UP, follow, standing, stepped } from "./hands.js";

const STEP = 9; // so far a hand goes for the next number [px]
const LIGHT = { background: ["color-mix(in oklab, currentcolor 30%, transparent)", "transparent"] };

/** Return a formula; `does` is as for the hands of a picture, and has light(letters). */
export function typeset(controls, does, calm) {
  const root = make("div", { className: "memcalc-formula", role: "group", "aria-label": say("Formula") });
  const meaning = make("p", { className: "memcalc-meaning" });
  let acting = [];
  const scrubbed = (letter) => acting.find(({ letters: theirs = [] }) => theirs.includes(letter));
  let written = "";
  let letters = {};
  let lit = []; // the letters that are pointed at

  const math = (inner, className = "") => {
    const shell = make("span", { className });
    shell.innerHTML = `<math role="group">${inner}</math>`; // printed by SymPy; a group, for numbers in it can be moved
    return shell;
  };
  const under = (letter, inner) => `<munder data-letter="${letter}"><mpadded depth="0.4em">${inner}</mpadded><mtext></mtext></munder>`;
  const build = (lines, numbers) => {
    root.replaceChildren(
      ...lines.map(({ letter, left, summands }, at) => {
        const terms = summands.flatMap(({ of, math: inner }, place) => {
          const braced = numbers[at][`=${of}`] ? [make("span", { className: "memcalc-brace" })] : [];
          const term = make("span", { className: "memcalc-term" }, math(inner), ...braced);
          term.dataset.of = of;
          term.style.setProperty("--c", `var(--c-${of}, currentColor)`);
          return place ? [make("span", { className: "memcalc-sign" }, "+"), term] : [term];
        });
        const whole = math(`${under(letter, left)}<mo>=</mo>`, "memcalc-left");
        return make("div", { className: "memcalc-line" }, whole, ...terms);
      }),
    );
    for (const node of root.querySelectorAll("[data-letter]")) {
      const number = make("span", { className: "memcalc-number" });
      node.lastElementChild.replaceChildren(number);
      const control = scrubbed(node.dataset.letter);
      if (control) scrub(number, control);
    }
  };
  const scrub = (number, control) => {
    number.classList.add("scrub");
    const shown = { role: "slider", tabindex: 0, "aria-label": control.label };
    for (const [name, value] of Object.entries(shown)) number.setAttribute(name, value);
    const move = (by) => {
      const next = stepped(control, does.value(control.name), control.kind === "menu" ? -by : by);
      if (next !== does.value(control.name)) does.send(control.name, next);
    };
    number.onpointerdown = (event) => {
      let rest = 0;
      does.ask(control.name);
      number.focus();
      follow(
        event,
        (dx) => {
          rest += dx;
          for (; Math.abs(rest) >= STEP; rest -= STEP * Math.sign(rest)) move(Math.sign(rest));
        },
        does.commit,
        root,
      );
    };
    number.onkeydown = (event) => {
      const by = UP[event.key];
      if (!by) return;
      event.preventDefault();
      move(by);
      does.commit();
    };
    number.addEventListener("focus", () => does.ask(control.name));
  };
  const put = (number, text, lit) => {
    if (number.textContent === text) return;
    number.textContent = text;
    if (lit && !calm) number.animate(LIGHT, { duration: 900, easing: "ease-out" });
  };
  /** Show the lines of a frame. */
  const show = (frame) => {
    acting = controls.filter(({ name }) => frame.sentence.some(({ control }) => control === name));
    const shape = key([frame.formula, acting.map(({ name }) => name)]);
    const fresh = shape !== written;
    const same = (gone) => root.querySelector(`[data-letter="${gone.closest("[data-letter]")?.dataset.letter}"] .scrub`);
    if (fresh) keepFocus(root, () => build(frame.formula, frame.numbers), same);
    written = shape;
    letters = frame.letters;
    [...root.children].forEach((row, at) => {
      const numbers = frame.numbers[at];
      for (const node of row.querySelectorAll("[data-letter]")) {
        put(node.lastElementChild.firstElementChild, numbers[node.dataset.letter], !fresh);
      }
      for (const brace of row.querySelectorAll(".memcalc-brace")) brace.textContent = numbers[`=${brace.parentElement.dataset.of}`];
    });
    for (const number of root.querySelectorAll(".scrub")) {
      const control = scrubbed(number.closest("[data-letter]").dataset.letter);
      stand(number, standing(control, does.value(control.name), does.written));
    }
    light(lit);
  };
  /** Light up letters, and say what the first of them means. */
  const light = (names) => {
    lit = names;
    const nodes = [...root.querySelectorAll("[data-letter]")];
    for (const node of nodes) node.classList.toggle("hot", names.includes(node.dataset.letter));
    const told = nodes.find(({ dataset: { letter } }) => letter === names.find((name) => letters[name]));
    if (told) meaning.replaceChildren(math(told.firstElementChild.outerHTML), `: ${letters[told.dataset.letter]}`);
    else meaning.textContent = nodes.length ? say("Point at a letter or at a part of the picture. Dotted numbers can be dragged.") : "";
  };
  const point = ({ target }) => {
    const node = target.closest?.("[data-letter]");
    does.light(node ? [node.dataset.letter] : []);
  };
  root.addEventListener("pointerover", point);
  root.addEventListener("focusin", point);
  root.addEventListener("pointerleave", () => does.light([]));
  return { root, meaning, show, light };
}
