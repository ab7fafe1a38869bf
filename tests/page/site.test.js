// The pages of the site without a browser: what a question asks of Python and keeps, and the theme on paper.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = { querySelectorAll: () => [] }; // a page without explorers
const { lightOnPaper, modelOf } = await import("../../memcalc/web/page/lesson.js");

const ASKED = { about: "exercise", number: "4.1" };

/** Return a model, and what was asked and kept through it. */
function asked({ answers = {}, before = {}, elsewhere } = {}) {
  const [questions, keeps] = [[], []];
  const python = async (question) => (questions.push(question), answers);
  const kept = { said: () => before, text: () => "kept", keep: (...all) => keeps.push(all) };
  return { model: modelOf(ASKED, { asks: "How much?" }, python, kept, elsewhere), questions, keeps };
}

test("an answer goes to Python with what was kept, and what is told comes back to who listens", async () => {
  const { model, questions, keeps } = asked({ answers: { told: { head: "Right" }, answer: "8 GiB", kept: "more" } });
  const heard = [];
  model.on("change:told", () => heard.push(model.get("told").head));
  model.on("change:answer", () => heard.push(model.get("answer")));
  await model.send({ answer: "8 GiB" });
  assert.deepEqual(questions, [{ ...ASKED, said: { answer: "8 GiB" }, kept: "kept" }]);
  assert.deepEqual(heard, ["Right", "8 GiB"]);
  assert.deepEqual(keeps, [["more", ASKED, { told: { head: "Right" }, answer: "8 GiB" }]]);
});

test("what was told before is there at once", () => {
  const { model } = asked({ before: { told: { head: "Not yet" }, answer: "1 GiB" } });
  assert.deepEqual([model.get("told").head, model.get("answer"), model.get("question").asks], ["Not yet", "1 GiB", "How much?"]);
});

test("where Python fails, that is told, and nothing is kept", async () => {
  const { model, keeps } = asked({ answers: { told: { problem: "Python found no answer" } } });
  await model.send({ answer: "8 GiB" });
  assert.equal(model.get("told").problem, "Python found no answer");
  assert.deepEqual(keeps, []);
});

test("what is no answer goes elsewhere, and who no longer listens hears nothing", async () => {
  const { model, questions } = asked({ elsewhere: ({ picture }) => Boolean(picture) });
  const listener = () => assert.fail("it was told to be quiet");
  model.on("change:told", listener);
  model.off("change:told", listener);
  await model.send({ picture: true });
  assert.equal(questions.length, 0);
  await model.send({ answer: "8 GiB" });
  assert.equal(questions.length, 1);
});

test("a page is light on paper, and on the screen what the reader chose", () => {
  const [root, printed] = [{ dataset: { theme: "dark" } }, new EventTarget()];
  const print = (matches) => printed.dispatchEvent(Object.assign(new Event("change"), { matches }));
  lightOnPaper(root, printed);
  print(true);
  assert.equal(root.dataset.theme, "light");
  print(false);
  assert.equal(root.dataset.theme, "dark");
  root.dataset.theme = "light"; // chosen in the meantime
  print(true);
  print(false);
  assert.equal(root.dataset.theme, "light");
});
