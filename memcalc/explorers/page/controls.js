// The controls: the browser's own elements, in the sentence and below the picture.

import { button, make, read, say, write } from "./dom.js";
import { picker } from "./pickers.js";

/** A number: a field in the sentence, and a slider below the picture. */
function number({ label, unit, low, high, grid, letters, plays }, id, { send, commit, choose }) {
  const steps = grid.length > 0; // else every whole number
  const onGrid = (value) => Math.max(0, grid.findLastIndex((mark) => mark <= value));
  const thumb = (value) => (steps ? onGrid(value) + (grid.includes(value) ? 0 : 0.5) : value); // or between two marks
  const [min, max] = steps ? [0, grid.length - 1] : [low, high];
  const name = letters.length ? `${letters[0]}: ${label}` : label;
  const range = make("input", { type: "range", id, min, max, step: steps ? 0.5 : 1, "aria-label": name });
  const field = make("input", { type: "text", inputMode: "numeric", "aria-label": say("{name}, exact number", { name }) });
  let here = min;
  range.oninput = () => {
    const there = range.valueAsNumber; // half a step on is the next mark
    send(steps ? grid[there > here ? Math.ceil(there) : Math.floor(there)] : there);
  };
  range.onchange = commit;
  field.onchange = () => choose(read(field.value) ?? field.value);
  field.onkeydown = (event) => {
    if (event.key === "Enter") field.onchange();
  };
  const show = (value) => {
    field.value = write(value);
    field.style.width = `${Math.max(2, field.value.length) + 1}ch`;
    if (typeof value !== "number") return;
    range.value = here = thumb(value);
    range.setAttribute("aria-valuetext", `${write(value)} ${unit}`.trim());
  };
  const player = plays ? playing(range, { plays, send: (there) => send(steps ? grid[Math.round(there)] : there), commit }) : undefined;
  const span = (most) => say("{low} to {high}", { low: write(steps ? grid[0] : low), high: `${write(steps ? grid[onGrid(most)] : most)} ${unit}`.trim() });
  const row = make("div", { className: "memcalc-slider" }, player ?? make("label", { for: id }, label), range, make("span", {}, span(high)));
  const limit = (most = high) => {
    range.max = steps ? onGrid(most) : most;
    row.lastElementChild.textContent = span(most);
  };
  return { inline: field, row, show, limit };
}

/** A button that plays a slider's numbers as a film, from where it stands, or from the start if it is at its end. */
function playing(range, { plays, send, commit }) {
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = say("▶ play");
    commit();
  };
  const next = () => {
    const [now, end] = [range.valueAsNumber, Number(range.max)];
    if (now >= end) return stop();
    send(Math.floor(now) + 1);
  };
  const play = button(say("▶ play"), () => {
    if (timer) return stop();
    if (range.valueAsNumber >= Number(range.max)) send(Number(range.min));
    timer = setInterval(next, plays);
    play.textContent = say("❚❚ pause");
  }, { className: "memcalc-main" });
  range.addEventListener("pointerdown", () => timer && stop());
  return play;
}

/** A few words of the reader's own. */
function text({ label, most }, id, { send, commit }) {
  const field = make("input", { type: "text", id, maxLength: most, spellcheck: false, "aria-label": label, className: "memcalc-text" });
  field.oninput = () => send(field.value);
  field.onchange = commit;
  return { inline: field, show: (value) => document.activeElement === field || (field.value = value) };
}

/** A menu of a few words. */
function menu({ label, options, called = options }, id, { choose }) {
  const select = make("select", { id, "aria-label": label }, ...options.map((name, place) => make("option", { value: name }, called[place])));
  select.onchange = () => choose(select.value);
  return { inline: select, show: (value) => (select.value = value) };
}

const KINDS = { number, menu, text, picker };

/** Make a control: its element in the sentence, its slider if it has one, and how it shows a value. */
export const controlled = (data, id, does) => KINDS[data.kind](data, id, does);
