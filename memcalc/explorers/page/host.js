// A page without a kernel: an explorer with frames made beforehand, and the same Python in a worker for all others.

import explorer, { layoutFor } from "./explorer.js";

const workers = new Map(); // address → what asks it: all of a page share one

/** Return what asks the worker of an address, which starts when it is first asked; undefined where the page has none.
 *
 * While it starts, the document hears of it: "memcalc-python" with the step, of how many, and what is loaded. */
export function pythonIn(address) {
  if (!address) return undefined;
  if (!workers.has(address)) workers.set(address, asking(address));
  return workers.get(address);
}

function asking(address) {
  let worker;
  let count = 0;
  const waiting = new Map();
  const heard = ({ data }) => {
    if (data.id === undefined) return void document.dispatchEvent(new CustomEvent("memcalc-python", { detail: data }));
    waiting.get(data.id)(JSON.parse(data.text));
    waiting.delete(data.id);
  };
  return (question) => {
    worker ??= Object.assign(new Worker(address, { type: "module" }), { onmessage: heard });
    const id = (count += 1);
    worker.postMessage({ id, ...question });
    return new Promise((answer) => waiting.set(id, answer));
  };
}

/** Return what the page's side of an explorer takes for a widget's model.
 *
 * `fetched` gives the data of a name: of a layout, its first frame and which sets of frames there are, named by the
 * controls that differ; or the frames of a set. `python`, if there is one, answers what was not made beforehand. */
export function modelOf({ subject, stage, start, closed }, fetched, python) {
  const listeners = new Map();
  const made = new Map(); // state and width → frame
  const coming = new Map(); // set and width → the promise of its frames
  const place = (state) => JSON.stringify([state, laid]);
  const differing = (state) => Object.keys(state).filter((name) => JSON.stringify(state[name]) !== JSON.stringify(start[name]));
  const values = { stage, start, state: start, width: 0, closed, guess: null, guess_unit: "", remarks: null };
  const tell = (event, ...news) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...news));
  let laid = 0; // the width of the layout that is here; the one that is wanted may be on its way
  let sets = [];
  let sound = start; // the last state that made sense
  const keep = (frame) => {
    const whole = { size: values.base.size, ...frame, state: { ...start, ...frame.state } };
    made.set(place(whole.state), whole);
    return whole;
  };
  const lay = async (width) => {
    values.width = width;
    const data = await fetched(width);
    if (values.width !== width) return; // another is under way
    [laid, sets, values.base] = [width, data.sets, data.base];
    values.frame = keep({ state: start });
  };
  /** Return the frames that differ from the first in these controls alone; none if they were not made. */
  const set = (names) => {
    const [name, width] = [names.toSorted().join("+"), laid];
    if (!sets.includes(name)) return [];
    const address = `${width}-${name}`;
    const arrived = (frames) => {
      if (width === laid) return frames.map(keep);
      coming.delete(address); // the layout is another by now
      return [];
    };
    if (!coming.has(address)) coming.set(address, fetched(address).then(arrived));
    return coming.get(address);
  };
  const frameOf = async (state) => {
    if (!made.has(place(state))) await set(differing(state));
    const unknown = { state, problem: "This page has no picture of that: it was not made beforehand." };
    return made.get(place(state)) ?? (await python?.({ subject, start, state, width: laid })) ?? unknown;
  };
  const refresh = async () => {
    const [state, width] = [values.state, laid];
    let frame = await frameOf(state);
    if (frame.problem) frame = { ...(await frameOf(sound)), ...frame };
    if (JSON.stringify(state) !== JSON.stringify(values.state) || width !== laid) return;
    if (!frame.problem) sound = keep(frame).state;
    values.frame = frame;
    tell("change:frame");
  };
  return {
    lay,
    get: (name) => values[name],
    set: (name, value) => {
      if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
      if (name === "width") return void lay(value).then(() => (tell("change:base"), refresh()));
      values[name] = value;
      tell(`change:${name}`);
      if (name === "state") refresh();
    },
    save_changes: () => {},
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== listener)),
    send: async ({ ahead, hints }) => {
      const asked = hints && (await python?.({ subject, start, state: hints, width: laid, hints: true }));
      if (asked && !asked.problem) tell("msg:custom", keep(asked));
      if (hints) return;
      python?.({ warm: true });
      for (const frame of await set([...new Set([...differing(values.state), ahead])])) tell("msg:custom", frame);
    },
  };
}

/** Show the explorer of an element, which names its folder and, if there is one, the worker. */
export async function show(el) {
  const { subject, folder = ".", worker, closed } = el.dataset;
  const json = async (name) => (await fetch(`${folder}/${subject}/${name}.json`)).json();
  const { stage, start } = await json("stage");
  const model = modelOf({ subject, stage, start, closed: closed !== undefined }, json, pythonIn(worker));
  await model.lay(layoutFor(stage.layouts, el.clientWidth));
  el.model = model; // a script of the page can set its state
  explorer().render({ model, el });
}

for (const el of document.querySelectorAll("[data-subject]:not([data-later])")) show(el);
