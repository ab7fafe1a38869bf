// A guess before anything is shown: typed with its unit, or left open; then the answer stands beside it.

import { button, make, say, sentence } from "../../explorers/page/dom.js";
import { follow, live, opened, place, sending } from "./card.js";

function render({ model, el }) {
  const { asks, units, unit, ...more } = model.get("question");
  const leave = place(el, more);
  const field = make("input", { type: "text", inputMode: "decimal", size: 8, autocomplete: "off", spellcheck: false });
  const label = make("label", {}, say("Your guess: "), field);
  const menu = make("select", { "aria-label": say("unit of your guess") }, ...units.map((one) => make("option", { value: one }, one)));
  menu.value = unit;
  const open = make("button", { className: "memcalc-main" }, say("Open it"));
  const skip = button(say("just show me"), () => model.send({ skip: true }));
  const form = make("form", { className: "memcalc-answering" }, label, menu, open, skip);
  const again = button(say("guess again"), () => model.send({ again: true }), { className: "memcalc-again" });
  const status = live();
  sending(form, field, () => model.send({ guess: field.value, unit: menu.value }));
  field.oninput = () => {
    if (field.getAttribute("aria-invalid") === "true") status.replaceChildren(); // it was about what stood there
    field.setAttribute("aria-invalid", false);
  };
  const show = () => {
    const told = model.get("told");
    const isOpen = told.head !== undefined;
    const held = el.contains(document.activeElement);
    form.hidden = isOpen;
    again.hidden = !isOpen;
    field.setAttribute("aria-invalid", told.problem !== undefined);
    status.replaceChildren(...(isOpen ? [opened(told)] : told.problem ? [make("p", {}, told.problem)] : []));
    if (held) (isOpen ? status : field).focus({ preventScroll: true });
  };
  const leaveModel = follow(model, { "change:told": show });
  el.append(make("p", { className: "memcalc-asks" }, ...sentence(asks)), form, status, again);
  show();
  return () => [leaveModel, leave].forEach((end) => end());
}

export default { render };
