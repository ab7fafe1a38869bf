// The same Python as in the notebook, in a worker of the page: it computes the frames that were not made beforehand.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const LIBRARIES = "/lib/of-this-page";

async function start() {
  const pyodide = await loadPyodide({ indexURL: new URL("./pyodide/", import.meta.url).href });
  for (const name of ["sympy", "memcalc"]) {
    const archive = await (await fetch(new URL(`./${name}.zip`, import.meta.url))).arrayBuffer();
    pyodide.unpackArchive(archive, "zip", { extractDir: LIBRARIES });
  }
  pyodide.runPython(`import sys; sys.path.insert(0, "${LIBRARIES}")`);
  return pyodide.pyimport("memcalc.explorers.worker").answer;
}

const ready = start();

/** Return the frame of a question, or the sentence that says why there is none. */
async function answered({ warm, ...question }) {
  try {
    const answer = await ready;
    return warm ? "null" : answer(JSON.stringify(question));
  } catch (fault) {
    const problem = `Python found no answer in this page: ${String(fault).trim().split("\n").at(-1)}.`;
    return JSON.stringify({ state: question.state, problem });
  }
}

onmessage = async ({ data: { id, ...question } }) => postMessage({ id, text: await answered(question) });
