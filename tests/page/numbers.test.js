// What the page reckons by itself: places on axes, steps of controls, what is typed, how far a guess is off.

import assert from "node:assert/strict";
import { test } from "node:test";

import { nearest, read, sentence, write } from "../../memcalc/explorers/page/dom.js";
import { between, parted, turnOf, way } from "../../memcalc/explorers/page/draw.js";
import { layoutFor } from "../../memcalc/explorers/page/explorer.js";
import { changed, whole } from "../../memcalc/explorers/page/frames.js";
import { factor, met } from "../../memcalc/explorers/page/guess.js";
import { along, allowed, placeOf, stepped, valueAt } from "../../memcalc/explorers/page/hands.js";
import { called, matches } from "../../memcalc/explorers/page/pickers.js";

const CONTEXT = { kind: "number", low: 128, high: 1024, grid: [128, 256, 512, 1024] };
const CARDS = { kind: "number", low: 1, high: 8, grid: [] };
const FORMATS = { kind: "menu", options: ["FP16", "INT8", "INT4"] };

test("numbers are read as people type them", () => {
  const typed = { 32768: 32768, "32,768": 32768, "32K": 32768, "32k": 32768, "1M": 2 ** 20, "1.5K": 1536, " 7 ": 7 };
  for (const [text, number] of Object.entries(typed)) assert.equal(read(text), number);
  for (const text of ["", "K", "32 K tokens", "1,00", "-5", "3e4", "1G"]) assert.equal(read(text), undefined);
});

test("numbers are written with their thousands parted, and words as they are", () => {
  assert.equal(write(1048576), "1,048,576");
  assert.equal(write("FP16"), "FP16");
});

test("a name is found by words in any order", () => {
  assert.ok(matches("Qwen2.5-7B", "qwen 7"));
  assert.ok(matches("Qwen2.5-7B", "7b QWEN"));
  assert.ok(!matches("Qwen2.5-14B", "qwen 7"));
  assert.equal(called('{"model_type": "llama"}'), "your config.json");
});

test("a value has its place on the axis of a handle, and a place its value", () => {
  const linear = { origin: 300, size: -0.5 };
  const doubling = { origin: 10, size: 40, log: true };
  for (const handle of [linear, doubling]) {
    for (const value of [128, 1000, 32768]) assert.ok(Math.abs(valueAt(handle, placeOf(handle, value)) - value) < 1e-6 * value);
  }
  const places = { axis: "x", places: [["FP16", 800], ["INT8", 560], ["INT4", 400]] };
  assert.equal(placeOf(places, "INT8"), 560);
  assert.equal(valueAt(places, 450), "INT4");
});

test("a control has only what it allows", () => {
  assert.equal(allowed(CONTEXT, 300), 256);
  assert.equal(allowed(CONTEXT, 300, [301]), 301);
  assert.equal(allowed(CONTEXT, 9999), 1024);
  assert.equal(allowed(CARDS, 3.4), 3);
  assert.equal(allowed(FORMATS, "INT8"), "INT8");
});

test("a step goes to the next mark, and stays at the ends", () => {
  assert.equal(stepped(CONTEXT, 256, 1), 512);
  assert.equal(stepped(CONTEXT, 300, -1), 256);
  assert.equal(stepped(CONTEXT, 1024, 1), 1024);
  assert.equal(stepped(CARDS, 8, 1), 8);
  assert.equal(stepped(FORMATS, "FP16", 1), "INT8");
  assert.equal(stepped(FORMATS, "INT4", 1), "INT4");
});

test("up and right are where the picture grows", () => {
  const sideways = { axis: "x", places: [["FP16", 800], ["INT8", 560], ["INT4", 400]] };
  assert.equal(along(sideways, FORMATS, "INT8", 1), "FP16");
  const upwards = { ...sideways, axis: "y" };
  assert.equal(along(upwards, FORMATS, "INT8", 1), "INT4");
});

test("two texts that differ in numbers alone have something between them", () => {
  assert.equal(between("M0 10L5 5Z", "M10 20L5 7Z")(0.5), "M5 15L5 6Z");
  assert.equal(between("M0 0L1 1", "M0 0"), undefined);
  assert.equal(between("url(#a1)", "url(#b1)"), undefined);
  assert.deepEqual(parted("q-3.5 2"), ["q", "-3.5", " ", "2", ""]);
});

test("a change goes by way of another text, or waits for its turn", () => {
  const over = way("M0 0", "M10 0", "M0 8");
  assert.deepEqual([0, 0.5, 1].map(over), ["M0 0", "M0 8", "M10 0"]);
  assert.match(over(0.25), /^M0 [4-7]/);
  assert.deepEqual([0, 0.5, 1].map(way("0", "8", undefined, 1)), ["0", "0", "8"]);
  assert.deepEqual([0, 0.5, 1].map(way("0", "8", undefined, 0)), ["0", "8", "8"]);
  assert.ok(way("0", "8")(0.5) > 4 && way("0", "8")(0.5) < 8);
  assert.equal(way("M0 0", "M1 1", "L2 2"), undefined);
});

test("what stays waits until all that comes has been seen, and goes before what leaves", () => {
  const [plain, shared] = [{ a: {}, b: {} }, { a: { via: "c" }, b: {}, c: { via: "c" } }];
  assert.equal(turnOf(plain, shared), 1);
  assert.equal(turnOf(shared, plain), 0);
  assert.equal(turnOf(shared, shared), undefined);
  assert.equal(turnOf({}, shared), undefined);
});

test("a frame is whole again of what changed", () => {
  const base = { size: [600, 100], alt: "", shapes: { a: { x: 1, y: 2 }, b: { x: 3 } }, numbers: { 0: { s: "1", P: "2" } }, letters: {} };
  const frame = { shapes: { a: { y: 5 }, "": ["b"], c: { x: 9 } }, new: { c: "" }, numbers: { 0: { s: "8" } }, alt: "more" };
  const found = whole(base, frame);
  assert.deepEqual(Object.entries(found.shapes), [["c", { x: 9 }], ["a", { x: 1, y: 5 }]]);
  assert.deepEqual(found.numbers, { 0: { s: "8", P: "2" } });
  assert.deepEqual([found.alt, found.problem, found.size], ["more", "", [600, 100]]);
  assert.deepEqual(changed({ a: [1] }, { a: [2] }), { a: [2] });
});

test("the layout is the widest that has room, or nearly", () => {
  const layouts = [360, 600, 860];
  const widths = { 320: 360, 500: 360, 540: 600, 700: 600, 760: 860, 1200: 860 };
  for (const [room, layout] of Object.entries(widths)) assert.equal(layoutFor(layouts, Number(room)), layout);
});

test("a guess that lies at the answer leaves the words there to the picture", () => {
  const guess = { handle: { axis: "y", origin: 300, size: -10 }, truth: 20 };
  assert.deepEqual([20, 21, 18, 25, 13].map((guessed) => met(guess, guessed)), [true, true, true, false, false]);
  assert.equal(met({ ...guess, handle: { ...guess.handle, axis: "x" } }, 20), false);
});

test("a guess is told by which factor it is off", () => {
  assert.equal(factor(13, 28.55), "2.2 times too little");
  assert.equal(factor(200, 10), "20 times too much");
  assert.equal(factor(10.2, 10), "within a twentieth of it");
  assert.equal(factor(5, 5), "exactly right");
  assert.equal(factor(0, 5), "too little");
});

test("a sentence without a page has its texts, and a mark where a control stands", () => {
  assert.deepEqual(sentence(["for ", { control: "context" }, " tokens"]), ["for ", "…", " tokens"]);
  assert.equal(nearest([1, 5, 9], 6), 5);
});
