"""The notebooks in JupyterLab, and the first in Voilà, in a real browser: explorers answer to hands and to keys.

Theme and width vary together: the first two notebooks are opened in both ways, the others in one of them, in turn.
"""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import lab as servers
from memcalc.lessons import EXERCISES, copies

ARTEFACTS = Path(__file__).parent / "artefacts"
HARMLESS = (
    *("favicon", "ResizeObserver", "shared module", "ERR_NAME_NOT_RESOLVED", "restore the debugger state"),
    *("voila/api/shutdown", "Shared module @jupyterlite"),
)
"""Errors of the console that are none of ours: JupyterLab and Voilà bring the same libraries, JupyterLab still asks a
kernel for its debugger that was restarted, and Voilà's page asks the network for a font and for MathJax, which a test
must do without, and, when one leaves it, asks to end a kernel that has ended. JupyterLab also tries an extension with
which the site lets a browser run notebooks (JupyterLite), and goes on without it."""
OTHERS = sorted(path.name for path in (servers.ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = tuple(dict.fromkeys(("00_start_here.ipynb", "04_kv_cache.ipynb", *OTHERS)))
LOOKS = (("light", 1280), ("dark", 800))
PAGES = [(notebook, *look) for notebook in NOTEBOOKS[:2] for look in LOOKS]
PAGES += [(notebook, *LOOKS[place % 2]) for place, notebook in enumerate(NOTEBOOKS[2:])]
SCENES = [(notebook, "light", 1280) for notebook in NOTEBOOKS]
NAMES = [notebook.removesuffix(".ipynb") for notebook in NOTEBOOKS]
PICTURE = ".memcalc-stage > svg"

SEVERAL = servers.notebook(
    "from memcalc import explorers\none, other = (explorers.fit() for _ in range(2))\ndisplay(one, one, other)"
)
"""Two views of one explorer, and another explorer."""

CLOSED = servers.notebook(
    "from memcalc import explorers\nfit = explorers.fit(closed=True)\nfit", "fit.guess, fit.guess_unit"
)
"""An explorer that asks first."""


def recorded(record, *cells):
    """A notebook that keeps what is answered in a file of its own: whatever was answered in others, it is new."""
    return servers.notebook(f'import os\nos.environ["MEMCALC_PROGRESS"] = "{record}.json"', *cells)


PICTURED = recorded(
    "pictured",
    'from memcalc import brief, explorers, predict\npredict("0.1", within=explorers.fit(closed=True))',
    "brief(4)",
)
"""A guess that is made in the picture, and a brief."""

ASKED = recorded(
    "asked",
    "from memcalc import exercise, explorers, predict\n"
    'predict("4.1", unit="GiB", then=lambda: explorers.kv_cache(context=4096))',
    'exercise("4.2")',
)
"""A guess before anything is shown, and an exercise."""

servers.needed()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    with servers.jupyterlab(home) as address:
        nbformat.write(SEVERAL, home / "notebooks" / "several.ipynb")
        nbformat.write(CLOSED, home / "notebooks" / "closed.ipynb")
        for name in (
            "pictured.ipynb",
            "briefed.ipynb",
        ):  # a file whose kernel JupyterLab may still be ending is not run
            nbformat.write(PICTURED, home / "notebooks" / name)
        for name in ("asked.ipynb", "asked_again.ipynb"):
            nbformat.write(ASKED, home / "notebooks" / name)
        yield address


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

    def tell(message):
        if message.type == "error":
            errors.append(f"{message.text} {message.location['url']}")

    page.on("console", tell)
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
        found = self.page.locator(".memcalc-explorer").first
        expect(found.locator(PICTURE)).to_be_visible(timeout=servers.START)  # a kernel starts, and imports SymPy
        if self.look != (theme, width):
            self.page.set_viewport_size({"width": width, "height": 1000})
            servers.command(self.page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
            wait_until_it_stands_still(self.page, found)
            self.look = theme, width
            self.start = None  # another width may have another layout
        if (closed := found.get_by_role("button", name="just show me")).is_visible():
            closed.click()
        found.get_by_role("button", name="Reset").press("Enter")
        answered(found)
        self.start = self.start or shown(found)
        assert shown(found) == self.start, "all is as it was"
        return found


@pytest.fixture(scope="module")
def desk(lab, browser):
    """A JupyterLab for the tests of this module."""
    page = browser.new_page(reduced_motion="reduce")  # a picture is at once where it will be
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


SHOWN = """explorer => [...explorer.querySelectorAll(".memcalc-stage svg [data-name]")].map(shape => [
  shape.dataset.name, shape.textContent, ...["x", "y", "width", "height", "d", "cx", "cy", "r", "transform"].map(
    name => shape.getAttribute(name))])"""


def answered(explorer):
    """Wait until what is shown is of the state that is set."""
    expect(explorer).to_have_attribute("aria-busy", "false")


def shown(explorer):
    """What the eye and the ear get: the picture, its label, the result and the formula in words."""
    answered(explorer)
    words = explorer.get_by_role("status").text_content(), explorer.locator(".memcalc-formula").text_content()
    return explorer.evaluate(SHOWN), explorer.locator(PICTURE).get_attribute("aria-label"), *words


def changes(explorer, before):
    """Wait until something of it is another, and return what is shown."""
    expect(explorer.locator(PICTURE)).to_be_visible()
    for _ in range(100):
        if (now := shown(explorer)) != before:
            return now
        explorer.page.wait_for_timeout(50)
    raise AssertionError("nothing changed")


def no_serious_fault(page, of=".memcalc-explorer"):
    """Hold the explorer, or what else there is, to the rules of axe-core."""
    faults = Axe().run(page, of).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == [], json.dumps(faults)


def move(page, control):
    """Move a focused control by the keyboard alone, to a value that it has not."""
    role, kind = control.get_attribute("role"), control.get_attribute("type")
    value = control.input_value() if role is None else ""
    if role == "combobox":
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    elif kind == "text" and control.get_attribute("inputmode") == "numeric":
        number = int(value.replace(",", ""))
        control.fill(str(number * 2 if number < 9 else number - 1))
        page.keyboard.press("Enter")
    elif kind == "text":
        control.fill(f"{value} and more")
        page.keyboard.press("Tab")
        control.focus()
    else:
        page.keyboard.press("ArrowDown" if role is None and kind is None else "ArrowRight")


CONTROLS = ".memcalc-sentence :is(select, input), .memcalc-sliders input, .memcalc-stage svg .knob, .scrub"


@pytest.mark.parametrize("explorer", PAGES, indirect=True, ids=lambda page: "-".join(map(str, page)))
def test_every_control_moves_by_keyboard_and_can_be_undone(page, explorer):
    controls = explorer.locator(CONTROLS)
    undo, start = explorer.get_by_role("button", name="Undo"), shown(explorer)
    values = [explorer.evaluate(VALUES)]
    for place in range(controls.count()):
        control = controls.nth(place)
        if not control.is_visible():
            continue
        control.focus()
        move(page, control)
        page.wait_for_timeout(50)
        if explorer.evaluate(VALUES) == values[0]:  # it stood at its end
            page.keyboard.press("ArrowUp" if control.evaluate("control => control.matches('select')") else "ArrowLeft")
        answered(explorer)
        assert explorer.evaluate(VALUES) != values[0], control.evaluate("control => control.outerHTML")
        assert page.evaluate("() => document.activeElement.closest('.memcalc-explorer') !== null"), "the focus is kept"
        undo.press("Enter")
        answered(explorer)
        assert shown(explorer) == start, control.evaluate("control => control.outerHTML")
    no_serious_fault(page)


VALUES = """explorer => [...explorer.querySelectorAll(
  ".memcalc-sentence :is(select, input), .memcalc-sliders input")].map(
  (control) => control.value).join("|")"""


def held(page, box, dx, dy, between=lambda: None):
    """Drag what has this box by so much, as a hand does."""
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 21):
        page.mouse.move(x + dx * step / 20, y + dy * step / 20)
        page.wait_for_timeout(16)
        between()
    page.mouse.up()


WATCH = """stage => {
  window.seen = [];
  const look = () => {
    if (!window.seen) return;
    const { width, height } = stage.getBoundingClientRect();
    const shapes = stage.querySelectorAll("svg [data-name]").length;
    window.seen.push(`${width} x ${height}, shapes: ${shapes > 10}`);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.mark.parametrize("explorer", SCENES, indirect=True, ids=NAMES)
def test_every_handle_is_dragged_and_one_undo_brings_it_back(page, explorer):
    start, handles = shown(explorer), explorer.locator(".memcalc-stage svg .knob")
    for place in range(handles.count()):
        handle = handles.nth(place)
        assert handle.get_attribute("aria-label"), "a name"
        wait_until_it_stands_still(page, handle)
        explorer.locator(".memcalc-stage").evaluate(WATCH)
        upright = "along-y" in handle.get_attribute("class")
        values = explorer.evaluate(VALUES)
        for way in (60, -60, 260, -260):
            held(page, handle.bounding_box(), 0 if upright else way, way if upright else 0)
            answered(explorer)
            if explorer.evaluate(VALUES) != values:
                break
        assert explorer.evaluate(VALUES) != values, handle.get_attribute("aria-label")
        seen = page.evaluate("() => [window.seen, delete window.seen][0]")
        assert len(seen) > 10
        assert len({line.split(",")[1] for line in seen}) == 1, "no frame is blank"
        explorer.get_by_role("button", name="Undo").click()
        answered(explorer)
        assert shown(explorer) == start


@pytest.mark.parametrize("explorer", SCENES, indirect=True, ids=NAMES)
def test_what_is_hovered_and_what_is_pressed_says_what_it_is(page, explorer):
    pressed = explorer.locator(".memcalc-stage svg .press")
    start = shown(explorer)
    for place in range(min(3, pressed.count())):
        shape = pressed.nth(place)
        assert shape.get_attribute("aria-label"), "a name"
        shape.dispatch_event("pointerover")
        expect(explorer.locator(".memcalc-tip")).to_be_visible()
        expect(explorer.locator(".memcalc-tip")).to_have_text(shape.get_attribute("aria-label"))
    no_serious_fault(page)
    if pressed.count():
        pressed.last.focus()
        page.keyboard.press("Enter")
        answered(explorer)
        explorer.get_by_role("button", name="Undo").press("Enter")
        assert shown(explorer) == start
    letter = explorer.locator("[data-letter]").last
    if letter.count():
        letter.hover()
        expect(explorer.locator(".memcalc-meaning")).to_contain_text(
            f"{letter.get_attribute('data-letter').replace('_', '')}: "
        )


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_a_number_of_the_formula_is_dragged(page, explorer):
    start = shown(explorer)
    tokens = explorer.locator("[data-letter=s] .scrub")
    held(page, tokens.bounding_box(), -60, 0)
    assert changes(explorer, start)[2].startswith("It does not fit: 2.91 GiB") or "GiB" in shown(explorer)[2]
    explorer.get_by_role("button", name="Undo").click()
    answered(explorer)
    assert shown(explorer) == start
    expect(tokens).to_have_attribute("aria-valuetext", "32,768 tokens")


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_presets_reset_hints_and_the_line_of_python(page, explorer):
    start = shown(explorer)
    explorer.get_by_role("button", name="the same in 8 bits").press("Enter")
    changes(explorer, start)
    explorer.get_by_text("The same in Python").press("Enter")
    code = explorer.get_by_label("Python", exact=True)
    expect(code).to_contain_text("breakdown(Model.named('LLaMA-7B'), Inference(context=32768, batch=1, weights='INT8'")
    explorer.get_by_role("button", name="Copy").press("Enter")
    expect(explorer.get_by_role("button", name="Copied")).to_be_visible()
    explorer.get_by_text("The same in Python").press("Enter")
    explorer.get_by_role("button", name="Reset").press("Enter")
    answered(explorer)
    assert shown(explorer) == start
    assert explorer.get_by_text("22,709").count() == 0, "no answer in advance"
    explorer.get_by_role("button", name="Hint").press("Enter")
    expect(explorer.locator(".memcalc-hints")).to_have_text("This card holds at most 22,709 tokens of context.")


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_nonsense_is_said_and_the_picture_stays(page, explorer):
    start, field = shown(explorer), explorer.get_by_label("s: context, exact number")
    field.fill("32,76")
    field.press("Enter")
    expect(explorer.get_by_role("status")).to_have_text(
        "context must be a whole number from 128 to 1,048,576, not '32,76'. What is shown is the last that made sense."
    )
    assert field.input_value() == "32,76", "nothing is lost"
    assert shown(explorer)[0] == start[0]
    field.fill("64K")
    field.press("Enter")
    expect(field).to_have_value("65,536")
    for _ in range(2):
        explorer.get_by_role("button", name="Undo").press("Enter")
    answered(explorer)
    assert shown(explorer) == start


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
    field.fill("qwen 7")
    assert names.all_text_contents()[:3] == ["Qwen2.5-7B", "Qwen2.5-7B-1M", "Qwen2.5-72B"]
    field.fill("qwen 77")
    expect(explorer.get_by_label("model: names")).to_contain_text("No model has all of “qwen 77” in its name.")
    field.fill("mamba")
    page.keyboard.press("ArrowDown")
    no_serious_fault(page)
    page.keyboard.press("Enter")
    changes(explorer, start)
    assert field.input_value() == "Mamba-Codestral-7B"
    field.fill("Lama-2-7B")
    field.press("Escape")
    assert field.input_value() == "Mamba-Codestral-7B"
    field.click()
    page.keyboard.type("llama-7")
    assert field.input_value() == "llama-7", "what is typed replaces the name"
    field.press("Escape")
    card = explorer.get_by_label("card", exact=True)
    card.fill("48 GB at 960 GB/s")
    card.press("Enter")
    expect(explorer.locator(PICTURE)).to_contain_text("48 GB at 960 GB/s: a program sees 44.70 GiB")
    card.fill("0 GB")
    card.press("Enter")
    expect(explorer.get_by_role("status")).to_contain_text("gpu must be a name, or a size up to 1,000,000 GB")


@pytest.mark.parametrize("explorer", SCENES[:1], indirect=True, ids=["fit"])
def test_a_config_of_one_s_own_is_pasted(page, explorer):
    explorer.get_by_label("model", exact=True).click()
    explorer.get_by_role("option", name="your own config.json …").click()
    text = explorer.get_by_label("the text of a config.json")
    expect(text).to_be_focused()
    text.fill('{"model_type": "llama"}')
    explorer.get_by_role("button", name="Use it").click()
    expect(explorer.get_by_role("status")).to_contain_text("is missing in config.json")
    config = {"model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008}
    config |= {"num_hidden_layers": 32, "num_attention_heads": 32, "tie_word_embeddings": False}
    explorer.get_by_label("model", exact=True).click()
    explorer.get_by_role("option", name="your own config.json …").click()
    text.fill(json.dumps(config))
    explorer.get_by_role("button", name="Use it").click()
    expect(explorer.get_by_role("status")).to_contain_text("4.91 GiB of the 28.55 GiB run over the rim")
    assert explorer.get_by_label("model", exact=True).input_value() == "your config.json"


def test_a_guess_is_made_in_the_picture_and_stays(desk, page):
    page.set_viewport_size({"width": 1280, "height": 1400})
    desk.run("closed.ipynb")
    explorer = page.locator(".memcalc-explorer")
    expect(explorer.get_by_role("status")).to_contain_text("How high will it reach?")
    assert explorer.locator(".answer:visible").count() == 0
    assert "28.55" not in explorer.inner_text()
    no_serious_fault(page)
    line = explorer.get_by_role("slider", name="How high will it reach?")
    held(page, line.bounding_box(), 0, -40)
    expect(line).to_have_attribute("aria-valuetext", re.compile(r"^\d+(\.\d+)? GiB$"))
    explorer.get_by_label("How high will it reach?").last.fill("14")
    explorer.get_by_role("button", name="Open it").click()
    expect(explorer.get_by_text("You guessed 14 GiB; it is 28.6 GiB: 2 times too little.")).to_be_visible()
    expect(explorer.get_by_role("status")).to_contain_text("4.91 GiB of the 28.55 GiB run over the rim")
    expect(explorer.get_by_text("your guess", exact=True)).to_be_visible()
    servers.command(page, "notebook:move-cursor-down")
    servers.command(page, "notebook:run-all-below")
    desk.notebook = None


def test_a_guess_in_the_picture_is_answered_there_by_keyboard_alone_and_asked_again(desk, page):
    page.set_viewport_size({"width": 1280, "height": 1400})
    desk.run("pictured.ipynb")
    explorer = page.locator(".memcalc-explorer")
    field = explorer.locator(".memcalc-guess input")
    field.fill("0")
    expect(explorer.get_by_role("button", name="Open it")).to_be_disabled()
    field.fill("13")
    page.keyboard.press("Enter")
    told = explorer.locator(".memcalc-factor")
    expect(told).to_contain_text("You said 13.00 GiB; it is 28.55 GiB: 2.2 times too little.")
    expect(told).to_contain_text("A natural mistake: that holds the parameters alone")
    assert explorer.get_by_text("You guessed").count() == 0, "one comparison is enough"
    no_serious_fault(page)
    explorer.get_by_label("s: context", exact=True).press("ArrowRight")
    expect(told).to_be_empty()
    told_again = explorer.get_by_role("button", name="Reset")
    told_again.press("Enter")
    expect(told).to_contain_text("You said 13.00 GiB")
    explorer.get_by_role("button", name="guess again").press("Enter")
    expect(field).to_be_focused()
    expect(told).to_be_empty()
    assert "28.55" not in explorer.inner_text()
    page.keyboard.type("28")
    page.keyboard.press("Enter")
    expect(told).to_contain_text("well guessed")
    desk.notebook = None


def test_a_brief_is_chosen_and_answered_by_keyboard_alone(desk, page):
    page.set_viewport_size({"width": 1280, "height": 1400})
    desk.run("briefed.ipynb")
    page.get_by_role("group", name="Your brief").get_by_role("button", name="One card at home").press("Enter")
    asked = page.get_by_role("group", name="Brief of lesson 4")
    asked.get_by_role("textbox").fill("16")
    page.keyboard.press("Enter")
    expect(asked.get_by_role("status")).to_contain_text("you counted the query heads")
    asked.get_by_role("button", name="try it in the picture").press("Enter")
    expect(page.locator(".memcalc-explorer").nth(1).get_by_role("status").first).to_contain_text("4.00 GiB")
    no_serious_fault(page, ".memcalc-lesson")
    desk.notebook = None


NARROW = "() => [...document.querySelectorAll('.memcalc-lesson')].every(one => one.scrollWidth <= one.clientWidth)"


def test_a_guess_and_an_exercise_by_keyboard_alone_and_after_the_kernel_has_gone(desk, page):
    page.set_viewport_size({"width": 1280, "height": 1400})
    desk.run("asked.ipynb")
    guess, exercise = page.get_by_role("group", name="Guess 4.1"), page.get_by_role("group", name="Exercise 4.2")
    field, answer = guess.get_by_role("textbox"), exercise.get_by_role("textbox")
    expect(answer).to_be_visible()
    assert page.locator(".memcalc-explorer").count() == 0
    assert "2.00" not in guess.inner_text()
    assert exercise.get_by_role("status").inner_text() == "", "nothing is said of what was not tried"
    field.focus()
    page.keyboard.press("Enter")
    expect(guess.get_by_role("status")).to_have_text("Type a number first, or choose “just show me”.")
    page.keyboard.type("1")
    expect(guess.get_by_role("status")).to_be_empty()
    page.keyboard.press("Enter")
    expect(guess.get_by_role("status")).to_contain_text("You said 1.00 GiB; it is 2.00 GiB: 2.0 times too little.")
    expect(guess.get_by_role("status")).to_be_focused()
    expect(page.locator(".memcalc-explorer").get_by_role("status")).to_contain_text("the cache takes 2.00 GiB")
    for typed, said in (("2 L h_kv d_k s B", "I know this one"), ("L_full*", "I cannot read that")):
        answer.fill(typed)
        answer.press("Enter")
        expect(exercise.get_by_role("status")).to_contain_text(said)
    answer.fill("L_full h_kv d_k s (B_k + B_v)")
    exercise.get_by_role("button", name="Check").press("Enter")
    expect(exercise.get_by_role("status")).to_contain_text(f"1 of 5 here, 1 of {len(EXERCISES)} exercises in all.")
    exercise.get_by_text("Solution", exact=True).press("Enter")
    expect(exercise.get_by_label("solution")).to_have_text("L * h_kv * d_k * s * (B_k + B_v)")
    no_serious_fault(page, ".memcalc-lesson")
    desk.run("asked_again.ipynb", "dark")  # not the same file, whose kernel JupyterLab may still be ending
    expect(guess.get_by_role("status")).to_contain_text("You said 1.00 GiB")
    expect(answer).to_have_value("L_full h_kv d_k s (B_k + B_v)")
    expect(exercise.get_by_role("status")).to_contain_text("Right: L × h_kv × d_k × s × (B_k + B_v).")
    no_serious_fault(page, ".memcalc-lesson")
    page.set_viewport_size({"width": 700, "height": 1400})
    page.wait_for_function(NARROW)
    guess.get_by_role("button", name="guess again").press("Enter")
    expect(field).to_be_focused()
    expect(page.locator(".memcalc-explorer")).to_have_count(0)
    desk.notebook = None


def test_a_learner_s_copy_goes_from_a_guess_to_a_tick(browser, request, tmp_path):
    """In lesson 4: nothing answers before it asks, the file is clean as it opens, and what is answered is ticked."""
    copies.copy(tmp_path / "lessons")
    with servers.jupyterlab(tmp_path, tmp_path / "lessons") as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1400}, reduced_motion="reduce")
        with watched(page, listened(page), request):
            page.goto(f"{address}/lab/tree/04_kv_cache.ipynb")
            expect(page.locator(".jp-MarkdownOutput h1").first).to_contain_text("4 · ")
            assert page.locator(".jp-OutputArea-output:not(.jp-MarkdownOutput)").count() == 0, "nothing has run"
            assert page.get_by_text("official Jupyter news").count() == 0
            page.wait_for_function(servers.IS_IDLE, timeout=servers.START)
            servers.command(page, "notebook:run-all-cells")
            field = page.locator(":is(.memcalc-guess, .memcalc-answering) input").first
            expect(field).to_be_visible()
            below = field.bounding_box()["y"] - page.locator(".memcalc-explorer").first.bounding_box()["y"]
            assert below <= 640, "one guesses on the screen on which one is asked"
            field.fill("1")
            field.press("Enter")
            expect(page.get_by_text("it is 2.00 GiB: 2.0 times too little.").first).to_be_visible()
            exercise = page.get_by_role("group", name="Exercise 4.1")
            exercise.get_by_role("textbox").fill("8")
            exercise.get_by_role("textbox").press("Enter")
            expect(exercise.get_by_role("status")).to_contain_text("Right: 8.00 GiB")
            servers.command(page, "notebook:run-all-cells")
            expect(page.get_by_text("✓ 4.1").first).to_be_visible()
            expect(page.get_by_text("✓ You can compute the cache of a model from its config.json.")).to_be_visible()
        page.close()


def test_several_explorers_and_several_views_of_one(desk, page):
    page.set_viewport_size({"width": 1280, "height": 3600})
    desk.run("several.ipynb")
    explorers = page.locator(".memcalc-explorer")
    expect(explorers).to_have_count(3)
    ids = explorers.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids)) > 20
    said = [explorers.nth(place).get_by_role("status") for place in range(3)]
    explorers.nth(2).get_by_label("s: context", exact=True).focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(said[2]).to_contain_text("of the 44.55 GiB")
    assert "of the 28.55 GiB" in said[0].text_content()
    explorers.nth(1).get_by_label("s: context", exact=True).press("ArrowLeft")
    for view in said[:2]:
        expect(view).to_contain_text("of the 26.55 GiB")
    expect(explorers.nth(0).get_by_label("s: context, exact number")).to_have_value("28,672")
    assert "of the 44.55 GiB" in said[2].text_content()
    explorers.nth(1).get_by_label("s: context", exact=True).press("Shift+Enter")  # JupyterLab's own keys stay its own
    expect(said[2]).to_contain_text("of the 28.55 GiB")


@pytest.fixture
def web(browser, request):
    """A page that is no JupyterLab."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    with watched(page, listened(page), request):
        yield page
    page.close()


def test_the_lessons_are_web_pages_without_code_with_fields_and_links(web, tmp_path):
    copies.copy(tmp_path / "lessons")
    with servers.voila(tmp_path, tmp_path / "lessons") as address:
        web.goto(address)
        expect(web.get_by_role("link", name="04_kv_cache.ipynb")).to_be_visible()
        web.goto(f"{address}/voila/render/{NOTEBOOKS[0]}")
        explorer = web.locator(".memcalc-explorer").first
        expect(explorer.locator(PICTURE)).to_be_visible(timeout=servers.START)
        assert web.get_by_text("from memcalc import").count() == 0
        field = explorer.locator(".memcalc-guess input")
        field.fill("13")
        field.press("Enter")
        expect(explorer.locator(".memcalc-factor")).to_contain_text("You said 13.00 GiB")
        before = shown(explorer)
        slider = explorer.get_by_label("s: context", exact=True)
        slider.press("ArrowRight")
        changes(explorer, before)
        expect(slider).to_have_js_property("ariaValueText", "40,960 tokens")
        exercise = web.get_by_role("group", name="Exercise 0.2")
        exercise.get_by_role("textbox").fill("25.76")
        exercise.get_by_role("textbox").press("Enter")
        expect(exercise.get_by_role("status")).to_contain_text("Right: ")
        web.get_by_role("link", name="1 · Weights").first.click()
        expect(web.locator(".memcalc-explorer").first.locator(PICTURE)).to_be_visible(timeout=servers.START)
        expect(web.get_by_role("heading", name="1 · Weights")).to_be_visible()
        web.goto("about:blank")  # before the server goes
