// The calculator: an explorer with its state in the address, files that are read in the page, and what one takes along.

import { button, make } from "../../explorers/page/dom.js";
import { pythonIn, show } from "../../explorers/page/host.js";

const LONGEST = 300_000; // characters of an address that are read
const LONGEST_IN_LINK = 4_000; // of a config.json in a link
const DROPPED = "/dropped/"; // as web/calculator.py calls it
const SHARED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font", "text-anchor", "opacity", "display", "visibility", "paint-order"];

/** Return the state that an address says: names of controls alone, numbers as numbers, all else for Python to judge. */
export function stateOf(hash, controls) {
  const said = new URLSearchParams(hash.slice(1, LONGEST));
  const known = controls.filter(({ name }) => said.has(name));
  const value = ({ name, kind }) => (kind === "number" && /^\d{1,12}$/.test(said.get(name)) ? Number(said.get(name)) : said.get(name));
  return Object.fromEntries(known.map((control) => [control.name, value(control)]));
}

/** Return the address of a state: what differs from the start, without what only this browser has. */
export function hashOf(state, start) {
  const differs = Object.entries(state).filter(([name, value]) => value !== start[name]);
  const told = differs.filter(([, value]) => !String(value).startsWith(DROPPED) && String(value).length <= LONGEST_IN_LINK);
  return told.length ? `#${new URLSearchParams(told)}` : "";
}

/** Return a picture as the text of a file: what the page's stylesheet says of each shape is written into it. */
export function pictureOf(svg) {
  const copy = svg.cloneNode(true);
  const shapes = [...svg.querySelectorAll("*")];
  for (const [place, shape] of [...copy.querySelectorAll("*")].entries()) {
    const look = getComputedStyle(shapes[place]);
    for (const name of SHARED) shape.style.setProperty(name, look.getPropertyValue(name));
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.background = getComputedStyle(svg.closest(".memcalc")).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}

/** Write rows as a table in Markdown. */
export const markdownOf = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map((cell) => String(cell).replaceAll("|", "/")).join(" | ")} |`).join("\n");

/** Write rows as CSV. */
export const csvOf = (head, rows) =>
  [head, ...rows].map((row) => row.map((cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",")).join("\n") + "\n";

/** Return a button that copies what it is asked for, and says so. */
function copying(name, text) {
  const one = button(name, async () => {
    const written = navigator.clipboard?.writeText(text()) ?? Promise.reject();
    one.textContent = await written.then(() => "Copied", () => "Your browser does not let this page copy");
    setTimeout(() => (one.textContent = name), 2500);
  });
  return one;
}

/** Return a line of buttons that copy something. */
const copies = (label, ...buttons) =>
  make("p", { className: "memcalc-copies", role: "group", "aria-label": label }, `${label}: `, ...buttons.flatMap((one) => [one, " "]));

/** Return a fold, whose inside is made when it opens and when what it shows has changed. */
function fold(title, fill, isOpen = false) {
  const inside = make("div", {});
  const root = make("details", { open: isOpen }, make("summary", {}, title), inside);
  const refresh = () => root.open && fill(inside);
  root.addEventListener("toggle", refresh);
  return { root, refresh };
}

/** Return a table of formats, of which a press takes one, and the buttons that copy it. */
function tabled({ rows, markdown, csv }, take) {
  const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const lines = rows.map(([format, needed, margin, fits, context]) =>
    make("tr", {},
      make("th", { scope: "row" }, button(format, () => take(format))),
      make("td", {}, fits ? "yes" : "no"),
      make("td", {}, context ? context.toLocaleString("en-US") : "–"),
      make("td", {}, gib(needed)),
      make("td", {}, fits ? `${gib(margin)} left` : `${gib(-margin)} missing`),
    ));
  const head = ["weights in", "fits?", "most tokens", "each card needs", "and has"];
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...lines));
  return [table, copies("Copy this table", copying("Markdown", () => markdown), copying("CSV", () => csv))];
}

/** Make the place where a file is dropped or chosen. */
function dropping(el, take) {
  const input = make("input", { type: "file", multiple: true, "aria-label": "files of a model" });
  input.onchange = () => take([...input.files]);
  const says = "Or give it the files of your model: a config.json, a GGUF file, or safetensors. They are read here, in your browser, by their header alone, and nothing is sent anywhere.";
  const root = make("label", { className: "memcalc-drop" }, make("span", {}, says), input);
  for (const place of [el, root]) {
    place.addEventListener("dragover", (event) => event.preventDefault());
    place.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      take([...event.dataTransfer.files]);
    });
  }
  return root;
}

/** Return the state that files ask for, once Python can read them. */
async function given(files, python) {
  const [first] = files;
  if (files.length === 1 && first.name.endsWith(".json") && first.size <= LONGEST) {
    const text = await first.text();
    if (!text.includes('"weight_map"')) return { model: text.trim(), weights: "auto" };
  }
  await python({ files });
  return { model: files.length === 1 ? DROPPED + first.name : DROPPED, weights: "auto" };
}

/** Show the calculator of an element. */
export async function calculate(el) {
  const place = make("div");
  Object.assign(place.dataset, el.dataset);
  delete place.dataset.later; // that is for the whole, which is here
  el.replaceChildren(place);
  await show(place);
  const { model } = place;
  const python = pythonIn(el.dataset.worker);
  const { controls } = model.get("stage");
  const [start, svg] = [model.get("start"), place.querySelector(".memcalc-stage > svg")];
  const go = (state) => model.set("state", { ...model.get("state"), ...state });
  let beside = await (await fetch(`${el.dataset.folder}/calculator/beside.json`)).json();
  let asked = 0;

  const steps = make("ul", { className: "memcalc-steps" });
  const command = make("pre", { tabIndex: 0, role: "group", "aria-label": "command line" });
  const files = fold("In which file would it fit, and with how many tokens?", async (inside) => {
    inside.setAttribute("aria-busy", true);
    const found = await python({ about: "formats", state: model.get("state") });
    inside.replaceChildren(...(found.problem ? [make("p", {}, found.problem)] : tabled(found, (weights) => go({ weights }))));
    inside.removeAttribute("aria-busy");
  });
  const line = fold("The same on the command line", (inside) => inside.replaceChildren(command));
  const write = () => {
    const said = beside.steps.map(({ said: words, state }) => (Object.keys(state).length ? button(words, () => go(state)) : words));
    steps.replaceChildren(...said.map((one) => make("li", {}, one)));
    command.textContent = `$ ${beside.command}\n${beside.printed}`;
  };
  const refresh = async () => {
    const number = (asked += 1);
    history.replaceState(null, "", hashOf(model.get("state"), start) || location.pathname + location.search);
    const found = await python({ about: "beside", state: model.get("state") });
    if (number !== asked || found.problem) return;
    beside = found;
    write();
    files.refresh();
    line.refresh();
  };
  const verdict = () => `${place.querySelector(".memcalc-said").textContent}\n${place.querySelector(".memcalc-notes").textContent}`;
  const head = ["", "bytes", "GiB"];
  const taken = [
    copying("Link", () => location.href),
    copying("Markdown", () => `**${verdict()}**\n\n${markdownOf(head, beside.terms)}\n\n${location.href}\n`),
    copying("CSV", () => csvOf(["term", "bytes", "said"], beside.terms)),
    copying("SVG", () => pictureOf(svg)),
  ];
  const drop = dropping(el, async (several) => go(await given(several, python)));
  const along = make("div", { className: "memcalc memcalc-along" },
    steps, files.root, line.root, drop, copies("Copy", ...taken),
  );
  el.append(along);
  write();
  model.on("change:state", refresh);
  const read = () => {
    const said = stateOf(location.hash, controls);
    if (Object.keys(said).length) model.set("state", { ...start, ...said });
  };
  addEventListener("hashchange", read);
  read();
}
