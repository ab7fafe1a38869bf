// The same Python as in the notebook, in a worker of the page: it computes what was not made beforehand.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const LIBRARIES = "/lib/of-this-page";
const DROPPED = "/dropped"; // as web/calculator.py calls it

const STEPS = ["Python", "its libraries", "the formula"];

/** Tell the page how far the start is: which step begins, and of how many. */
const tell = (step) => postMessage({ step, steps: STEPS.length, loads: STEPS[step] ?? "" });

async function start() {
  tell(0);
  const archives = ["libraries", "memcalc"].map((name) => fetch(new URL(`./${name}.zip`, import.meta.url)));
  const env = { MEMCALC_LANGUAGE: new URL(import.meta.url).searchParams.get("language") ?? "" };
  const pyodide = await loadPyodide({ indexURL: new URL("./pyodide/", import.meta.url).href, env });
  tell(1);
  for (const archive of archives) pyodide.unpackArchive(await (await archive).arrayBuffer(), "zip", { extractDir: LIBRARIES });
  tell(2);
  pyodide.runPython(`import sys; sys.path.insert(0, "${LIBRARIES}")`);
  const { answer } = pyodide.pyimport("memcalc.web.worker");
  tell(3);
  return { answer, pyodide };
}

/** Let Python read files of the reader, which stay where they are: of each it reads the header alone. */
function mount(FS, files) {
  if (FS.analyzePath(DROPPED).exists) FS.unmount(DROPPED);
  else FS.mkdir(DROPPED);
  FS.mount(FS.filesystems.WORKERFS, { files }, DROPPED);
  return JSON.stringify({ mounted: files.map(({ name }) => name) });
}

const ready = start();
ready.catch(() => tell(STEPS.length));

/** Return what answers a question, or the sentence that says why there is nothing. */
async function answered({ warm, files, ...question }) {
  try {
    const { answer, pyodide } = await ready;
    if (files) return mount(pyodide.FS, files);
    return warm ? "null" : answer(JSON.stringify(question));
  } catch (fault) {
    const lines = String(fault).trim().split("\n");
    const problem = `Python found no answer in this page: ${lines.findLast((line) => /^\w+: /.test(line)) ?? lines.at(-1)}`;
    return JSON.stringify({ state: question.state, problem, told: { problem } });
  }
}

onmessage = async ({ data: { id, ...question } }) => postMessage({ id, text: await answered(question) });
