// What stands around the picture in words: the result and its notes, the line of Python, what is pointed at, and waiting.

import { button, make, say, sentence } from "./dom.js";

/** Return the result and its notes, and the picture in words; before a guess they only ask. */
export function telling(svg) {
  const said = make("p", { className: "memcalc-said", role: "status" });
  const notes = make("p", { className: "memcalc-notes" });
  const show = (frame, open) => {
    const over = Object.values(frame.shapes).some(({ look = "" }) => look.split(" ").includes("over"));
    const words = open ? frame.said : [frame.guess.asks];
    said.classList.toggle("memcalc-over", open && over);
    said.replaceChildren(...(frame.problem ? [say("{problem} What is shown is the last that made sense.", frame)] : sentence(words)));
    notes.replaceChildren(...(open ? frame.notes.flatMap((note) => [...sentence(note), " "]) : []));
    svg.setAttribute("aria-label", open ? frame.alt : frame.guess.asks);
  };
  const focus = () => {
    said.tabIndex = -1;
    said.focus({ preventScroll: true });
  };
  return { said, notes, show, focus };
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

/** Return what says of an element whether it waits for Python. */
export function waiting(el) {
  let patience = 0;
  return (busy) => {
    el.setAttribute("aria-busy", busy);
    clearTimeout(patience);
    if (!busy) el.classList.remove("memcalc-waiting");
    else patience = setTimeout(() => el.classList.add("memcalc-waiting"), 500); // only where Python lets one wait
  };
}
