// Hints: a line more with each press, and those that take long only when they are asked for.

import assert from "node:assert/strict";
import test from "node:test";

/** An element that knows its children, its text and whether it is hidden. */
class Element {
  children = [];
  append(...children) {
    for (const child of children) {
      if (typeof child === "string") this.textContent = child;
      else this.children.push(child);
    }
  }
  replaceChildren(...children) {
    this.children = children;
  }
}
globalThis.document = { createElement: () => new Element() };
const { hinting } = await import("../../memcalc/explorers/page/hints.js");

/** Return hints, what is to be seen of them, and how often they were asked for. */
function opened() {
  const asked = [];
  const hints = hinting(() => asked.push(true));
  const seen = () => [hints.list.children.map((line) => line.textContent), hints.more.hidden ? "" : hints.more.textContent];
  return { ...hints, asked, seen };
}

const LATE = { state: { context: 1 }, hints: [], unasked: true };
const THERE = { state: { context: 1 }, hints: [["one"], ["two"]] };

test("what came with its hints shows a line more with each press", () => {
  const { more, show, seen, asked } = opened();
  show(THERE);
  assert.deepEqual(seen(), [[], "Hint"]);
  more.onclick();
  assert.deepEqual(seen(), [["one"], "Another hint"]);
  more.onclick();
  assert.deepEqual(seen(), [["one", "two"], ""]);
  show({ ...THERE, state: { context: 2 } });
  assert.deepEqual(seen(), [["one", "two"], ""], "the same words stay");
  assert.equal(asked.length, 0);
});

test("what came without is asked for by the first press, once, and its first line is shown as it comes", () => {
  const { more, show, seen, asked } = opened();
  show(LATE);
  assert.deepEqual(seen(), [[], "Hint"]);
  more.onclick();
  more.onclick();
  assert.equal(asked.length, 1);
  show(THERE);
  assert.deepEqual(seen(), [["one"], "Another hint"]);
  show(LATE);
  assert.deepEqual(seen(), [["one"], "Another hint"], "the same state in another layout");
  show({ ...LATE, state: { context: 2 } });
  assert.deepEqual(seen(), [[], "Hint"]);
});

test("there is no button where there is nothing to say, and where the state makes no sense", () => {
  const { show, seen } = opened();
  show({ state: {}, hints: [] });
  assert.deepEqual(seen(), [[], ""]);
  show({ ...LATE, problem: "That makes no sense." });
  assert.deepEqual(seen(), [[], ""]);
});
