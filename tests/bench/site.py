"""The site as a visitor meets it: how long to the first picture, from a key to the next, to the first answer."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import latency
from lab import ROOT, chromium, served

VISITS = 3
LESSONS = (f"lessons/{path.stem}" for path in sorted((ROOT / "notebooks").glob("0[0-8]*.ipynb")))
PLACES = ("index", "calculator", *LESSONS)
FIRST = "[data-later]"
SLIDER = "s: context"

READY = """async () => {
  const { pythonIn } = await import("./_static/live/host.js");
  const began = performance.now();
  await pythonIn("./_static/live/worker.js")({ subject: "fit", state: {}, start: {}, width: 860 });
  return performance.now() - began;
}"""
"""From the first touch, which starts the worker, to its first answer."""


def lines():
    """What was measured beside its goal, a line each."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        built(Path(folder))
        building = time.monotonic() - began
        with served(Path(folder, "html")) as site, chromium() as browser:
            first = [_first_picture(browser, f"{site}/{place}.html") for place in PLACES for _ in range(VISITS)]
            keys = _keys(browser, f"{site}/index.html")
            ready = [_worker(browser, f"{site}/index.html") for _ in range(VISITS)]
    yield f"the site is built after {building:.0f} s (goal 300)"
    yield f"the first picture of a page can be touched after {_spread(first)} ms (goal 1000)"
    yield f"from the key on a slider to the picture: {_spread(keys)} ms (goal 20)"
    yield f"Python answers in the page {_spread(ready)} ms after the first touch (goal 15000)"


def built(folder):
    """Build the site into a folder, as `make site` does."""
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", str(folder / "read")]
    subprocess.run([*command, str(ROOT / "site"), str(folder / "html")], check=True, cwd=ROOT)


def _spread(times):
    return f"{statistics.median(times):.0f}, at most {max(times):.0f}"


def _first_picture(browser, address):
    """The time from the link to the first picture of a page, on a device that has never seen the site [ms]."""
    page = _visitor(browser)
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    place = page.locator(FIRST).first
    place.scroll_into_view_if_needed()
    place.locator(".memcalc-stage > svg [data-name]").first.wait_for(state="attached")
    taken = 1000 * (time.monotonic() - began)
    page.close()
    return taken


def _keys(browser, address):
    """The times from a key on the slider of the context to the picture [ms]."""
    page = _visitor(browser)
    page.goto(address)
    slider = page.locator(FIRST).get_by_label(SLIDER).and_(page.locator("input[type=range]")).first
    slider.wait_for()
    keys = [latency.SLIDE[turn % len(latency.SLIDE)] for turn in range(latency.PRESSES + latency.WARM_UP)]
    times = [latency.press(page, slider, key, FIRST) for key in keys]
    page.close()
    return times[latency.WARM_UP :]


def _worker(browser, address):
    """The time until the worker of a page that was just opened answers [ms]."""
    page = _visitor(browser)
    page.goto(address)
    ready = page.evaluate(READY)
    page.close()
    return ready


def _visitor(browser):
    return browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
