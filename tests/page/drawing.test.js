// How a picture moves: at once, in a glide, or by way of other shapes; on elements that only keep their attributes.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { drawing } from "../../memcalc/explorers/page/draw.js";

let frame; // what waits for the next frame of the screen

function node(tagName, classes = []) {
  const attributes = {};
  const has = new Set(classes);
  return {
    tagName,
    dataset: {},
    style: { setProperty: () => {} },
    classList: { add: () => {}, contains: (name) => has.has(name), toggle: (name, on) => (on ? has.add(name) : has.delete(name)) },
    getAttribute: (name) => attributes[name] ?? null,
    setAttribute: (name, value) => {
      attributes[name] = String(value);
      if (name === "class") (has.clear(), String(value).split(" ").forEach((one) => has.add(one)));
    },
    removeAttribute: (name) => delete attributes[name],
    insertBefore: () => {},
    remove: () => {},
  };
}

beforeEach(() => {
  frame = undefined;
  globalThis.document = { createElementNS: (_, tag) => node(tag) };
  globalThis.requestAnimationFrame = (asked) => ((frame = asked), 1);
  globalThis.cancelAnimationFrame = () => (frame = undefined);
});

/** Return a picture of a block, its slice, and what lies above, and how to read it some time after the last change. */
function picture({ calm = false, classes = [] } = {}) {
  const found = drawing(node("svg", classes), "", calm);
  let began;
  const show = (shapes, glide = 0) => ((began = performance.now()), found.show(shapes, glide));
  const after = (time) => {
    frame?.(began + time);
    return ["block", "above"].map((name) => Math.round(found.element(name).getAttribute("y")));
  };
  return { show, after, pour: () => ((began = performance.now()), found.pour()) };
}

const whole = { slice: { tag: "rect", y: 0 }, block: { tag: "rect", y: 0 }, above: { tag: "rect", y: 100 } };
const shared = { slice: { tag: "rect", y: 50, via: "slice" }, block: { tag: "rect", y: 90, via: "slice" }, above: { tag: "rect", y: 200 } };

test("what is shared out goes by way of its slice, and all else waits", () => {
  const { show, after } = picture();
  show(whole);
  show(shared, 240);
  assert.deepEqual([0, 600, 1300].map(after), [[0, 100], [50, 100], [90, 200]]);
});

test("what is shared no longer goes back the same way, after all else", () => {
  const { show, after } = picture();
  show(shared);
  show(whole, 240);
  assert.deepEqual([0, 600, 1300].map(after), [[90, 200], [50, 100], [0, 100]]);
});

test("a change within what is shared takes one glide", () => {
  const { show, after } = picture();
  show(shared);
  show({ ...shared, block: { ...shared.block, y: 95 } }, 240);
  assert.deepEqual(after(250), [95, 200]);
});

test("a glide that is cut short by another ends where the last frame says", () => {
  const { show, after } = picture();
  show(whole);
  show({ ...whole, above: { tag: "rect", y: 200 } }, 240);
  const [, halfway] = after(60);
  assert.ok(halfway > 100 && halfway < 200);
  show({ ...whole, block: { tag: "rect", y: 30 } }, 240);
  assert.deepEqual(after(250), [30, 100]);
  show(shared, 240);
  after(300);
  show(whole);
  assert.deepEqual(after(0), [0, 100]);
});

test("a hand does not wait, and who wants no motion sees none", () => {
  for (const kind of [{ classes: ["dragged"] }, { calm: true }]) {
    const { show, after } = picture(kind);
    show(whole);
    show(shared, 240);
    assert.deepEqual(after(250), [90, 200]);
  }
});

test("what a guess opens comes by way of its slice too", () => {
  const { show, after, pour } = picture();
  show({ ...shared, block: { ...shared.block, from: { y: 0 } } });
  pour();
  assert.deepEqual([0, 600, 1300].map(after), [[0, 200], [50, 200], [90, 200]]);
});

test("what a letter stands for is lit, all of other terms steps back, and both stay so in the next frame", () => {
  const { show, light, element } = drawing(node("svg"), "", false);
  const shapes = {
    cache: { tag: "rect", of: "kv_cache", lights: "M_kv s" },
    weights: { tag: "rect", of: "weights", lights: "M_w P" },
    words: { tag: "text", of: "weights", text: "weights" },
    ring: { tag: "g", of: "kv_cache", lights: "b", handle: {} },
    wall: { tag: "rect" },
  };
  const looks = () => Object.keys(shapes).map((name) => ["hot", "aside"].find((look) => element(name).classList.contains(look)));
  show(shapes);
  light(["s"]);
  assert.deepEqual(looks(), ["hot", "aside", "aside", undefined, undefined]);
  show({ ...shapes, cache: { ...shapes.cache, y: 5 }, weights: { ...shapes.weights, look: "area" } });
  assert.deepEqual(looks(), ["hot", "aside", "aside", undefined, undefined]);
  light(["q"]);
  assert.deepEqual(looks(), Array(5).fill(undefined));
});
