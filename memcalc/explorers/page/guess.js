// A guess in the picture: a line is dragged to where the answer is expected, or the number is typed; then it opens.

import { button, key, make, say, sentence, stand, write } from "./dom.js";
import { UP, follow, placeOf, valueAt } from "./hands.js";

/** Return by how much a guess is off, in words; the page only divides. */
export function factor(guess, truth) {
  if (guess === truth) return say("exactly right");
  const [more, less] = [Math.max(guess, truth), Math.min(guess, truth)];
  const times = less ? more / less : Infinity;
  if (times < 1.05) return say("within a twentieth of it");
  if (!Number.isFinite(times)) return guess > truth ? say("too much") : say("too little");
  const fields = { times: times >= 10 ? Math.round(times) : Number(times.toFixed(1)) };
  return guess > truth ? say("{times} times too much", fields) : say("{times} times too little", fields);
}

const CLOSE = 24; // px: what stands at the answer would be hidden by the words of the line

/** Return whether the line of a guess lies at the answer, where the picture has words of its own. */
export function met({ handle, truth }, guessed) {
  return handle.axis === "y" && Math.abs(placeOf(handle, guessed) - placeOf(handle, truth)) < CLOSE;
}

/** Return the asking of a guess.
 *
 * `open` is called with it, or with null for "just show me", and `close` to be asked again. What is said of it goes into
 * `said`: the remarks of who listens, or else how far it is off. */
export function guessing(svg, picture, { open, close, said }) {
  const field = make("input", { type: "text", inputMode: "decimal", size: 6 });
  const label = make("label", {}, say("Your guess: "), field);
  const unit = make("span");
  const pour = button(say("Open it"), () => done(value), { className: "memcalc-main" });
  const again = button(say("guess again"), () => (put(null), close()), { className: "memcalc-again" });
  const skip = button(say("just show me"), () => done(null), { className: "memcalc-quiet" });
  const root = make("div", { className: "memcalc-guess" }, label, unit, pour, skip);
  let value = null;
  let asked = null;
  let about = null; // the question that was answered
  const done = (guess) => {
    root.hidden = true;
    about = asked;
    open(guess);
  };
  const written = (number) => write(Number(number.toPrecision(3)));
  const put = (number, typed = false) => {
    value = number === null || Number.isNaN(number) ? null : Math.min(asked.high, Math.max(asked.low, number));
    pour.disabled = !value; // nothing is no guess
    if (!typed) field.value = value === null ? "" : written(value);
    move();
  };
  /** Put the line of the guess where it is. */
  const move = () => {
    const line = picture.element("guess");
    if (!line || !asked) return;
    const start = (asked.low + asked.high) / 4;
    const place = placeOf(asked.handle, value ?? start);
    line.setAttribute("transform", asked.handle.axis === "x" ? `translate(${place} 0)` : `translate(0 ${place})`);
    for (const [name, text] of Object.entries({ role: "slider", tabindex: 0, "aria-label": asked.asks })) line.setAttribute(name, text);
    const now = { now: value ?? start, min: asked.low, max: asked.high, text: value === null ? say("no guess yet") : `${written(value)} ${asked.unit}` };
    stand(line, now);
    const words = picture.element("guess_words");
    if (words && value === null) words.textContent = say("drag me to your guess");
    else if (words) words.textContent = root.hidden ? say("your guess") : say("your guess: {amount}", { amount: `${written(value)} ${asked.unit}` }); // a sentence says it then
  };
  field.oninput = () => put(field.value.trim() === "" ? null : Number(field.value.replaceAll(",", "")), true);
  field.onkeydown = (event) => {
    if (event.key === "Enter" && value) done(value);
  };
  const start = () => value ?? (asked.low + asked.high) / 4;
  svg.addEventListener("pointerdown", (event) => {
    if (!asked || root.hidden || !event.target.closest?.("[data-name^=guess]")) return;
    const scale = () => svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    picture.element("guess").focus({ preventScroll: true });
    follow(
      event,
      (dx, dy) => put(valueAt(asked.handle, placeOf(asked.handle, start()) + scale() * (asked.handle.axis === "x" ? dx : dy))),
      () => {},
    );
  });
  svg.addEventListener("keydown", (event) => {
    const by = UP[event.key];
    if (!asked || root.hidden || !by || event.target !== picture.element("guess")) return;
    event.preventDefault();
    put(start() + (by * (asked.high - asked.low)) / 100);
  });
  let told = "";
  /** Say paragraphs; what is said already is not said anew to who listens. */
  const tell = (paragraphs, ...more) => {
    if (key(paragraphs) === told) return;
    told = key(paragraphs);
    said.replaceChildren(...paragraphs.map((words) => make("p", {}, ...sentence(words))), ...more);
  };
  /** Return what is said of a guess: the remarks of who listens, or the page's own comparison. */
  const words = (guess, made, kept, remarks) => {
    if (remarks) return remarks;
    if (!kept) return [];
    const [guessed, right] = [made, guess.truth].map((amount) => `${written(amount)} ${guess.unit}`);
    return [[say("You guessed {guessed}; it is {right}: {verdict}.", { guessed, right, verdict: factor(made, guess.truth) })]];
  };
  /** Ask, or show what was guessed beside the answer; `first` is the question of the first state. */
  const show = (guess, isOpen, made, first, remarks) => {
    asked = guess;
    root.hidden = isOpen || !guess;
    if (!guess) return tell([]);
    field.setAttribute("aria-label", `${guess.asks} [${guess.unit}]`);
    unit.textContent = guess.unit;
    pour.disabled = !value;
    if (isOpen) [value, about] = [made, about ?? first];
    move();
    const kept = isOpen && made !== null && about?.asks === guess.asks;
    const stands = !isOpen || (kept && guess.stays);
    for (const [name, seen] of [["guess", stands], ["guess_words", stands && !(isOpen && met(guess, made))]]) {
      const shape = picture.element(name);
      if (shape) shape.style.display = seen ? "" : "none";
    }
    const same = isOpen && about?.truth === guess.truth; // else it was about something else
    tell(same ? words(guess, made, kept, remarks) : [], ...(same && remarks?.length ? [again] : []));
  };
  return { root, show, focus: () => field.focus({ preventScroll: true }) };
}
