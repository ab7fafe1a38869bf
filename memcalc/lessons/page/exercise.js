// An exercise: its question, a field for the answer, what is said of it, a hint and a solution that open on demand.

import { button, make, say, sentence } from "../../explorers/page/dom.js";
import { card, follow, live, place, sending } from "./card.js";

/** Return words that are folded away; none if there are none. */
function folded(title, ...inside) {
  if (!inside.length) return [];
  return [make("details", {}, make("summary", {}, title), ...inside)];
}

const words = (pieces) => (pieces.length ? [make("p", {}, ...sentence(pieces))] : []);

function render({ model, el }) {
  const { says, asks, wanted, unit, hint, solution, because, title, also = [], ...more } = model.get("question");
  const leave = place(el, more);
  const field = make("input", { type: "text", autocomplete: "off", spellcheck: false, placeholder: wanted, "aria-label": say("your answer: {wanted}", { wanted }) });
  const check = make("button", { className: "memcalc-main" }, say("Check"));
  const form = make("form", { className: "memcalc-answering memcalc-wide" }, field, ...(unit ? [make("span", {}, unit)] : []), check);
  const code = solution ? [make("pre", { tabIndex: 0, role: "group", "aria-label": say("solution") }, solution)] : [];
  const folds = [...folded(say("Hint"), ...words(hint)), ...folded(say("Solution"), ...code, ...words(because))];
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
  const others = also.map(([message, text]) => button(text, () => model.send({ [message]: true }), { className: "memcalc-also" }));
  const above = title ? [make("p", { className: "memcalc-title" }, title)] : [];
  const asking = asks.length ? [make("p", { className: "memcalc-asks" }, ...sentence(asks))] : [];
  el.append(...above, ...words(says), ...asking, form, status, make("div", { className: "memcalc-folds" }, ...folds, ...others));
  write();
  show();
  return () => [leaveModel, leave].forEach((end) => end());
}

export default { render };
