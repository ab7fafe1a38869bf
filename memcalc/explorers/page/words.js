// The words of an explorer: what it asks and says, the small text at what is pointed at, and the line of Python.

import { button, keepFocus, key, make, say, sentence } from "./dom.js";

/** Return the words around a picture; `made` has the controls, by their names. */
export function worded(svg, made) {
  const asking = make("p", { className: "memcalc-sentence" });
  const said = make("p", { className: "memcalc-said", role: "status" });
  const notes = make("p", { className: "memcalc-notes" });
  const sliders = make("div", { className: "memcalc-sliders" });
  let asked = "";
  /** Ask with the controls in the sentence; the sliders of those that have one stand below the picture. */
  const ask = (pieces) => {
    if (key(pieces) === asked) return;
    asked = key(pieces);
    keepFocus(asking, () => asking.replaceChildren(...sentence(pieces, (name) => made.get(name).inline)));
    const named = pieces.map(({ control }) => control).filter(Boolean);
    keepFocus(sliders, () => sliders.replaceChildren(...named.flatMap((name) => made.get(name).row ?? [])));
  };
  /** Say what a frame says, or only ask where a guess is due. */
  const tell = (frame, open) => {
    const over = Object.values(frame.shapes).some(({ look = "" }) => look.split(" ").includes("over"));
    said.classList.toggle("memcalc-over", open && over);
    const words = sentence(open ? frame.said : [frame.guess.asks]);
    said.replaceChildren(...(frame.problem ? [say("{problem} What is shown is the last that made sense.", frame)] : words));
    notes.replaceChildren(...(open ? frame.notes.flatMap((note) => [...sentence(note), " "]) : []));
    svg.setAttribute("aria-label", open ? frame.alt : frame.guess.asks);
  };
  /** Let who hears the page begin with what is said. */
  const focus = () => {
    said.tabIndex = -1;
    said.focus({ preventScroll: true });
  };
  return { asking, said, notes, sliders, ask, tell, focus };
}

/** Return the line of Python that gives the same result, and a button that copies it. */
export function python() {
  const code = make("pre", { tabIndex: 0, role: "group", "aria-label": "Python" });
  const copy = button(say("Copy"), async () => {
    getSelection().selectAllChildren(code); // enough where a page may not write to the clipboard
    const written = navigator.clipboard?.writeText(code.textContent) ?? Promise.reject();
    copy.textContent = await written.then(
      () => say("Copied"),
      () => say("Selected"),
    );
  });
  const fold = make("details", { className: "memcalc-python" }, make("summary", {}, say("The same in Python")), code, copy);
  const show = (text) => {
    code.textContent = text;
    copy.textContent = say("Copy");
  };
  return { fold, show };
}

/** Return a small text that follows what is pointed at. */
export function tip(root) {
  const box = make("div", { className: "memcalc-tip", hidden: true });
  const show = (text, event) => {
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    const around = root.getBoundingClientRect();
    const { left, width, top } = event.target.getBoundingClientRect();
    const x = (event.clientX || left + width / 2) - around.left;
    box.style.left = `${Math.max(0, Math.min(x + 12, around.width - box.offsetWidth - 4))}px`;
    box.style.top = `${(event.clientY || top) - around.top - box.offsetHeight - 10}px`;
  };
  return { box, show };
}
