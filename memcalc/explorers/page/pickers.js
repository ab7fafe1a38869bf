// A field that searches a long list of names by words, or takes one's own: the editable combobox of the ARIA practices.

import { button, make, say } from "./dom.js";

/** Return whether a name has every word that was typed, in any order: "qwen 7" finds Qwen2.5-7B. */
export function matches(name, typed) {
  const plain = name.toLowerCase();
  return typed.toLowerCase().split(/[\s_-]+/).filter(Boolean).every((word) => plain.includes(word));
}

/** Return how a value is called: one's own config has no name that fits a field, and of a file only the name matters. */
export const called = (value) => (value.trimStart().startsWith("{") ? say("your config.json") : value.replace(/^\/.*\//, ""));

/** Make a sheet on which a config.json is pasted or dropped; a paste into the field beside it does as well. */
function pasting(field, choose) {
  const text = make("textarea", { rows: 6, spellcheck: false, "aria-label": say("the text of a config.json") });
  const use = button(say("Use it"), () => (close(), choose(text.value)));
  const away = button(say("Cancel"), () => close());
  const root = make("div", { className: "memcalc-own", hidden: true }, say("Paste a config.json, or drop the file here."), text, use, " ", away);
  const close = () => ((root.hidden = true), field.focus());
  const open = () => ((root.hidden = false), text.focus());
  root.onkeydown = ({ key: pressed }) => pressed === "Escape" && close();
  root.ondragover = (event) => event.preventDefault();
  root.ondrop = async (event) => {
    event.preventDefault();
    text.value = (await event.dataTransfer.files[0]?.text()) ?? text.value;
  };
  field.addEventListener("paste", (event) => {
    const config = event.clipboardData.getData("text");
    if (!config.trimStart().startsWith("{")) return;
    event.preventDefault();
    choose(config);
  });
  return { root, open };
}

/** Make the field of a picker. */
export function picker({ name: subject, label, groups, own }, id, { choose }) {
  const field = make("input", { type: "text", id, role: "combobox", autocomplete: "off", spellcheck: false });
  const list = make("ul", { id: `${id}-names`, role: "listbox", tabIndex: -1, "aria-label": say("{label}: names", { label }) });
  let current = "";
  let active = -1;
  const items = () => [...list.querySelectorAll("[role=option]")];
  const mark = (place) => {
    active = place;
    items().forEach((item, at) => item.setAttribute("aria-selected", at === place));
    items()[place]?.scrollIntoView({ block: "nearest" });
    if (items()[place]) field.setAttribute("aria-activedescendant", items()[place].id);
    else field.removeAttribute("aria-activedescendant");
  };
  const toggle = (open) => {
    list.hidden = !open;
    const room = document.documentElement.clientWidth - field.getBoundingClientRect().left - list.offsetWidth;
    list.style.left = `${Math.min(0, room)}px`;
    field.setAttribute("aria-expanded", open);
  };
  const item = (text, at, onclick) => make("li", { id: `${id}-${at}`, role: "option", onclick }, text);
  const offer = (typed) => {
    let at = 0;
    const parts = Object.entries(groups).flatMap(([maker, names]) => {
      const found = matches(maker, typed) && typed ? names : names.filter((name) => matches(name, typed));
      const heading = make("li", { role: "presentation", className: "memcalc-maker" }, maker);
      return found.length ? [heading, ...found.map((name) => item(name, at++, () => take(name)))] : [];
    });
    const none = make("li", { role: "presentation", className: "memcalc-maker" }, say("No {label} has all of “{typed}” in its name.", { label, typed }));
    const yours = item(own, at, subject === "model" ? ask : () => (take(current), field.select()));
    list.replaceChildren(...(parts.length ? parts : [none]), yours);
    toggle(true);
    mark(items().findIndex(({ textContent }) => textContent.toLowerCase() === (typed || called(current)).toLowerCase()));
  };
  const take = (name) => {
    toggle(false);
    field.value = called(name);
    if (name !== current && name !== called(current)) choose(name);
  };
  const step = (by) => {
    if (list.hidden) return offer(field.value === called(current) ? "" : field.value);
    const count = items().length;
    mark((Math.max(active, by < 0 ? 0 : -1) + by + count) % count);
  };
  const keys = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => (list.hidden || active < 0 ? take(only() ?? field.value) : items()[active].click()),
    Escape: () => take(current),
  };
  const only = () => (!list.hidden && items().length === 2 ? items()[0].textContent : undefined); // beside one's own
  field.onkeydown = (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  };
  field.oninput = () => offer(field.value);
  field.onpointerdown = () => (list.hidden ? offer("") : toggle(false));
  field.onclick = () => list.hidden || field.select(); // what is typed replaces the name; a second click sets the caret
  field.onblur = () => take(field.value);
  list.onmousedown = (event) => event.preventDefault(); // the focus stays in the field

  const sheet = subject === "model" ? pasting(field, choose) : undefined;
  const ask = () => {
    toggle(false);
    sheet.open();
  };
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-label", label);
  toggle(false);
  const root = make("span", { className: "memcalc-picker" }, field, list, ...(sheet ? [sheet.root] : []));
  const show = (value) => {
    field.value = called((current = value));
    field.style.width = `${Math.max(4, field.value.length) + 2.2}ch`;
  };
  return { inline: root, show };
}
