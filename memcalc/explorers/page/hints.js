// The words behind a button: what would help, a line more with each press.

import { button, key, make, say, sentence } from "./dom.js";

/** Return the button, its list, and how both follow the frames; `ask` asks for the hints of a state that came without. */
export function hinting(ask) {
  const list = make("ul", { className: "memcalc-hints" });
  const press = () => {
    if (unasked && shown) return; // they are on their way
    shown += 1;
    if (unasked) ask();
    write();
  };
  const more = button(say("Hint"), press, { className: "memcalc-hint" });
  let [lines, shown, unasked, place] = [[], 0, false, ""];
  const write = () => {
    list.replaceChildren(...lines.slice(0, shown).map((line) => make("li", {}, ...sentence(line))));
    more.hidden = !unasked && shown >= lines.length;
    more.textContent = lines.length && shown ? say("Another hint") : say("Hint");
  };
  const show = (frame) => {
    const [same, later] = [key(frame.state) === place, Boolean(frame.unasked && !frame.problem)];
    if (later ? same : !unasked && key(frame.hints) === key(lines)) return;
    if (!same || !unasked) shown = 0;
    [lines, unasked, place] = [frame.hints, later, key(frame.state)];
    write();
  };
  write();
  return { list, more, show };
}
