// A page without a kernel: an explorer with frames made beforehand, and the same Python in a worker for all others.

import explorer, { layoutFor } from "./explorer.js";

/** Return the worker that computes frames, started when it is first needed; undefined where the page has none. */
function pythonIn(address) {
  if (!address) return undefined;
  let worker;
  const waiting = new Map();
  return (question) => {
    worker ??= Object.assign(new Worker(address, { type: "module" }), {
      onmessage: ({ data }) => (waiting.get(data.id)?.(JSON.parse(data.text)), waiting.delete(data.id)),
    });
    const id = crypto.randomUUID();
    worker.postMessage({ id, ...question });
    return new Promise((answer) => waiting.set(id, answer));
  };
}

/** Return what the page's side of an explorer takes for a widget's model. */
export function modelOf({ subject, stage, start, closed }, fetched, python) {
  const listeners = new Map();
  const made = new Map(); // state and width → frame
  const place = (state) => JSON.stringify([state, values.width]);
  const values = { stage, start, state: start, width: 0, closed, guess: null, guess_unit: "" };
  const tell = (event, ...news) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...news));
  let wanted = 0;
  const lay = async (width) => {
    wanted = width;
    const { base, frames } = await fetched(width);
    if (wanted !== width) return; // another is under way
    Object.assign(values, { base, width });
    for (const frame of frames) {
      const state = { ...start, ...frame.state };
      made.set(place(state), { size: base.size, ...frame, state });
    }
    made.set(place(start), { state: start, size: base.size });
    values.frame = made.get(place(values.state)) ?? values.frame ?? { state: start, size: base.size };
  };
  const refresh = async () => {
    const { state, width } = values;
    const frame = made.get(place(state)) ?? (await python?.({ subject, start, state, width }));
    if (JSON.stringify(state) !== JSON.stringify(values.state) || width !== values.width) return;
    const unknown = "This page has no picture of that: it was not made beforehand.";
    const problem = frame ? frame.problem : unknown;
    values.frame = problem ? { ...values.frame, state, problem } : frame;
    if (frame) made.set(place(state), values.frame);
    tell("change:frame");
  };
  return {
    lay,
    get: (name) => values[name],
    set: (name, value) => {
      if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
      if (name === "width") return void lay(value).then(() => (tell("change:base"), refresh())); // it holds once it is there
      values[name] = value;
      tell(`change:${name}`);
      if (name === "state") refresh();
    },
    save_changes: () => {},
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== listener)),
    send: () => {
      for (const frame of made.values()) tell("msg:custom", frame);
      python?.({ warm: true });
    },
  };
}

/** Show the explorer of an element, which names its folder and, if there is one, the worker. */
export async function show(el) {
  const { subject, folder = ".", worker, closed } = el.dataset;
  const json = async (name) => (await fetch(`${folder}/${subject}-${name}.json`)).json();
  const { stage, start } = await json("stage");
  const model = modelOf({ subject, stage, start, closed: closed !== undefined }, json, pythonIn(worker));
  await model.lay(layoutFor(stage.layouts, el.clientWidth));
  el.model = model; // a script of the page can set its state
  explorer().render({ model, el });
}

for (const el of document.querySelectorAll("[data-subject]")) show(el);
