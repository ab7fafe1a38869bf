// The choice of a person whose questions run through all lessons.

import { button, make } from "../../explorers/page/dom.js";
import { follow, live, place } from "./card.js";

function render({ model, el }) {
  const { asks, briefs, ...more } = model.get("question");
  const leave = place(el, more);
  const choices = briefs.map(({ brief, title, who }) => {
    const chosen = button("", () => model.send({ choose: brief }), { className: "memcalc-choice" });
    chosen.append(make("strong", {}, title), make("span", {}, who));
    return [brief, chosen];
  });
  const status = live();
  const show = () => {
    const told = model.get("told");
    for (const [brief, choice] of choices) choice.setAttribute("aria-pressed", brief === told.chosen);
    status.replaceChildren(...[told.problem, told.said, told.note?.[0]].filter(Boolean).map((line) => make("p", {}, line)));
  };
  const leaveModel = follow(model, { "change:told": show });
  const group = make("div", { className: "memcalc-choices", role: "group", "aria-label": asks[0] }, ...choices.map(([, one]) => one));
  el.append(make("p", { className: "memcalc-asks" }, ...asks), group, status);
  show();
  return () => [leaveModel, leave].forEach((end) => end());
}

export default { render };
