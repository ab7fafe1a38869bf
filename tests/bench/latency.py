"""From the key to the picture: each explorer against interact with an inline plot, in one run of one JupyterLab."""

import contextlib
import io
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot

from bench import plain
from bench.speed import median
from lab import chromium, jupyterlab, notebook, run_all

PRESSES, WARM_UP = 60, 6
PAUSE = 120  # between two presses: nobody waits for the one before [ms]

IMPORTS = """from ipywidgets import Dropdown, SelectionSlider, interact
from memcalc import explorers
from memcalc.explorers.article import ALL, KINDS, VERDICTS
from memcalc.specs.run import weights_formats"""
SET_UP = f"{IMPORTS}\nimport plain"
SLIDER = "SelectionSlider(options=[2**power for power in range(7, 21)], value=32768, description='s: context')"
ANEW = "explorer = {}\nexplorer.on_msg(explorer._look_ahead, remove=True)\nexplorer"
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
        "explorers.fit(model='LLaMA-7B', gpu='RTX 4090', context=32768, batch=1, weights='FP16', kv_cache='FP16')",
        "interact(plain.will_it_fit, model=['LLaMA-7B'], gpu=['RTX 4090'], batch=[1], weights=['FP16'],"
        f" kv_cache=['FP16'], context={SLIDER});",
        "s: context",
        SLIDE,
    ),
    Case(
        "cache_against_context",
        "explorers.kv_cache(kv_heads=32, context=32768, batch=1, kv_cache='FP16')",
        f"interact(plain.cache_against_context, kv_heads=[32, 8], batch=[1], kv_cache=['FP16'], context={SLIDER});",
        "s: context",
        SLIDE,
    ),
    Case(
        "audit",
        "explorers.article(kind='formula', verdict='wrong')",
        "interact(plain.audit, kind=Dropdown(options=KINDS, description='kind of claim'), verdict=[ALL, *VERDICTS]);",
        "kind of claim",
        ("End", "Home"),  # JupyterLab takes the arrows from a menu of ipywidgets
    ),
    Case(
        "sum_and_peak",
        "explorers.validation(context=8192, activations='keep all')",
        f"interact(plain.sum_and_peak, activations=['keep all'], context={SLIDER.replace('32768', '8192')});",
        "s: context",
        ("ArrowLeft",) * 4 + ("ArrowRight",) * 4,  # the picture ends at 8,192 tokens
    ),
    Case(
        "plan",
        "explorers.plan(model='Gemma-3-27B', gpu='RTX 4090', task='answer', cards='1', context=32768,"
        " batch=1, weights='Q4_K_M', kv_cache='FP16', overhead='high')",
        "interact(plain.plan, model=['Gemma-3-27B'], gpu=['RTX 4090'], task=['answer'], cards=['1'], batch=[1],"
        f" weights=['Q4_K_M'], kv_cache=['FP16'], overhead=['high'], context={SLIDER});",
        "s: context",
        SLIDE,
    ),
    Case(
        "kept_for_backward",
        "explorers.activations(context=8192, batch=1, code='transformers', recompute='none', attention='flash')",
        "interact(plain.kept_for_backward, batch=[1], code=['transformers'], recompute=['none'], attention=['flash'],"
        f" context={SLIDER.replace('32768', '8192')});",
        "s: context",
        ("ArrowLeft",) * 4 + ("ArrowRight",) * 4,  # the picture ends soon after 16,384 tokens
    ),
    Case(
        "states_on_a_card",
        "explorers.optimizer(zero='2', data_parallel=64, recipe='mixed', optimizer='AdamW')",
        "interact(plain.states_on_a_card, zero=['2'], recipe=['mixed'], optimizer=['AdamW'],"
        " data_parallel=SelectionSlider(options=[2**power for power in range(11)], value=64, description='N_d'));",
        "N_d",
        ("ArrowLeft",) * 6 + ("ArrowRight",) * 6,
    ),
    Case(
        "cards_for_a_model",
        "explorers.hardware(model='Llama-3.1-8B', gpu='RTX 4090', context=32768, batch=8,"
        " weights='FP16', kv_cache='FP16')",
        "interact(plain.cards_for_a_model, model=['Llama-3.1-8B'], gpu=['RTX 4090'], batch=[8], weights=['FP16'],"
        f" kv_cache=['FP16'], context={SLIDER});",
        "s: context",
        SLIDE,
    ),
    Case(
        "stored_weights",
        "explorers.weights(model='Mixtral-8x7B', weights='FP16')",
        "interact(plain.stored_weights, model=['Mixtral-8x7B'],"
        " weights=Dropdown(options=weights_formats(), value='FP16', description='format of the weights'));",
        "format of the weights",
        ("End", "Home"),
    ),
)

WATCH = """([selector, place]) => {
  const output = document.querySelectorAll(selector)[place];
  const picture = () => output.querySelector("svg[role=img]")?.innerHTML ?? output.querySelector("img")?.src;
  const before = picture();
  let pressed;
  document.addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true, once: true });
  window.seen = new Promise((done, fail) => {
    setTimeout(() => fail(`no other picture of output ${place} within 5 s`), 5000);
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


HEAD = ("explorer", "key to picture", "asked anew", "interact", "times faster", "asked anew", "kernel", "interact's")


def rows():
    """A row of the table for each case."""
    measured = end_to_end()
    for case in CASES:
        ours, anew, interact = times = measured[case.name]
        faster = [f"{statistics.median(interact) / statistics.median(group):.1f}" for group in (ours, anew)]
        kernel = [f"{1000 * time:.1f} ms" for time in in_the_kernel(case)]
        yield case.name, *(f"{statistics.median(group):.0f} ({p95(group):.0f}) ms" for group in times), *faster, *kernel


def in_the_kernel(case):
    """The time to compute a frame, and that to draw what interact shows [s]."""
    names = {}
    exec(IMPORTS, names)
    explorer = eval(case.ours, names)
    pyplot.show = lambda: print_figure(pyplot.gcf()) and pyplot.close()  # as the inline backend does
    draw, state = getattr(plain, case.name), explorer.state
    with contextlib.redirect_stdout(io.StringIO()):
        return median(lambda: explorer._frame_of(explorer.state), 5), median(lambda: draw(**state))


def end_to_end():
    """Name of a case → the times from key to picture: ours, ours without frames ahead, interact [ms]."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        source, home = Path(folder, "source"), Path(folder, "home")
        source.mkdir()
        home.mkdir()
        shutil.copy(plain.__file__, source)
        for case in CASES:
            cells = (SET_UP, case.ours, ANEW.format(case.ours), case.plain)
            nbformat.write(notebook(*cells), source / f"{case.name}.ipynb")
        with jupyterlab(home, source) as lab:
            return {case.name: _in_turns(browser, lab, case) for case in CASES}


def _in_turns(browser, lab, case):
    """Press each key in all three, so that what slows the machine slows all."""
    page = browser.new_page(viewport={"width": 1280, "height": 3000})  # all three are seen
    run_all(page, lab, f"{case.name}.ipynb")
    page.locator(".jp-OutputArea-output img").wait_for(timeout=60_000)
    controls = [page.locator(".memcalc-explorer").nth(place).get_by_label(case.label).first for place in (0, 1)]
    controls.append(page.locator(".widget-inline-hbox", has_text=case.label).locator(".noUi-handle, select"))
    times = [[], [], []]
    for turn in range(PRESSES + WARM_UP):
        for place, control in enumerate(controls):
            times[place].append(_press(page, control, case.keys[turn % len(case.keys)], place))
    page.close()
    return [group[WARM_UP:] for group in times]


def _press(page, control, key, place):
    control.focus()
    page.wait_for_timeout(PAUSE)
    page.evaluate(WATCH, [".jp-CodeCell:has(.jp-OutputArea-output) .jp-Cell-outputArea", place])
    page.keyboard.press(key)
    return page.evaluate("() => window.seen")


def p95(times):
    """The time that one in twenty exceeds."""
    return statistics.quantiles(times, n=20)[-1]
