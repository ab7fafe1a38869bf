"""The notebooks in JupyterLab, and the first in Voilà, in a real browser: explorers answer to the keyboard.

Theme and width vary together: the first two notebooks are opened in both ways, the others in one of them, in turn.
"""

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import lab as servers

ARTEFACTS = Path(__file__).parent / "artefacts"
HARMLESS = ("favicon", "ResizeObserver", "shared module", "ERR_NAME_NOT_RESOLVED")
"""Errors of the console that are none of ours: JupyterLab and Voilà bring the same libraries, and Voilà's page asks the
network for a font and for MathJax, which a test must do without."""
OTHERS = sorted(path.name for path in (servers.ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = tuple(dict.fromkeys(("00_start_here.ipynb", "04_kv_cache.ipynb", *OTHERS)))
LOOKS = (("light", 1280), ("dark", 800))
PAGES = [(notebook, *look) for notebook in NOTEBOOKS[:2] for look in LOOKS]
PAGES += [(notebook, *LOOKS[place % 2]) for place, notebook in enumerate(NOTEBOOKS[2:])]
SCENES = [(notebook, "light", 1280) for notebook in NOTEBOOKS]

SEVERAL = servers.notebook(
    "from memcalc import explorers\n"
    "start = {'kv_heads': 32, 'context': 32768, 'batch': 1, 'kv_cache': 'FP16'}\n"
    "one, other = (explorers.kv_cache(**start) for _ in range(2))\n"
    "display(one, one, other)"
)
"""Two views of one explorer, and another explorer."""

if servers.CHROMIUM is None:
    if os.environ.get("CI"):
        pytest.fail("browser tests need Chromium: apt-get install chromium libatomic1", pytrace=False)
    pytest.skip("browser tests need Chromium: apt-get install chromium libatomic1", allow_module_level=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    with servers.jupyterlab(home) as address:
        nbformat.write(SEVERAL, home / "notebooks" / "several.ipynb")
        yield address


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    with servers.chromium() as browser:
        yield browser


@contextmanager
def watched(page, errors, request):
    """Fail the test on an error in the console since the test before, and keep a screenshot when the test fails."""
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{re.sub(r'[^-.a-z0-9]+', '_', request.node.name)}.png")
    found = [error for error in errors if not any(word in error for word in HARMLESS)]
    errors.clear()
    assert not found, found


def listened(page):
    """What the page's console says of errors, from now on."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


class Desk:
    """One page of JupyterLab, on which one notebook lies at a time, its cells run once for all tests in turn."""

    def __init__(self, lab, page):
        self.lab, self.page, self.errors = lab, page, listened(page)
        self.notebook = self.look = self.start = None

    def run(self, notebook, theme="light"):
        """Put a notebook on the desk and run its cells."""
        self.notebook = self.look = self.start = None  # until it has run
        servers.run_all(self.page, self.lab, notebook, theme)
        self.notebook = notebook

    def explorer(self, notebook, theme, width):
        """The explorer of a notebook that has run, in a theme and a width, as it is at the start."""
        if self.notebook != notebook:
            self.page.set_viewport_size({"width": width, "height": 1000})
            self.run(notebook, theme)
        found = self.page.locator(".memcalc-explorer")
        expect(found).to_have_count(1)
        expect(found.locator("svg[role=img]")).to_be_visible()
        if self.look != (theme, width):
            self.page.set_viewport_size({"width": width, "height": 1000})
            servers.command(self.page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
            wait_until_it_stands_still(self.page, found)
            self.look = theme, width
        self.start = self.start or shown(found)
        found.get_by_role("button", name="Reset").press("Enter")
        expect(found.get_by_role("status")).to_have_text(self.start[2])
        assert shown(found) == self.start, "all is as it was"
        return found


@pytest.fixture(scope="module")
def desk(lab, browser):
    """A JupyterLab for the tests of this module."""
    page = browser.new_page()
    yield Desk(lab, page)
    page.close()


@pytest.fixture
def page(desk, request):
    """The page of the desk; after a test that failed, the next one finds the desk empty."""
    failed = request.session.testsfailed
    with watched(desk.page, desk.errors, request) as page:
        yield page
        if request.session.testsfailed > failed:
            desk.notebook = None


@pytest.fixture
def explorer(desk, page, request):
    """The explorer of a notebook in which all cells have run."""
    yield desk.explorer(*request.param)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def wait_until_it_stands_still(page, explorer):
    """Scroll to an explorer; JupyterLab lays out what is above it bit by bit."""
    seen = []
    while len(seen) < 4 or any(box != seen[-1] for box in seen[-4:]):
        explorer.scroll_into_view_if_needed()
        page.wait_for_timeout(100)
        seen.append(explorer.bounding_box())


def shown(explorer):
    """What the eye and the ear get: the picture, its label, and the result in words."""
    picture = explorer.locator("svg[role=img]")
    return picture.inner_html(), picture.get_attribute("aria-label"), explorer.get_by_role("status").text_content()


def changes(explorer, before):
    """Wait until picture, label and words are others, and return them."""
    expect(explorer.get_by_role("status")).not_to_have_text(before[2])
    now = shown(explorer)
    assert all(new != old for new, old in zip(now, before, strict=True))
    assert now[1] == now[2], "who hears the picture and who reads the words get the same"
    return now


def no_serious_fault(page):
    """Hold the explorer to the rules of axe-core."""
    faults = Axe().run(page, ".memcalc-explorer").response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == [], json.dumps(faults)


TYPED = {"model": "Llama-2-13B", "card": "RTX 5090", "s: context": "4,096", "b: batch": "3", "h_kv": "8", "N_d": "16"}
"""Label → what is typed into the field."""


def move(page, control):
    """Move a focused control by the keyboard alone."""
    label = control.evaluate("control => control.ariaLabel ?? control.labels[0].textContent")
    if control.get_attribute("type") == "text":
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(next(text for name, text in TYPED.items() if label.startswith(name)))
        page.keyboard.press("Enter")
    else:
        page.keyboard.press("ArrowUp" if label in ("verdict", "b: batch [sequences]") else "ArrowDown")


@pytest.mark.parametrize("explorer", PAGES, indirect=True, ids=lambda page: "-".join(map(str, page)))
def test_every_control_moves_by_keyboard_and_can_be_undone(page, explorer):
    controls = explorer.locator(".memcalc-control").locator("input, select")
    undo, start = explorer.get_by_role("button", name="Undo"), shown(explorer)
    height = explorer.bounding_box()["height"]
    for place in range(controls.count()):
        control = controls.nth(place)
        control.focus()
        move(page, control)
        changes(explorer, start)
        assert control.evaluate("control => control === document.activeElement"), "the focus is kept"
        assert explorer.bounding_box()["height"] == height, "the page does not jump"
        undo.press("Enter")
        expect(explorer.get_by_role("status")).to_have_text(start[2])
        assert shown(explorer) == start
    no_serious_fault(page)


WATCH = """stage => {
  window.seen = [];
  const look = () => {
    if (!window.seen) return;
    const { width, height } = stage.getBoundingClientRect();
    window.seen.push(`${width} x ${height}, shapes: ${[...stage.querySelectorAll("path[d^=M]")].length > 10}`);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.mark.parametrize("explorer", SCENES[:2], indirect=True, ids=["fit", "cache"])
def test_a_drag_ends_on_the_last_value_and_no_frame_is_blank(page, explorer):
    slider = explorer.get_by_label("s: context").first
    slider.scroll_into_view_if_needed()
    wait_until_it_stands_still(page, slider)
    box, start = slider.bounding_box(), shown(explorer)
    explorer.locator(".memcalc-stage").evaluate(WATCH)
    across = [box["x"] + box["width"] * step / 40 for step in range(1, 40)]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for x in [*across, box["x"] + box["width"] - 1]:
        page.mouse.move(x, box["y"] + box["height"] / 2)
    page.mouse.up()
    expect(slider).to_have_js_property("ariaValueText", "1,048,576 tokens")
    page.wait_for_timeout(500)  # whatever is still under way
    details = explorer.get_by_role("group", name="Details")
    expect(details).to_contain_text("× 1,048,576 ×")
    seen = page.evaluate("() => [window.seen, delete window.seen][0]")
    assert len(seen) > 10
    assert len(set(seen)) == 1, set(seen)
    explorer.get_by_role("button", name="Undo").click()
    expect(explorer.get_by_role("status")).to_have_text(start[2])


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_presets_reset_and_the_line_of_python(page, explorer):
    start = shown(explorer)
    explorer.get_by_role("button", name="8 bits").press("Enter")
    changes(explorer, start)
    explorer.get_by_text("The same in Python").press("Enter")
    code = explorer.get_by_label("Python", exact=True)
    expect(code).to_contain_text("breakdown(Model.named('LLaMA-7B'), Inference(context=32768, batch=1, weights='INT8'")
    explorer.get_by_role("button", name="Copy").press("Enter")
    expect(explorer.get_by_role("button", name="Copied")).to_be_visible()
    explorer.get_by_text("The same in Python").press("Enter")
    explorer.get_by_role("button", name="Reset").press("Enter")
    expect(explorer.get_by_role("status")).to_have_text(start[2])
    assert shown(explorer) == start


@pytest.mark.parametrize("explorer", SCENES[:2], indirect=True, ids=["fit", "cache"])
def test_nonsense_is_said_and_the_picture_stays(page, explorer):
    start, field = shown(explorer), explorer.get_by_label("s: context").last
    field.fill("32K")
    field.press("Enter")
    expect(explorer.get_by_role("status")).to_have_text(
        "context must be a whole number from 128 to 1,048,576, not '32K'. What is shown is the last that made sense."
    )
    assert field.input_value() == "32K", "nothing is lost"
    assert shown(explorer)[:2] == start[:2]
    explorer.get_by_role("button", name="Undo").press("Enter")
    expect(explorer.get_by_role("status")).to_have_text(start[2])


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_a_picker_searches_and_forgets_nothing(page, explorer):
    start, field = shown(explorer), explorer.get_by_label("model", exact=True)
    names = explorer.get_by_label("model: names").get_by_role("option")
    field.focus()
    page.keyboard.press("ArrowDown")
    assert names.count() > 60, "all of them"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(names.first).to_be_hidden()
    assert (field.input_value(), shown(explorer)) == ("LLaMA-7B", start)
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("mamba")
    assert names.all_text_contents() == ["Mamba-2.8B", "Mamba-2-2.7B", "Mamba-Codestral-7B"]
    page.keyboard.press("ArrowDown")
    no_serious_fault(page)
    page.keyboard.press("Enter")
    changes(explorer, start)
    assert field.input_value() == "Mamba-2.8B"
    field.click()
    names.get_by_text("LLaMA-13B", exact=True).click()
    expect(explorer.get_by_role("status")).to_contain_text("It needs 49.24 GiB")
    expect(field).to_be_focused()
    height, card = explorer.bounding_box()["height"], explorer.get_by_label("card", exact=True)
    for name in ("GH200 96 GB", "H200"):  # a name within another one
        card.fill(name)
        card.press("Enter")
        expect(explorer.get_by_role("status")).to_contain_text(f"the {name} has")
    field.fill("Lama-2-7B")
    field.press("Enter")
    expect(explorer.get_by_role("status")).to_contain_text("model 'Lama-2-7B' is not known; the nearest is")
    assert explorer.bounding_box()["height"] == height, "the page does not jump"


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_what_is_shown_is_of_the_card_that_is_chosen(page, explorer):
    slider, card = explorer.get_by_label("s: context").first, explorer.get_by_label("card", exact=True)
    slider.press("ArrowRight")  # frames of the RTX 4090 are kept
    card.fill("A100 80 GB")
    card.press("Enter")
    explorer.get_by_role("button", name="Undo").press("Enter")  # before the answer, or after it
    slider.press("ArrowLeft")
    slider.press("ArrowRight")
    expect(explorer.get_by_role("status")).to_contain_text("the RTX 4090 has 23.64 GiB")
    expect(explorer.locator("svg")).to_contain_text("RTX 4090: 23.64 GiB")
    page.wait_for_timeout(500)  # whatever is still under way
    expect(explorer.locator("svg")).to_contain_text("RTX 4090: 23.64 GiB")
    expect(explorer.get_by_role("status")).to_contain_text("the RTX 4090 has 23.64 GiB")


def test_several_explorers_and_several_views_of_one(desk, page):
    page.set_viewport_size({"width": 1280, "height": 2400})
    desk.run("several.ipynb")
    explorers = page.locator(".memcalc-explorer")
    expect(explorers).to_have_count(3)
    ids = explorers.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids)) > 100
    said = [explorers.nth(place).get_by_role("status") for place in range(3)]
    explorers.nth(2).get_by_text("s: context").click()
    page.keyboard.press("ArrowRight")
    expect(said[2]).to_contain_text("The cache of 65,536 tokens")
    assert "The cache of 32,768 tokens" in said[0].text_content()
    explorers.nth(1).get_by_label("s: context").first.press("ArrowLeft")
    for view in said[:2]:
        expect(view).to_contain_text("The cache of 16,384 tokens")
    expect(explorers.nth(0).get_by_label("s: context").last).to_have_value("16,384")
    assert "The cache of 65,536 tokens" in said[2].text_content()
    explorers.nth(1).get_by_label("s: context").first.press("Shift+Enter")  # JupyterLab's own keys stay its own
    expect(said[2]).to_contain_text("The cache of 32,768 tokens")


@pytest.fixture
def web(browser, request):
    """A page that is no JupyterLab."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    with watched(page, listened(page), request):
        yield page
    page.close()


def test_the_first_notebook_is_a_web_page_without_code(web, tmp_path):
    with servers.voila(tmp_path, servers.ROOT / "notebooks" / NOTEBOOKS[0]) as address:
        web.goto(address)
        explorer = web.locator(".memcalc-explorer")
        expect(explorer.locator("svg[role=img]")).to_be_visible(timeout=60_000)
        assert web.get_by_text("from memcalc import").count() == 0
        before = shown(explorer)
        slider = explorer.get_by_label("s: context").first
        slider.press("ArrowRight")
        changes(explorer, before)
        expect(slider).to_have_js_property("ariaValueText", "65,536 tokens")
        web.goto("about:blank")  # before the server goes
