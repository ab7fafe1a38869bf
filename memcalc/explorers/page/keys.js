// The keys of JupyterLab, which listens before a widget does.

/** Keep arrows, letters and Enter from JupyterLab, which would move its cells; leave it Shift + Enter, Ctrl + S and such. */
export function guard({ target, key: pressed, ctrlKey, metaKey, altKey, shiftKey }) {
  if (!target.closest?.(".memcalc")) return;
  const theirs = ctrlKey || metaKey || altKey || (shiftKey && pressed === "Enter");
  target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
}
