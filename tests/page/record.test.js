// What a learner said is kept in the browser, and a storage that is missing, full or spoiled takes nothing from the page.

import assert from "node:assert/strict";
import test from "node:test";

import { record } from "../../memcalc/web/page/record.js";

const ASKED = { about: "exercise", number: "4.1" };
const KEPT = JSON.stringify({ answers: { 4.1: { done: true } }, choices: { brief: { last: "home" } } });

/** Return a storage that holds its text. */
function storage(text = null) {
  return { getItem: () => text, setItem: (_, written) => (text = written) };
}

test("what was told is there when the page comes again", () => {
  const place = storage();
  record(place).keep(KEPT, ASKED, { told: { head: "Right" } });
  const again = record(place);
  assert.equal(again.text(), KEPT);
  assert.deepEqual(again.said(ASKED), { told: { head: "Right" } });
  assert.deepEqual([again.isDone("answers", "4.1"), again.isDone("answers", "4.2"), again.isDone("guesses", "4.1")], [true, false, false]);
  assert.equal(again.chosen(), "home");
});

test("questions of one number but of another kind or brief are told apart", () => {
  const kept = record(storage());
  kept.keep(KEPT, ASKED, { told: 1 });
  kept.keep(KEPT, { about: "brief", name: "home", lesson: 4 }, { told: 2 });
  assert.deepEqual(kept.said({ about: "guess", number: "4.1" }), {});
  assert.deepEqual(kept.said({ about: "brief", name: "home", lesson: 4 }), { told: 2 });
  assert.deepEqual(kept.said({ about: "brief", name: "home", lesson: 5 }), {});
});

test("what another window has written in the meantime stays", () => {
  const place = storage();
  const [one, other] = [record(place), record(place)];
  one.keep(KEPT, ASKED, { told: 1 });
  other.keep(KEPT, { about: "guess", number: "4.1" }, { told: 2 });
  assert.deepEqual(record(place).said(ASKED), { told: 1 });
});

test("whoever listens hears of what is kept and of what is forgotten", () => {
  const place = storage();
  const kept = record(place);
  let heard = 0;
  kept.listen(() => (heard += 1));
  kept.keep(KEPT, ASKED, { told: 1 });
  kept.forget();
  assert.equal(heard, 2);
  assert.deepEqual([kept.text(), kept.said(ASKED), kept.chosen()], ["", {}, ""]);
});

for (const [name, spoiled] of [
  ["nothing that can be read", { getItem: () => "{", setItem() {} }],
  ["another program's words", { getItem: () => '{"kept": 1, "said": null}', setItem() {} }],
  ["no room", { getItem: () => null, setItem() { throw new Error("full"); } }],
  ["no storage", { getItem() { throw new Error("closed"); }, setItem() { throw new Error("closed"); } }],
]) {
  test(`a storage with ${name} is one in which the page keeps things for itself alone`, () => {
    const kept = record(spoiled);
    assert.deepEqual([kept.text(), kept.chosen()], ["", ""]);
    kept.keep(KEPT, ASKED, { told: 1 });
    assert.deepEqual([kept.said(ASKED), kept.isDone("answers", "4.1")], [{ told: 1 }, true]);
  });
}
