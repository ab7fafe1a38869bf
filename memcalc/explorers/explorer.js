// The page's side of an explorer: native controls, a picture whose shapes move, the result in words.
// The kernel computes. This file shows what it sends, and sends what the user sets; no number is made here.

const WRITTEN = new Intl.NumberFormat("en-US");
const write = (value) => (typeof value === "number" ? WRITTEN.format(value) : value);

/** Make an element; properties with a dash are attributes. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Put a shape where the frame has it. */
function place(shape, { text, ...attributes }) {
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  if (text !== undefined) shape.textContent = text;
}

/** A slider, with a field beside it for numbers that are not on its grid. */
function slider({ label, unit, low, high, grid }, id, { send, commit, choose }) {
  const steps = grid.length > 0; // else every whole number
  const onGrid = (value) => Math.max(0, grid.findLastIndex((step) => step <= value));
  const thumb = (value) => (steps ? onGrid(value) + (grid.includes(value) ? 0 : 0.5) : value); // or between two marks
  const [min, max] = steps ? [0, grid.length - 1] : [low, high];
  const range = make("input", { type: "range", id, min, max, step: steps ? 0.5 : 1 });
  let here = min;
  const exact = make("input", { type: "text", inputMode: "numeric", "aria-label": `${label}, exact number` });
  range.oninput = () => {
    const there = range.valueAsNumber; // half a step on is the next mark
    send(steps ? grid[there > here ? Math.ceil(there) : Math.floor(there)] : there);
  };
  range.onchange = commit;
  exact.onchange = () => {
    const typed = exact.value.trim();
    choose(/^(\d+|\d{1,3}(,\d{3})+)$/.test(typed) ? Number(typed.replaceAll(",", "")) : exact.value);
  };
  exact.onkeydown = (event) => {
    if (event.key === "Enter") exact.onchange();
  };
  const show = (value) => {
    exact.value = write(value);
    if (typeof value !== "number") return;
    range.value = here = thumb(value);
    range.setAttribute("aria-valuetext", `${write(value)} ${unit}`.trim());
  };
  return { elements: [range, exact], show };
}

/** A menu of a few names. */
function menu({ options }, id, { choose }) {
  const select = make("select", { id }, ...options.map((name) => make("option", { value: name }, name)));
  select.onchange = () => choose(select.value);
  return { elements: [select], show: (value) => (select.value = value) };
}

/** A field that searches a long list of names: the editable combobox of the ARIA Authoring Practices. */
function picker({ label, options }, id, { choose }) {
  const field = make("input", { type: "text", id, role: "combobox", autocomplete: "off", spellcheck: false });
  const list = make("ul", { id: `${id}-names`, role: "listbox", tabIndex: -1, "aria-label": `${label}: names` });
  let current = "";
  let active = -1;
  const mark = (place) => {
    active = place;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", at === place));
    list.children[place]?.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", list.children[place]?.id ?? "");
  };
  const toggle = (open) => {
    list.hidden = !open;
    field.setAttribute("aria-expanded", open);
  };
  const offer = (text) => {
    const found = options.filter((name) => name.toLowerCase().includes(text.toLowerCase()));
    const item = (name, at) => make("li", { id: `${id}-${at}`, role: "option", onclick: () => take(name) }, name);
    list.replaceChildren(...found.map(item));
    toggle(found.length > 0);
    mark(found.findIndex((name) => name.toLowerCase() === (text || current).toLowerCase()));
  };
  const take = (name) => {
    toggle(false);
    field.value = name;
    if (name !== current) choose(name);
  };
  const step = (by) => {
    if (list.hidden) offer(field.value === current ? "" : field.value);
    else mark((Math.max(active, by < 0 ? 0 : -1) + by + list.children.length) % list.children.length);
  };
  const keys = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => take(list.hidden ? field.value : (list.children[active]?.textContent ?? field.value)),
    Escape: () => take(current),
  };
  field.onkeydown = (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  };
  field.oninput = () => offer(field.value);
  field.onpointerdown = () => (list.hidden ? offer("") : toggle(false));
  field.onblur = () => take(field.value);
  list.onmousedown = (event) => event.preventDefault(); // the focus stays in the field
  place(field, { "aria-autocomplete": "list", "aria-controls": list.id });
  toggle(false);
  return { elements: [field, list], show: (value) => (field.value = current = value) };
}

const key = JSON.stringify;
const KINDS = { slider, menu, picker };
const button = (text, onclick) => make("button", { type: "button", onclick }, text);

/** Keep arrows, letters and Enter from JupyterLab, which would move its cells; leave it Shift + Enter, Ctrl + S and such. */
function guard({ target, key, ctrlKey, metaKey, altKey, shiftKey }) {
  if (!target.closest?.(".memcalc-explorer")) return;
  const theirs = ctrlKey || metaKey || altKey || (shiftKey && key === "Enter");
  target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
}

function render({ model, el }, history) {
  const prefix = `memcalc-${Math.random().toString(36).slice(2)}-`; // ids are one of a kind on a page
  const ahead = new Map(); // state → frame, sent before it is needed: a hand or a focus tells what will move
  const asked = new Set();
  let before = null; // the state when the current gesture began
  const set = (state) => {
    model.set("state", state);
    model.save_changes();
  };
  const send = (name, value) => {
    before ??= model.get("state");
    set({ ...model.get("state"), [name]: value });
  };
  const commit = () => {
    if (before && key(before) !== key(model.get("state"))) history.push(before);
    before = null;
    undo.setAttribute("aria-disabled", history.length === 0);
  };
  const go = (setting) => {
    before = model.get("state");
    set({ ...before, ...setting });
    commit();
  };

  const ask = (name) => {
    const question = key([name, { ...model.get("state"), [name]: null }]);
    if (!asked.has(question)) model.send({ ahead: name });
    asked.add(question);
  };
  const controls = model.get("controls").map((control) => {
    const { name, kind, label, unit, grid } = control;
    const id = `${prefix}set-${name}`;
    const choose = (value) => go({ [name]: value });
    const { elements, show } = KINDS[kind](control, id, { send: (value) => send(name, value), commit, choose });
    const title = make("label", { for: id }, unit ? `${label} [${unit}]` : label);
    const row = make("div", { className: "memcalc-control" }, title, ...elements);
    if (grid?.length || kind === "menu") {
      for (const sign of ["pointerenter", "focusin"]) row.addEventListener(sign, () => ask(name));
    }
    return { name, show, row };
  });
  const undo = button("Undo", () => history.length && (set(history.pop()), commit()));
  const reset = button("Reset", () => go(model.get("start")));
  const presets = Object.entries(model.get("presets")).map(([name, setting]) => button(name, () => go(setting)));
  const code = make("pre", { tabIndex: 0, role: "group", "aria-label": "Python" });
  const copy = button("Copy", async () => {
    getSelection().selectAllChildren(code); // enough where a page may not write to the clipboard
    const written = navigator.clipboard?.writeText(code.textContent) ?? Promise.reject();
    copy.textContent = await written.then(
      () => "Copied",
      () => "Selected",
    );
  });
  const examples = presets.length ? [make("span", {}, "Examples:"), ...presets] : [];
  const stage = make("div", { className: "memcalc-stage" });
  const said = make("p", { className: "memcalc-said", role: "status" });
  const details = make("div", { className: "memcalc-details", tabIndex: 0, role: "group", "aria-label": "Details" });

  let drawn = "";
  let shown = {};
  const forget = () => [ahead, asked].forEach((kept) => kept.clear()); // those frames were for other axes
  const wait = () => el.classList.toggle("memcalc-waiting", key(shown.state) !== key(model.get("state")));
  const show = (frame) => {
    if (key(frame) === key(shown)) return wait();
    shown = frame;
    if (drawn !== model.get("picture")) {
      drawn = model.get("picture");
      stage.innerHTML = drawn.replaceAll(/(\bid="|url\(#|href="#)/g, `$1${prefix}`); // ids, and references to them
    }
    for (const [name, attributes] of Object.entries(frame.moved)) {
      place(stage.querySelector(`#${prefix}${name} > *`), attributes);
    }
    place(stage.firstElementChild, { role: "img", "aria-label": frame.said });
    said.textContent = frame.problem ? `${frame.problem} What is shown is the last that made sense.` : frame.said;
    el.classList.toggle("memcalc-stale", frame.problem !== "");
    details.replaceChildren(...frame.details.map((line) => make("p", {}, line)));
    code.textContent = frame.code;
    copy.textContent = "Copy";
    wait();
  };
  const follow = () => {
    const state = model.get("state");
    const kept = [model.get("frame"), ahead.get(key(state))].find((frame) => key(frame?.state) === key(state));
    for (const { name, show } of controls) show(state[name]);
    undo.setAttribute("aria-disabled", history.length === 0);
    show(kept ?? shown);
  };
  const answer = () => {
    const frame = model.get("frame");
    if (key(frame.state) === key(model.get("state")) || !ahead.has(key(model.get("state")))) show(frame);
  };
  const remember = (frame) => ahead.set(key(frame.state), frame);
  const listeners = { "change:picture": forget, "change:frame": answer, "change:state": follow, "msg:custom": remember };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  follow();
  answer();

  el.classList.add("memcalc-explorer");
  el.append(
    make("div", { className: "memcalc-controls" }, ...controls.map(({ row }) => row)),
    make("div", { className: "memcalc-buttons", role: "group", "aria-label": "Settings" }, undo, reset, ...examples),
    stage,
    said,
    details,
    make("details", {}, make("summary", {}, "The same in Python"), code, copy),
  );
  addEventListener("keydown", guard, { capture: true });
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    removeEventListener("keydown", guard, { capture: true });
  };
}

export default () => {
  const history = []; // of all views of an explorer
  return { render: (view) => render(view, history) };
};
