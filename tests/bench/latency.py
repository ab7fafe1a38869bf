"""From the key to the picture: each explorer against interact with an inline plot, in one run of one JupyterLab."""

import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from lab import chromium, jupyterlab, run_all

PRESSES, WARM_UP = 60, 6
PAUSE = 120  # between two presses: nobody waits for the one before [ms]

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CONTROLS = """
from ipywidgets import SelectionSlider, Dropdown, interact
from memcalc import audit_scenes, scenes
from memcalc.widgets import explore
import plain

def two_to(first, last): return [2**power for power in range(first, last + 1)]
"""

SLIDE = ("ArrowLeft",) * 6 + ("ArrowRight",) * 6  # from 32,768 to 512 tokens and back


@dataclass(frozen=True)
class Case:
    """An explorer, what one would write instead, and the keys that move the control with this label there and back."""

    name: str
    ours: str
    plain: str
    label: str
    keys: tuple[str, ...]


CASES = (
    Case(
        "will_it_fit",
        "explore(scenes.will_it_fit, model='LLaMA-7B', gpu='RTX 4090', context=32768, batch=1, weights='FP16',"
        " kv_cache='FP16')",
        "interact(plain.will_it_fit, model=['LLaMA-7B'], gpu=['RTX 4090'], batch=[1], weights=['FP16'],"
        " kv_cache=['FP16'], context=SelectionSlider(options=two_to(7, 20), value=32768, description='s: context'));",
        "s: context",
        SLIDE,
    ),
    Case(
        "cache_against_context",
        "explore(scenes.cache_against_context, kv_heads=32, context=32768, batch=1, kv_cache='FP16')",
        "interact(plain.cache_against_context, kv_heads=[32, 8], batch=[1], kv_cache=['FP16'],"
        " context=SelectionSlider(options=two_to(7, 20), value=32768, description='s: context'));",
        "s: context",
        SLIDE,
    ),
    Case(
        "audit",
        "explore(audit_scenes.audit, kind='formula', verdict='wrong')",
        "interact(plain.audit_of_claims, kind=Dropdown(options=audit_scenes.kinds(), description='kind of claim'),"
        " verdict=audit_scenes.verdicts());",
        "kind of claim",
        ("End", "Home"),  # JupyterLab takes the arrows from a menu of ipywidgets
    ),
)

WATCH = """([selector, place]) => {
  const output = document.querySelectorAll(selector)[place];
  const picture = () => output.querySelector("svg[role=img]")?.innerHTML ?? output.querySelector("img")?.src;
  const before = picture();
  let pressed;
  document.addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true, once: true });
  window.seen = new Promise((done, fail) => {
    setTimeout(() => fail("no other picture within 5 s"), 5000);
    const observer = new MutationObserver(async () => {
      if ([undefined, before].includes(picture())) return;
      observer.disconnect();
      await output.querySelector("img")?.decode();
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel(); // it answers as soon as the frame is painted
        port1.onmessage = () => done(performance.now() - pressed);
        port2.postMessage(null);
      });
    });
    observer.observe(output, { subtree: true, childList: true, attributes: true });
  });
}"""
"""From the moment of the key to the end of the frame that shows another picture."""


def end_to_end():
    """The times from key to picture of each case, ours and plain [ms]."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        source, home = Path(folder, "source"), Path(folder, "home")
        source.mkdir()
        home.mkdir()
        shutil.copy(Path(__file__).with_name("plain.py"), source)
        for case in CASES:
            cells = [nbformat.v4.new_code_cell(code) for code in (CONTROLS, case.ours, case.plain)]
            notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
            nbformat.write(notebook, source / f"{case.name}.ipynb")
        with jupyterlab(home, source) as lab:
            return {case: _both(browser, lab, case) for case in CASES}


def _both(browser, lab, case):
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    run_all(page, lab, f"{case.name}.ipynb")
    page.locator(".jp-OutputArea-output img").wait_for(timeout=60_000)
    ours = page.get_by_label(case.label).first
    row = page.locator(".widget-inline-hbox", has_text=case.label)
    theirs = row.locator(".noUi-handle, select")
    times = [[], []]
    for _ in range(PRESSES + WARM_UP):  # in turns: what slows the machine slows both
        for place, control in enumerate((ours, theirs)):
            times[place].append(_press(page, control, case.keys[len(times[place]) % len(case.keys)], place))
    page.close()
    return [group[WARM_UP:] for group in times]


def _press(page, control, key, place):
    control.focus()
    page.wait_for_timeout(PAUSE)
    page.evaluate(WATCH, [".jp-CodeCell:has(.jp-OutputArea-output) .jp-Cell-outputArea", place])
    page.keyboard.press(key)
    return page.evaluate("() => window.seen")


def p95(times):
    return statistics.quantiles(times, n=20)[-1]
