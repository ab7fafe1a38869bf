"""From the hand to the picture: each explorer against interact with an inline plot, and on a page without a kernel."""

import contextlib
import gzip
import io
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot
from tqdm import tqdm

from bench import plain
from bench.speed import median
from lab import ROOT, chromium, jupyterlab, notebook, run_all, served
from memcalc import explorers
from memcalc.web import pages

PRESSES, WARM_UP = 30, 6
PAUSE = 100  # between two gestures: nobody waits for the one before [ms]

IMPORTS = """from ipywidgets import Dropdown, SelectionSlider, interact
from memcalc import explorers
from memcalc.explorers.article import KINDS
from memcalc.specs.run import weights_formats
import plain"""
ANEW = "explorer = {}\nexplorer.on_msg(explorer._look_ahead, remove=True)\nexplorer"
ECHO = """from anywidget import AnyWidget
from traitlets import Int

class Echo(AnyWidget):
    _esm = \'\'\'
    export default { render({ model, el }) {
      el.className = "memcalc-stage memcalc-explorer";
      el.innerHTML = `<svg height=20><rect width=9 height=9></rect></svg><input type=range aria-label=nothing>`;
      const [input, shape] = ["input", "rect"].map((tag) => el.querySelector(tag));
      input.setAttribute("data-lm-suppress-shortcuts", true); // else JupyterLab takes the arrows
      input.oninput = () => ANSWER;
      model.on("change:back", () => shape.setAttribute("x", model.get("back")));
    } };\'\'\'
    there, back = Int(50).tag(sync=True), Int(50).tag(sync=True)

echo = Echo()
echo.observe(lambda change: setattr(echo, "back", change["new"]), "there")
echo"""
AT_ONCE = ECHO.replace("ANSWER", """shape.setAttribute("x", input.valueAsNumber)""")
BY_THE_KERNEL = ECHO.replace("ANSWER", """(model.set("there", input.valueAsNumber), model.save_changes())""")
SLIDE = ("ArrowLeft",) * 3 + ("ArrowRight",) * 3


@dataclass(frozen=True)
class Case:
    """An explorer with settings of its own, the control that keys move there and back, and what interact moves."""

    name: str
    control: str
    plain: str
    start: str = ""
    keys: tuple[str, ...] = SLIDE

    @property
    def ours(self):
        """The line that opens the explorer."""
        return f"explorers.{self.name}({self.start})"


def slider(options="plain.CONTEXTS", value=32768):
    """The slider of ipywidgets that stands beside ours."""
    return f"SelectionSlider(options={options}, value={value}, description='moves')"


def menu(options, value):
    """The menu of ipywidgets that stands beside ours; JupyterLab takes the arrows from it."""
    return f"Dropdown(options={options}, value={value!r}, description='moves')"


ENDS = ("End", "Home")
AS_IT_COMES = (
    "--ServerApp.kernel_websocket_connection_class="
    "jupyter_server.services.kernels.connection.channels.ZMQChannelsWebsocketConnection"
)
CASES = (
    Case("fit", "s: context", slider()),
    Case("weights", "format of the weights", menu("weights_formats()", "FP16"), keys=ENDS),
    Case("optimizer", "N_d:", slider("[2**power for power in range(11)]", 64), "zero='3', data_parallel=64"),
    Case("activations", "s: context", slider("[2**power for power in range(7, 14)]", 2048)),
    Case("kv_cache", "s: context", slider(), "context=32768"),
    Case("hardware", "s: context", slider()),
    Case("article", "kind of claim", menu("KINDS", "all"), "table='the claims'", ENDS),
    Case(
        "validation",
        "s: tokens of the text",
        slider("[2**power for power in range(5, 14)]", 1024),
        "view='a training step'",
    ),
    Case("plan", "s: context", slider(), "weights='Q4_K_M'"),
)

NOTHING = Case("nothing", "nothing", "")

WATCH = """([selector, event]) => {
  const output = document.querySelector(selector);
  const picture = () => output.querySelector(".memcalc-stage > svg")?.innerHTML ?? output.querySelector("img")?.src;
  const before = picture();
  let touched;
  document.addEventListener(event, ({ timeStamp }) => (touched = timeStamp), { capture: true, once: true });
  window.seen = new Promise((done, fail) => {
    setTimeout(() => fail(`no other picture within 5 s`), 5000);
    const observer = new MutationObserver(async () => {
      if ([undefined, before].includes(picture())) return;
      observer.disconnect();
      await output.querySelector("img")?.decode();
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel(); // it answers as soon as the frame is painted
        port1.onmessage = () => done(performance.now() - touched);
        port2.postMessage(null);
      });
    });
    observer.observe(output, { subtree: true, childList: true, attributes: true });
  });
}"""
"""From the moment of the touch to the end of the frame that shows another picture."""

SEE = """(selector) => document.querySelector(selector)
  .querySelector(".memcalc-stage > svg, img").scrollIntoView({ block: "center" })"""

CELLS = ".jp-CodeCell:has(.jp-OutputArea-output) .jp-Cell-outputArea"
PAGE = "main"

HEAD = (
    "explorer",
    "key",
    "drag",
    "click",
    "asked anew",
    "same, `make lab`",
    "interact",
    "times faster",
    "page: key",
    "drag",
    "worker",
    "kernel",
)


def rows():
    """A row of the table for each case."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        in_lab = _in_jupyterlab(Path(folder), browser)
        on_page = _on_pages(Path(folder, "pages"), browser)
    yield NOTHING.name, *map(written, in_lab[NOTHING.name]), *["–"] * (len(HEAD) - 7)
    for case in CASES:
        key, drag, click, anew, prompt, interact = in_lab[case.name]
        faster = f"{statistics.median(interact) / statistics.median(key):.1f}"
        kernel = f"{1000 * in_the_kernel(case):.1f} ms"
        times = key, drag, click, anew, prompt, interact
        shown = [*map(written, times), faster, *map(written, on_page[case.name]), kernel]
        yield case.name, *shown


def written(times):
    """The median and the time that one in twenty exceeds."""
    if not times:
        return "–"
    return f"{statistics.median(times):.0f} ({statistics.quantiles(times, n=20)[-1]:.0f}) ms"


def in_the_kernel(case):
    """The time to compute a frame [s]."""
    shown = getattr(explorers, case.name)
    start = shown.setting(eval(f"dict({case.start})"))
    return median(lambda: shown.answer(start, {}), 5)


def drawn(case, **state):
    """What interact shows, without a page."""
    pyplot.show = lambda: print_figure(pyplot.gcf()) and pyplot.close()  # as the inline backend does
    with contextlib.redirect_stdout(io.StringIO()):
        getattr(plain, case.name)(**state)


def _in_jupyterlab(folder, browser):
    """Name of a case → the times of key, drag, click, of a key that asks the kernel twice, and of interact [ms].

    Each stands alone in its notebook, as a reader meets it: what follows a key of one would slow the next of another.
    In Jupyter as it comes, but for the second of those that ask the kernel, which is measured in that of `make lab`.
    """
    source = folder / "source"
    source.mkdir()
    (source / "plain.py").write_text(Path(plain.__file__).read_text())
    _write(source, NOTHING, AT_ONCE, BY_THE_KERNEL)
    for case in CASES:
        moved = {"weights": "weights", "article": "kind", "optimizer": "data_parallel"}.get(case.name, "context")
        _write(source, case, case.ours, ANEW.format(case.ours), f"interact(plain.{case.name}, {moved}={case.plain});")
    with jupyterlab(folder / "as it comes", source, AS_IT_COMES) as lab:
        found = {
            case.name: [*_key_drag_click(browser, lab, case), _anew(browser, lab, case), _interact(browser, lab, case)]
            for case in tqdm([*CASES, NOTHING], unit="explorer")
        }
    with jupyterlab(folder / "of make lab", source) as lab:
        for case in tqdm([*CASES, NOTHING], unit="explorer"):
            found[case.name].insert(4, _anew(browser, lab, case))
    return found


KINDS = ("ours", "anew", "interact")


def _write(source, case, *cells):
    for kind, cell in zip(KINDS, cells, strict=False):
        nbformat.write(notebook(IMPORTS, cell), source / f"{case.name}_{kind}.ipynb")


@contextlib.contextmanager
def _opened(browser, lab, case, kind):
    page = browser.new_page(viewport={"width": 1280, "height": 1400}, reduced_motion="reduce")
    run_all(page, lab, f"{case.name}_{kind}.ipynb")
    yield page
    page.close()


def _key_drag_click(browser, lab, case):
    """The times of keys of an explorer, and of drags and clicks where it has such [ms]."""
    with _opened(browser, lab, case, "ours") as page:
        explorer = page.locator(".memcalc-explorer")
        key = _pressed(page, _control(explorer, case), case)
        return key, _drags(page, explorer, CELLS), _clicks(page, explorer, CELLS)


def _anew(browser, lab, case):
    """The times of keys of an explorer that asks the kernel each time [ms]."""
    with _opened(browser, lab, case, "anew") as page:
        return _pressed(page, _control(page.locator(".memcalc-explorer"), case), case)


def _interact(browser, lab, case):
    """The times of keys of what ipywidgets offers [ms]; none where nothing stands beside."""
    if not case.plain:
        return []
    with _opened(browser, lab, case, "interact") as page:
        page.locator(".jp-OutputArea-output img").wait_for(timeout=60_000)
        control = page.locator(".widget-inline-hbox", has_text="moves").locator(".noUi-handle, select")
        return _pressed(page, control, case)


def _pressed(page, control, case):
    """The times of keys [ms]."""
    presses = [case.keys[turn % len(case.keys)] for turn in range(PRESSES + WARM_UP)]
    return [press(page, control, pressed, CELLS) for pressed in presses][WARM_UP:]


def _control(explorer, case):
    return explorer.get_by_label(case.control).and_(explorer.locator("select, input[type=range]")).first


def press(page, control, key, selector):
    control.focus()
    page.evaluate(SEE, selector)
    page.wait_for_timeout(PAUSE)
    page.evaluate(WATCH, [selector, "keydown"])
    page.keyboard.press(key)
    return page.evaluate("() => window.seen")


def _drags(page, explorer, selector):
    """Drag the first handle there and back, and time each move that changes the picture; none without a handle."""
    handle = explorer.locator(".memcalc-stage svg .knob").first
    if not handle.count():
        return []
    page.evaluate(SEE, selector)
    box, times = handle.bounding_box(), []
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    upright = "along-y" in handle.get_attribute("class")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in [*range(1, 9), *range(8, 0, -1)] * 2:
        page.wait_for_timeout(PAUSE)
        page.evaluate(WATCH, [selector, "pointermove"])
        page.mouse.move(x - (0 if upright else 14 * step), y + (14 * step if upright else 0))
        with contextlib.suppress(Exception):  # a move that ends on the same mark changes nothing
            times.append(
                page.evaluate("() => Promise.race([window.seen, new Promise((_, no) => setTimeout(no, 400))])")
            )
    page.mouse.up()
    return times[WARM_UP:]


def _clicks(page, explorer, selector):
    """Click two parts in turn; none where nothing can be clicked."""
    parts = explorer.locator(".memcalc-stage svg .press")
    times = []
    for turn in range(2 * WARM_UP + 12 if parts.count() else 0):
        page.wait_for_timeout(PAUSE)
        page.evaluate(WATCH, [selector, "click"])
        parts.nth(min(turn % 2, parts.count() - 1)).dispatch_event("click")
        with contextlib.suppress(Exception):  # what is chosen already
            times.append(
                page.evaluate("() => Promise.race([window.seen, new Promise((_, no) => setTimeout(no, 800))])")
            )
    return times[WARM_UP:]


def _on_pages(folder, browser):
    """Name of a case → the times of a key and of a drag with frames made beforehand, and of the worker [ms]."""
    found = {}
    pages.write_all(folder, pyodide=ROOT / "node_modules" / "pyodide")
    with served(folder) as site:
        for case in tqdm(CASES, unit="page"):
            FACTS["sizes"][case.name] = _sizes(folder, case.name)
            page = browser.new_page(viewport={"width": 1280, "height": 1600}, reduced_motion="reduce")
            began = time.monotonic()
            page.goto(f"{site}/{case.name}.html")
            explorer = page.locator(".memcalc-explorer")
            explorer.locator(".memcalc-stage > svg [data-name]").first.wait_for(state="attached")
            FACTS["touchable"].append(1000 * (time.monotonic() - began))
            control, keys = _control(explorer, case), []
            there = case.keys if case.keys == ENDS else ("ArrowRight", "ArrowLeft")  # a start may lie at an end
            for turn in range(PRESSES if control.count() else 0):
                keys.append(press(page, control, there[turn % 2], PAGE))
            found[case.name] = keys[WARM_UP:], _drags(page, explorer, PAGE), _from_the_worker(page, explorer)
            page.close()
    return found


def _sizes(folder, name):
    """How large the files of a page are before it is touched, packed too, and the largest set that a hand fetches."""
    names = ("explorer.js", "explorer.css", "host.js", f"{name}.html", f"{name}/stage.json", f"{name}/860.json")
    first = [(folder / file).read_bytes() for file in names]
    largest = max((path.read_bytes() for path in (folder / name).glob("860-*.json")), key=len)
    packed = [len(gzip.compress(file)) for file in (b"".join(first), largest)]
    return sum(map(len, first)), packed[0], len(largest), packed[1]


FACTS = {"touchable": [], "ready": [], "sizes": {}}
"""What pages take until they can be touched, and workers until they answer [ms]; and how large pages are [bytes]."""


def facts():
    """What holds of all pages, in words."""
    touchable, ready = (FACTS[name] for name in ("touchable", "ready"))
    yield f"a page can be touched after {statistics.median(touchable):.0f} ms, at most {max(touchable):.0f} ms"
    yield f"its worker answers after {statistics.median(ready) / 1000:.1f} s, at most {max(ready) / 1000:.1f} s"
    for name, sizes in FACTS["sizes"].items():
        first, packed, largest, largest_packed = (size // 1000 for size in sizes)
        touched = f"the largest set of frames that a hand fetches {largest} kB ({largest_packed})"
        yield f"page of {name}: {first} kB ({packed} packed by gzip); {touched}"


ASK = """async ([subject, states]) => {
  const began = performance.now();
  const worker = new Worker("./worker.js", { type: "module" });
  const ask = (state) => new Promise((done) => {
    worker.onmessage = ({ data }) => data.id && done(data.text);
    worker.postMessage({ id: 1, subject, state, start: {}, width: 860 });
  });
  await ask(states[0]);
  const ready = performance.now() - began;
  const times = [];
  for (const state of states.slice(1)) {
    const asked = performance.now();
    JSON.parse(await ask(state));
    times.push(performance.now() - asked);
  }
  worker.terminate();
  return [ready, times];
}"""


def _from_the_worker(page, explorer):
    """The time that the worker takes for a frame that was not made beforehand [ms]."""
    subject = explorer.get_attribute("data-subject")
    states = [{}, *list(pages.one_away(getattr(explorers, subject)))[::3]]
    ready, times = page.evaluate(ASK, [subject, states])
    FACTS["ready"].append(ready)
    return times[WARM_UP:]
