// An exercise: its question, a field for the answer, what is said of it, a hint and a solution that open on demand.

import { make, sentence } from "../../explorers/page/dom.js";
import { card, follow, live, place, sending } from "./card.js";

/** Return words that are folded away; none if there are none. */
function folded(title, ...inside) {
  if (!inside.length) return [];
  return [make("details", {}, make("summary", {}, title), ...inside)];
}

const words = (pieces) => (pieces.length ? [make("p", {}, ...sentence(pieces))] : []);

function render({ model, el }) {
  const { name, asks, wanted, unit, hint, solution, because, colours } = model.get("question");
  const leave = place(el, name, colours);
  const field = make("input", { type: "text", autocomplete: "off", spellcheck: false, placeholder: wanted, "aria-label": `your answer: ${wanted}` });
  const check = make("button", { className: "memcalc-main" }, "Check");
  const form = make("form", { className: "memcalc-answering memcalc-wide" }, field, ...(unit ? [make("span", {}, unit)] : []), check);
  const code = solution ? [make("pre", { tabIndex: 0, role: "group", "aria-label": "solution" }, solution)] : [];
  const folds = [...folded("Hint", ...words(hint)), ...folded("Solution", ...code, ...words(because))];
  const status = live();
  sending(form, field, () => model.send({ answer: field.value }));
  const show = () => {
    const told = model.get("told");
    field.setAttribute("aria-invalid", told.kind === "unread");
    status.replaceChildren(...(told.problem ? [make("p", {}, told.problem)] : told.kind ? [card(told)] : []));
  };
  const write = () => {
    if (document.activeElement !== field) field.value = model.get("answer");
  };
  const leaveModel = follow(model, { "change:told": show, "change:answer": write });
  el.append(...words(asks), form, status, make("div", { className: "memcalc-folds" }, ...folds));
  el.firstElementChild.classList.toggle("memcalc-asks", asks.length > 0);
  write();
  show();
  return () => [leaveModel, leave].forEach((end) => end());
}

export default { render };
