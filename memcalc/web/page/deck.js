// A deck of slides: reveal.js turns them, what a lesson shows is live, and a window of its own has the notes.

import Reveal from "./reveal.esm.js";
import { begin } from "./lesson.js";

const FORGETFUL = { getItem: () => null, setItem: () => {} }; // each class is asked anew
const NOTES = "?notes"; // of the address: the window of who speaks
const KEYS = { S: 83 };

/** Make each section of a document a slide, with its place and the title of all at the foot. */
function slides(root) {
  const title = root.querySelector("h1").firstChild.textContent;
  const sections = [...root.querySelectorAll("section > section")];
  for (const link of root.querySelectorAll(".headerlink")) link.remove();
  for (const section of sections) section.dataset.footer = title;
  root.replaceChildren(...sections);
}

/** Have two windows of a deck stand at the same slide. */
function together(deck) {
  const channel = new BroadcastChannel(`memcalc-deck ${location.pathname}`);
  let heard; // the slide of the other window, which needs no answer
  channel.onmessage = ({ data }) => deck.slide((heard = data));
  deck.on("slidechanged", ({ indexh }) => {
    if (indexh !== heard) channel.postMessage(indexh);
    heard = undefined;
  });
}

/** Count the minutes of this talk, and say when the slide should be over. */
function clock(deck) {
  const line = Object.assign(document.createElement("p"), { className: "memcalc-clock" });
  const begun = Date.now();
  const planned = (slide) => Number(slide.querySelector(".notes").dataset.minutes);
  const write = () => {
    const before = deck.getSlides().slice(0, deck.getIndices().h + 1);
    const until = before.reduce((sum, slide) => sum + planned(slide), 0);
    line.textContent = `minute ${Math.floor((Date.now() - begun) / 60_000)} · this slide until ${until}`;
  };
  setInterval(write, 1000);
  deck.on("slidechanged", write);
  document.body.append(line);
  write();
}

slides(document.querySelector(".slides"));
const speaks = location.search === NOTES;
const deck = new Reveal({
  width: 1280,
  height: 720,
  margin: 0,
  center: false,
  controls: false,
  hash: !speaks, // one window keeps the place
  slideNumber: "c/t",
  transition: "none",
  showNotes: speaks,
  keyboardCondition: ({ target, key }) => /^Page|^F\d/.test(key) || !target.closest(".memcalc"), // its arrows are its own
  keyboard: { [KEYS.S]: () => open(`${location.pathname}${NOTES}${location.hash}`, "notes", "width=1280,height=720") },
});
await deck.initialize();
begin(document, FORGETFUL);
together(deck);
if (speaks) clock(deck);
