// What the calculator keeps in its address, and what it writes for others to paste.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = { querySelectorAll: () => [] }; // a page without explorers
const { csvOf, hashOf, markdownOf, stateOf } = await import("../../memcalc/web/page/calculator.js");

const CONTROLS = [{ name: "model", kind: "picker" }, { name: "context", kind: "number" }, { name: "cards", kind: "menu" }];
const START = { model: "Llama-3.1-8B", context: 8192, cards: "1" };

test("an address says what differs from the start, and is read back as that", () => {
  const state = { model: "Llama-3.1-70B", context: 5001, cards: "2" };
  assert.equal(hashOf(START, START), "");
  assert.equal(hashOf({ ...START, context: 5001 }, START), "#context=5001");
  assert.deepEqual(stateOf(hashOf(state, START), CONTROLS), state);
});

test("a config.json goes through an address whole, with all its signs", () => {
  const model = '{"model_type": "llama", "note": "a & b = c # d + é"}';
  assert.deepEqual(stateOf(hashOf({ ...START, model }, START), CONTROLS), { model });
});

test("what only this browser has is in no address, nor is what is too long for one", () => {
  assert.equal(hashOf({ ...START, model: "/dropped/mine.gguf" }, START), "");
  assert.equal(hashOf({ ...START, model: "x".repeat(4001) }, START), "");
  assert.equal(hashOf({ ...START, model: "x".repeat(4000) }, START).length, "#model=".length + 4000);
});

test("an address gives the page names of controls alone, and numbers only where they are some", () => {
  assert.deepEqual(stateOf("#constructor=1&__proto__=2&elsewhere=3&cards=2", CONTROLS), { cards: "2" });
  assert.deepEqual(stateOf("#context=12", CONTROLS), { context: 12 });
  for (const odd of ["-1", "1e9", "0x10", " 12", "9".repeat(13)]) {
    assert.deepEqual(stateOf(`#context=${encodeURIComponent(odd)}`, CONTROLS), { context: odd }, "Python judges it");
  }
  assert.ok(stateOf(`#context=${"9".repeat(10 ** 6)}`, CONTROLS).context.length < 300_000);
});

test("a table in Markdown has no cell that opens another", () => {
  assert.equal(markdownOf(["", "bytes"], [["a|b", 12]]), "|  | bytes |\n| --- | --- |\n| a/b | 12 |");
});

test("a table in CSV quotes what would part it", () => {
  assert.equal(csvOf(["term", "said"], [["cache", '1,024 "bytes"'], ["weights", 7]]), 'term,said\ncache,"1,024 ""bytes"""\nweights,7\n');
});
