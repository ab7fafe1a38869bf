// The controls in their sentence, and the sliders below the picture.

import { controlled } from "./controls.js";
import { keepFocus, key, make, sentence } from "./dom.js";

/** Return both, and how they follow the frames; a hand or a focus that comes near asks for what will move. */
export function settings(listed, prefix, does) {
  const asking = make("p", { className: "memcalc-sentence" });
  const sliders = make("div", { className: "memcalc-sliders" });
  const near = (part, name) => ["pointerenter", "focusin"].forEach((sign) => part.addEventListener(sign, () => does.ask(name)));
  const made = new Map(
    listed.map((data) => {
      const { name } = data;
      const choose = (value) => does.go({ [name]: value });
      const one = controlled(data, `${prefix}set-${name}`, { send: (value) => does.send(name, value), commit: does.commit, choose });
      if (data.grid?.length || data.kind === "menu") [one.inline, one.row].filter(Boolean).forEach((part) => near(part, name));
      return [name, one];
    }),
  );
  let asked = "";
  const ask = (pieces) => {
    if (key(pieces) === asked) return;
    asked = key(pieces);
    keepFocus(asking, () => asking.replaceChildren(...sentence(pieces, (name) => made.get(name).inline)));
    const named = pieces.map(({ control }) => control).filter(Boolean);
    keepFocus(sliders, () => sliders.replaceChildren(...named.flatMap((name) => made.get(name).row ?? [])));
  };
  const follow = (state) => made.forEach((one, name) => one.show(state[name]));
  const show = (frame, state) => {
    ask(frame.sentence);
    made.forEach((one, name) => one.limit?.(frame.highest[name]));
    follow(state);
  };
  return { asking, sliders, follow, show };
}
