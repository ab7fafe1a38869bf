"""The explorers as static pages in a real browser, and the worker behind them: no kernel, no network.

The page's script is also linted and tested without a browser, by the tools of package.json.
"""

import json
import os
import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import lab
from memcalc.explorers.frame import LAYOUTS
from memcalc.web import pages
from scenes import EXPLORERS

NODE = lab.ROOT / "node_modules"
BIN = os.path.dirname(sys.executable)
EACH = pytest.mark.parametrize("shown", EXPLORERS, ids=[shown.subject for shown in EXPLORERS])
LOOKS = [("light", 1280), ("dark", 700), ("light", 390)]

lab.needed(NODE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the pages of all explorers, with the worker."""
    folder = tmp_path_factory.mktemp("pages")
    pages.write_all(folder, pyodide=NODE / "pyodide")
    with lab.served(folder) as address:
        yield address


@pytest.fixture
def page(browser):
    """A page that fails its test on any error in the console, and on any request that leaves the site."""
    with lab.watched(browser, "http://127.0.0.1") as page:
        yield page


def opened(page, site, subject, theme="light", width=1280):
    """The explorer of a page, in a theme and a width."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(f"{site}/{subject}.html")
    explorer = page.locator(".memcalc-explorer")
    expect(explorer.locator(".memcalc-stage > svg")).to_be_visible()
    return explorer


OUTSIDE = """async explorer => {
  const { model } = explorer;
  const svg = explorer.querySelector(".memcalc-stage > svg");
  const json = async (name) => (await fetch(`${model.get("stage").subject}/${model.get("width")}${name}.json`)).json();
  const sets = await Promise.all((await json("")).sets.map((name) => json(`-${name}`)));
  const frames = sets.flat();
  const outside = [];
  for (const { state } of [{ state: {} }, ...frames]) {
    model.set("state", { ...model.get("start"), ...state });
    const there = () => JSON.stringify(model.get("frame").state) === JSON.stringify(model.get("state"));
    while (!there()) await new Promise((done) => setTimeout(done));
    const { left, top, right, bottom } = svg.getBoundingClientRect();
    for (const shape of svg.querySelectorAll("[data-name]")) {
      if (shape.closest("pattern") || shape.classList.contains("reach") || shape.querySelector(".reach")) continue;
      const at = shape.getBoundingClientRect();
      const out = at.left < left - 3 || at.right > right + 3 || at.top < top - 3 || at.bottom > bottom + 3;
      if (at.width + at.height > 0 && out) outside.push(`${shape.dataset.name} at ${JSON.stringify(state)}`);
    }
    const sideways = explorer.querySelector(".memcalc-sentence");
    if (sideways.scrollWidth > sideways.clientWidth + 1) outside.push("the sentence");
  }
  return [frames.length, outside];
}"""


@EACH
@pytest.mark.parametrize(("theme", "width"), LOOKS, ids=["light-1280", "dark-700", "light-390"])
def test_nothing_leaves_the_picture_at_any_end_of_any_control(page, site, shown, theme, width):
    explorer = opened(page, site, shown.subject, theme, width)
    count, outside = explorer.evaluate(OUTSIDE)
    assert count > 10
    assert not outside, outside[:5]
    faults = Axe().run(page, ".memcalc-explorer").response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == [], json.dumps(faults)


def test_a_page_is_touched_at_once_and_asks_for_little(page, site):
    sizes = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    explorer = opened(page, site, "fit")
    expect(explorer.get_by_role("status")).to_contain_text("4.91 GiB of the 28.55 GiB run over the rim")
    slider = explorer.get_by_label("s: context", exact=True)
    slider.press("ArrowLeft")
    expect(explorer.get_by_role("status")).to_contain_text("2.91 GiB")
    explorer.get_by_role("button", name="Undo").click()
    expect(explorer.get_by_role("status")).to_contain_text("4.91 GiB")
    assert not any("pyodide" in url for url in list(sizes)[:6])


def test_a_scrub_that_writes_the_formula_anew_is_one_undo(page, site):
    explorer = opened(page, site, "fit")
    bits = explorer.locator("[data-letter=B] .scrub")
    bits.scroll_into_view_if_needed()
    box = bits.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 7):
        page.mouse.move(box["x"] - 10 * step, box["y"])
        page.wait_for_timeout(50)
    page.mouse.up()
    assert explorer.get_by_label("format of the weights", exact=True).first.input_value() != "FP16"
    explorer.get_by_role("button", name="Undo").click()
    expect(explorer.get_by_label("format of the weights", exact=True).first).to_have_value("FP16")
    expect(explorer.get_by_role("status")).to_contain_text("4.91 GiB of the 28.55 GiB run over the rim")


@pytest.mark.parametrize("picker", ["card", "model"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_a_list_of_names_stays_on_the_page(page, site, width, picker):
    explorer = opened(page, site, "fit", width=width)
    explorer.get_by_label(picker, exact=True).press("ArrowDown")
    box = explorer.get_by_label(f"{picker}: names").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_closed_page_asks_first(page, site):
    page.route(
        "**/fit.html", lambda route: route.fulfill(body=route.fetch().text().replace("<div ", "<div data-closed "))
    )
    explorer = opened(page, site, "fit")
    expect(explorer.get_by_role("status")).to_contain_text("How high will it reach?")
    assert "28.55" not in explorer.inner_text()
    page.evaluate("() => addEventListener('memcalc-guess', ({ detail }) => (window.told = detail))")
    explorer.get_by_role("button", name="just show me").click()
    expect(explorer.get_by_role("status")).to_contain_text("28.55")
    assert page.evaluate("window.told") == {"guess": None}


def test_without_a_worker_the_page_says_what_it_does_not_know(page, site):
    page.route(
        "**/fit.html", lambda route: route.fulfill(body=re.sub(r' data-worker="[^"]*"', "", route.fetch().text()))
    )
    explorer = opened(page, site, "fit")
    field = explorer.get_by_label("s: context, exact number")
    field.fill("5001")
    field.press("Enter")
    expect(explorer.get_by_role("status")).to_contain_text(
        "This page has no picture of that: it was not made beforehand."
    )


ASK = """async ([subject, states, start, width]) => {
  window.python ??= new Worker("./worker.js", { type: "module" });
  const answers = [];
  for (const state of states) {
    window.python.postMessage({ id: 1, subject, state, start, width });
    const answer = await new Promise((done) => (window.python.onmessage = ({ data }) => data.id && done(data.text)));
    answers.push(answer);
  }
  return answers;
}"""


def test_the_worker_gives_the_frames_of_cpython_byte_for_byte(page, site):
    page.goto(f"{site}/fit.html")
    for shown in EXPLORERS:
        states = [*shown.stage["presets"].values(), *list(pages.one_away(shown))[::17]]
        for width in LAYOUTS[::2]:
            answers = page.evaluate(ASK, [shown.subject, states, {}, width])
            for state, found in zip(states, answers, strict=True):
                ours = json.dumps(shown.answer(state, {}, width), ensure_ascii=False)
                assert found == ours, (shown.subject, state)


def tool(*command):
    """What a tool of package.json prints; it fails the test if it fails."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=lab.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_s_script_is_linted():
    tool(f"{BIN}/npm", "run", "--silent", "lint")


def test_the_page_s_script_is_tested():
    assert re.search(r"pass \d{2}", tool(f"{BIN}/npm", "run", "--silent", "test"))
