// What a learner said, kept in the browser: the record that Python writes, and what was told of each question.

const NAME = "memcalc-progress";

/** Return the record in a storage, which may be missing, full or spoiled: then it is kept for this page alone. */
export function record(storage) {
  let data = read(storage);
  const listeners = [];
  const done = () => parse(data.kept);
  return {
    /** What Python wrote, as text. */
    text: () => (data = read(storage, data)).kept, // another window may have written
    /** What was told of a question. */
    said: (asked) => data.said[named(asked)] ?? {},
    /** The name of the chosen brief; empty if none is. */
    chosen: () => done().choices?.brief?.last ?? "",
    isDone: (kind, number) => Boolean(done()[kind]?.[number]?.done),
    keep: (kept, asked, said) => {
      data = { kept, said: { ...read(storage, data).said, [named(asked)]: said } };
      write(storage, data);
      listeners.forEach((listener) => listener());
    },
    forget: () => {
      data = { kept: "", said: {} };
      write(storage, data);
      listeners.forEach((listener) => listener());
    },
    listen: (listener) => listeners.push(listener),
  };
}

const named = ({ about, number, name = "", lesson }) => `${about} ${number ?? `${name}.${lesson}`}`;

function read(storage, otherwise = { kept: "", said: {} }) {
  try {
    const { kept, said } = JSON.parse(storage.getItem(NAME));
    if (typeof kept === "string" && typeof said === "object" && said) return { kept, said };
  } catch {
    // nothing was kept, or nothing that can be read
  }
  return otherwise;
}

function write(storage, data) {
  try {
    storage.setItem(NAME, JSON.stringify(data));
  } catch {
    // the storage is full, or closed to this page
  }
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
