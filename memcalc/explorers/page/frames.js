// The frames of an explorer: each whole again of what it differs in, and those that came before they are needed.

import { key } from "./dom.js";

/** Return an object with some of its parts, and theirs, changed; those that are listed under "" are gone. */
export function changed(base, { "": gone = [], ...changes }) {
  const next = { ...base };
  for (const name of gone) delete next[name];
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value === "object" && !Array.isArray(value) && base[name]) next[name] = changed(base[name], value);
    else next[name] = value;
  }
  return next;
}

/** Return a frame whole, of what it differs in from another. */
export function whole(base, { new: fresh = {}, ...frame }) {
  const next = changed(base, { problem: "", ...frame });
  const names = Object.keys(next.shapes).filter((name) => !(name in fresh));
  for (const [name, below] of Object.entries(fresh)) names.splice(names.indexOf(below) + 1, 0, name);
  return { ...next, shapes: Object.fromEntries(names.map((name) => [name, next.shapes[name]])) };
}

/** Return the frames that were sent before they are needed: a hand or a focus tells what will move. */
export function foresight(model) {
  const frames = new Map();
  const asked = new Set();
  const question = (name, state) => key([name, { ...state, [name]: null }, model.get("width")]);
  return {
    /** Take a frame, or what is to be asked for the rest of them: so the kernel can answer others in between. */
    take: (news) => {
      if (!news.ahead) frames.set(key([news.state, news.size[0]]), news);
      else if (question(news.ahead, news.state) === question(news.ahead, model.get("state"))) model.send(news);
    },
    find: (state) => frames.get(key([state, model.get("width")])),
    forget: () => [frames, asked].forEach((kept) => kept.clear()),
    ask: (name) => {
      const state = model.get("state");
      if (!asked.has(question(name, state))) model.send({ ahead: name, state, from: 0 });
      asked.add(question(name, state));
    },
  };
}
