// What the page of a lesson's question reckons by itself: the sign of an answer, and how long two bars are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shares, signOf } from "../../memcalc/lessons/page/card.js";

test("every kind of answer has a sign, and right is told from wrong by it", () => {
  const signs = Object.fromEntries(["right", "known", "near", "unknown", "unread", "open"].map((kind) => [kind, signOf(kind)]));
  assert.deepEqual(signs, { right: "✓", known: "≠", near: "≈", unknown: "?", unread: "…", open: "…" });
  assert.equal(signOf("another"), "…");
});

test("the longer bar is whole, and the other its share", () => {
  assert.deepEqual(shares(1, 2), [50, 100]);
  assert.deepEqual(shares(2 ** 40, 2 ** 31), [100, 0.2]);
  assert.deepEqual(shares(7, 7), [100, 100]);
});
