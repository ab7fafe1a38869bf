// A page without a kernel: what it fetches, and what it shows where there is no answer.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = { querySelectorAll: () => [] }; // a page without explorers
const { modelOf } = await import("../../memcalc/explorers/page/host.js");

const START = { context: 1, batch: 1 };
const FILES = {
  600: { base: { size: [600, 10], said: ["one"] }, sets: ["context"] },
  "600-context": [{ state: { context: 2 }, said: ["two"] }],
  360: { base: { size: [360, 10], said: ["one"] }, sets: ["context"] },
  "360-context": [{ state: { context: 2 }, said: ["two, narrow"] }],
};

/** Return a page's model, what it fetches, and a promise of its next frame. */
async function page(python) {
  const fetched = [];
  const model = modelOf({ subject: "fit", stage: {}, start: START, closed: false }, async (name) => (fetched.push(name), FILES[name]), python);
  await model.lay(600);
  const next = () => new Promise((done) => model.on("change:frame", () => done(model.get("frame"))));
  return { model, fetched, next };
}

test("a set of frames is fetched when a state of it is wanted, and once", async () => {
  const { model, fetched, next } = await page();
  assert.deepEqual(fetched, [600]);
  for (const context of [2, 1, 2]) {
    const shown = next();
    model.set("state", { ...START, context });
    await shown;
  }
  assert.deepEqual(model.get("frame").said, ["two"]);
  assert.deepEqual(fetched, [600, "600-context"]);
});

test("a hand that comes near fetches what its control can show", async () => {
  const { model, fetched } = await page();
  const told = [];
  model.on("msg:custom", (frame) => told.push(frame.state.context));
  await model.send({ ahead: "context" });
  await model.send({ ahead: "batch" });
  assert.deepEqual(told, [2]);
  assert.deepEqual(fetched, [600, "600-context"]);
});

test("hints that take long come from Python when they are asked for, and stay with their frame", async () => {
  const asked = [];
  const { model } = await page(async (question) => (asked.push(question), { state: question.state, hints: ["one"] }));
  const told = [];
  model.on("msg:custom", (frame) => told.push(frame));
  await model.send({ hints: { ...START, batch: 2 } });
  assert.deepEqual(asked, [{ subject: "fit", start: START, state: { ...START, batch: 2 }, width: 600, hints: true }]);
  assert.deepEqual(told, [{ state: { ...START, batch: 2 }, size: [600, 10], hints: ["one"] }]);
});

test("what makes no sense leaves the last that did, in another layout too", async () => {
  const { model, next } = await page(async ({ state }) => ({ state, problem: "That makes no sense." }));
  let shown = next();
  model.set("state", { ...START, context: 2 });
  await shown;
  shown = next();
  model.set("state", { context: 2, batch: 0 });
  assert.deepEqual([(await shown).said, (await shown).problem], [["two"], "That makes no sense."]);
  shown = next();
  model.set("width", 360);
  assert.deepEqual([(await shown).said, (await shown).size], [["two, narrow"], [360, 10]]);
});

test("without Python, a page says what it does not know", async () => {
  const { model, next } = await page();
  const shown = next();
  model.set("state", { ...START, batch: 7 });
  assert.equal((await shown).problem, "This page has no picture of that: it was not made beforehand.");
});

test("a set that came too late for its layout is fetched again when the layout is back", async () => {
  let arrive;
  const slow = new Promise((done) => (arrive = done));
  const fetched = async (name) => (name === "600-context" ? slow.then(() => FILES[name]) : FILES[name]);
  const model = modelOf({ subject: "fit", stage: {}, start: START, closed: false }, fetched);
  await model.lay(600);
  const late = model.send({ ahead: "context" });
  await model.lay(360);
  arrive();
  await late;
  await model.lay(600);
  const told = [];
  model.on("msg:custom", (frame) => told.push(frame.said[0]));
  await model.send({ ahead: "context" });
  assert.deepEqual(told, ["two"]);
});

test("a page that is made narrow and wide again at once keeps its wide layout", async () => {
  const { model } = await page();
  const laid = [360, 600].map((width) => new Promise((done) => (model.on("change:base", done), model.set("width", width))));
  await Promise.all(laid);
  assert.deepEqual([model.get("width"), model.get("base").size[0]], [600, 600]);
});
