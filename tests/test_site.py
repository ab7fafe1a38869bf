"""The site in a real browser, offline: pages are touched, Python answers in its worker, and nothing leaves the site."""

import gzip
import json
import re
import subprocess
import sys
from itertools import cycle

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import lab
from memcalc import explorers
from memcalc.web import calculator
from model_files import SMALL, gguf

NODE = lab.ROOT / "node_modules"
LESSONS = sorted(path.stem for path in (lab.ROOT / "notebooks").glob("0*.ipynb"))
REFERENCE = ["api/index", "api/estimate", "api/names/memcalc.Inference", "api/names/memcalc.peak"]
PAGES = ["index", "calculator", *(f"lessons/{name}" for name in (*LESSONS, "glossary", "references", "INSTRUCTORS"))]
PAGES += ["slides/index", *REFERENCE]
IN_GERMAN = [f"lessons/de/{path.stem}" for path in sorted((lab.ROOT / "notebooks" / "de").glob("0*.ipynb"))]
PAGES += IN_GERMAN
DECKS = sorted(path.stem for path in (lab.ROOT / "site" / "slides").glob("*.md") if path.stem != "index")
LOOKS = (("light", 1280), ("dark", 390))
TOUCHED = 900
"""At this width the widest layout of a picture is shown, and its frames are made beforehand."""

HIDDEN = """() => {
  const left = (element) => element.getBoundingClientRect().left;
  const displayed = [...document.querySelectorAll("#main-content math[display=block]")];
  return displayed.filter((one) => left(one) < left(one.parentElement)).map((one) => one.textContent);
}"""

lab.needed(NODE)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the site, with frames made beforehand in one layout."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-b", "html", "-D", "live_ahead=860", "-d", str(folder / "read")]
    command = [sys.executable, "-m", "sphinx", *options, str(lab.ROOT / "site"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=lab.ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def site(built):
    """The address of the site."""
    with lab.served(built) as address:
        yield address


@pytest.fixture
def page(browser, site):
    """A page that fails its test on any error in the console, and on any request that leaves the site."""
    with lab.watched(browser, site) as page:
        yield page


def opened(page, site, name, theme="light", width=TOUCHED):
    """A page of the site, in a theme and a width."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(f"{site}/{name}.html")
    return page


def test_no_page_has_a_script_of_its_own_or_anything_from_elsewhere(built):
    pages = [path for path in built.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > len(PAGES)
    for path in pages:
        text = path.read_text()
        assert "script-src 'self' 'wasm-unsafe-eval';" in text, path
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text) == [], path
        assert re.findall(r"\son\w+=\"", text) == [], path
        loaded = re.findall(r"<(?:script|img|link|iframe)[^>]*\s(?:src|href)=\"(\w+:|//)", text)
        assert set(loaded) <= {"data:"}, path


def test_a_source_in_the_reference_leads_to_its_line(page, site):
    opened(page, site, "api/names/memcalc.peak")
    page.get_by_role("link", name="paszke2019pytorch").click()
    expect(page).to_have_url(re.compile(r"/lessons/references\.html#paszke2019pytorch$"))
    expect(page.locator("#paszke2019pytorch")).to_be_visible()


def test_each_lesson_says_where_its_notebook_opens(built):
    for name in LESSONS:
        text = (built / "lessons" / f"{name}.html").read_text()
        assert f'href="../lite/lab/index.html?path={name}.ipynb"' in text, name


@pytest.mark.parametrize("name", ["lessons/04_kv_cache", "calculator", "api/estimate"])
def test_paper_is_light_and_has_nothing_to_press(page, site, name):
    opened(page, site, name, theme="dark", width=800)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    pressed = page.locator(".memcalc-open, .memcalc-buttons, .memcalc-drop, .memcalc-copies, #jb-print-toc")
    assert not any(one.is_visible() for one in pressed.all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    page.emulate_media(media="screen", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


EXAMPLE = """explorer => {
  const [{ presets }, now] = ["stage", "state"].map((name) => explorer.model.get(name));
  const differs = ([, preset]) => Object.keys(preset).some((name) => preset[name] !== now[name]);
  return Object.entries(presets).find(differs)[0];
}"""


@pytest.mark.parametrize("name", PAGES)
def test_every_explorer_of_a_page_can_be_touched(page, site, name):
    opened(page, site, name)
    for place in page.locator("[data-later]:visible").all():
        place.scroll_into_view_if_needed()
        explorer = place if name != "calculator" else place.locator(".memcalc-explorer")
        expect(explorer.locator(".memcalc-stage > svg")).to_be_visible()
        if "memcalc-closed" in (explorer.get_attribute("class") or ""):
            continue
        before = explorer.evaluate("el => JSON.stringify(el.model.get('frame').state)")
        explorer.get_by_role("button", name=explorer.evaluate(EXAMPLE), exact=True).click()
        moved = "([el, before]) => JSON.stringify(el.model.get('frame').state) !== before"
        page.wait_for_function(moved, arg=[explorer.element_handle(), before])


# Faults are looked for in the last look, which is light on the desk or dark on the phone, in turn.
@pytest.mark.parametrize(("name", "looks"), [*zip(PAGES, cycle([LOOKS, LOOKS[::-1]]))])
def test_every_page_reads_well_on_a_desk_and_on_a_phone_in_the_dark(page, site, name, looks):
    for theme, width in looks:
        opened(page, site, name, theme, width)
        for place in page.locator("[data-later]:visible").all():
            place.scroll_into_view_if_needed()
            expect(place.locator(".memcalc-stage > svg")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (theme, width)
        assert page.evaluate(HIDDEN) == [], "no one can scroll to what stands left of its box"
    faults = Axe().run(page, "#main-content", options={"preload": False}).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == [], json.dumps(faults)


ASK = """async ([subject, states, width]) => {
  const { pythonIn } = await import("./_static/live/host.js");
  const python = pythonIn("./_static/live/worker.js");
  return Promise.all(states.map((state) => python({ subject, state, start: {}, width })));
}"""


def test_the_worker_answers_what_was_not_made_beforehand_as_cpython_does(page, site):
    opened(page, site, "index")
    explorer = page.locator(".memcalc-explorer")
    field = explorer.get_by_label("s: context, exact number")
    field.fill("5001")
    field.press("Enter")
    expect(page.get_by_text("Python starts in this page")).to_be_visible()
    said = explorers.fit.frame(context=5001).sentence_said
    expect(explorer.get_by_role("status")).to_have_text(said)
    expect(page.get_by_text("Python starts in this page")).to_be_hidden()
    states = [{"context": 12345, "batch": 3}, {"model": "Llama-3.1-70B", "gpu": "48 GB"}, {"context": "x"}]
    found = page.evaluate(ASK, ["fit", states, 860])
    assert found == json.loads(json.dumps([explorers.fit.answer(state, {}, 860) for state in states]))


def test_a_guess_and_an_exercise_are_answered_and_kept_in_the_browser(page, site):
    opened(page, site, "lessons/04_kv_cache")
    asked = page.get_by_role("group", name="Exercise 4.1")
    for answer, said in (("8 GiB", "Right: 8.00 GiB = 8.59 GB."), ("64 GiB", "you counted the query heads")):
        asked.get_by_role("textbox").fill(answer)
        asked.get_by_role("button", name="Check").click()
        expect(asked.get_by_role("status")).to_contain_text(said)
    pictured = page.locator("[data-number='4.1'][data-subject]")
    pictured.get_by_role("textbox", name="GiB").fill("3")
    pictured.get_by_role("button", name="Open it").click()
    expect(pictured).to_contain_text("You said 3.00 GiB; it is 2.00 GiB: 1.5 times too much.")
    brief = page.locator("[data-about='brief']")
    brief.get_by_role("button", name="One card at home").click()
    brief.get_by_role("textbox").fill("1 GiB")
    brief.get_by_role("button", name="Check").click()
    expect(brief.get_by_role("status")).to_contain_text("Not yet")
    page.reload()
    expect(asked.get_by_role("status")).to_contain_text("you counted the query heads")
    pictured.scroll_into_view_if_needed()  # it comes when it is near
    expect(pictured).to_contain_text("You said 3.00 GiB; it is 2.00 GiB")
    expect(brief.get_by_role("status")).to_contain_text("Not yet")
    expect(page.locator("[data-progress]")).to_contain_text("✓ 4.1")


@pytest.mark.parametrize("name", IN_GERMAN)
def test_a_lesson_in_german_is_german_to_the_last_answer_and_is_linked_both_ways(page, site, name):
    opened(page, site, name)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    explorer = page.locator("[data-number='0.1'][data-subject]")
    explorer.get_by_role("textbox", name="GiB").fill("13")
    explorer.get_by_role("button", name="Aufdecken").click()
    expect(explorer).to_contain_text("Du sagtest 13.00 GiB; es sind 28.55 GiB: 2.2-mal zu wenig.")
    field = explorer.get_by_label("s: Kontext, genaue Zahl")
    field.fill("31001")
    field.press("Enter")
    expect(explorer.get_by_role("status")).to_contain_text("laufen über den Rand")
    exercise = page.get_by_role("group", name="Aufgabe 0.2")
    exercise.get_by_role("textbox").fill("24")
    exercise.get_by_role("textbox").press("Enter")
    expect(exercise.get_by_role("status")).to_contain_text("Das ist die Zahl der GiB, und gefragt ist nach GB.")
    page.get_by_role("link", name="This lesson in English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".memcalc-explorer").first.get_by_role("status")).to_contain_text("run over the rim")
    page.get_by_role("link", name="Diese Lektion auf Deutsch").click()
    expect(page).to_have_url(re.compile(rf"/{name}\.html$"))
    page.get_by_role("main").get_by_role("link", name="M_w im Glossar").click()
    expect(page).to_have_url(re.compile(r"/lessons/glossary\.html#letter-M_w$"))


def test_the_budgets_of_bytes_hold(page, site):
    got = {}
    page.on("response", lambda response: got.setdefault(response.url, response))
    sizes = {}
    for name in PAGES[:2] + PAGES[2 : 2 + len(LESSONS)]:
        before = set(got)
        opened(page, site, name, width=1280)
        page.wait_for_timeout(300)
        for place in page.locator("[data-later]:visible").all():
            place.scroll_into_view_if_needed()
            expect(place.locator(".memcalc-stage > svg")).to_be_visible()
        sizes[name] = sum(packed(got[url]) for url in set(got) - before)
    assert not any("pyodide" in url for url in got)
    first, *others = sizes.values()
    assert first <= 400_000, sizes
    assert max(others) <= 250_000, sizes


def packed(response):
    """How many bytes a web server sends, which packs texts by gzip."""
    body = response.body()
    return len(gzip.compress(body)) if re.search(r"\.(html|css|js|json|svg)\b", response.url) else len(body)


def test_a_link_into_the_calculator_brings_its_state_and_nonsense_brings_a_sentence(page, site):
    opened(page, site, "calculator")
    page.goto(f"{site}/calculator.html#model=Llama-3.1-70B&gpu=24+GB&cards=2&weights=Q4_K_M")
    explorer = page.locator(".memcalc-explorer")
    shown = {"model": "Llama-3.1-70B", "gpu": "24 GB", "cards": "2", "weights": "Q4_K_M"}
    said = calculator.calculator.frame(**shown).sentence_said
    expect(explorer.locator(".memcalc-said")).to_have_text(said)
    expect(page.locator(".memcalc-steps")).to_contain_text("at most 16,730 tokens")
    page.get_by_text("In which file would it fit").click()
    rows = calculator.formats(shown)["rows"]
    expect(page.locator(".memcalc-along tbody tr")).to_have_count(len(rows))
    page.get_by_text("The same on the command line").click()
    line = page.get_by_role("group", name="command line")
    expect(line).to_have_text(f"$ {calculator.beside(shown)['command']}\n{calculator.beside(shown)['printed']}")
    layers = json.dumps({"model_type": "llama", "num_hidden_layers": 10**9, "hidden_size": 64})
    for bad in ("model=<img src=x onerror=alert(1)>", f"context={'9' * 10**6}", f"model={layers}", "weights=<b>"):
        before = page.locator("img, b").count()
        page.evaluate("hash => (location.hash = hash)", bad)
        expect(explorer.locator(".memcalc-said")).to_contain_text("What is shown is the last that made sense.")
        assert len(explorer.locator(".memcalc-said").inner_text()) < 600, bad
        assert page.locator("img, b").count() == before
        page.evaluate("() => (location.hash = 'cards=2')")
        expect(explorer.locator(".memcalc-said")).not_to_contain_text("made sense")


def test_a_file_that_is_dropped_is_read_in_the_page(page, site, tmp_path):
    opened(page, site, "calculator")
    path = tmp_path / "mine.gguf"
    path.write_bytes(gguf(SMALL, [("token_embd.weight", (100, 64), 8, 100 * 2 * 34)]))
    page.get_by_label("files of a model").set_input_files(str(path))
    expect(page.locator(".memcalc-said")).to_contain_text("fits")
    expect(page.locator(".memcalc-explorer").get_by_label("model", exact=True)).to_have_value("mine.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    page.get_by_label("files of a model").set_input_files(str(tmp_path / "bad.gguf"))
    expect(page.locator(".memcalc-said")).to_contain_text("What is shown is the last that made sense.")


LOWEST = """slide => Math.max(...[...slide.querySelectorAll("*")]
  .filter((one) => !one.closest("aside, details:not([open]) > :not(summary)"))
  .map((one) => one.getBoundingClientRect().bottom))"""


@pytest.mark.parametrize("name", DECKS)
def test_every_slide_shows_something_and_nothing_is_lower_than_720_lines(page, site, name):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{site}/slides/{name}.html")
    expect(page.locator(".reveal.ready")).to_be_visible()
    for place, slide in enumerate(page.locator(".slides > section").all()):
        page.evaluate("place => (location.hash = `/${place}`)", place)
        expect(slide.locator("h2")).to_be_visible()
        for explorer in slide.locator("[data-later]:visible").all():
            expect(explorer.locator(".memcalc-stage > svg")).to_be_visible()
        expect(slide.locator(".memcalc-stage > svg, img, math, table").first).to_be_visible()
        assert slide.evaluate(LOWEST) <= 720, slide.locator("h2").inner_text()


def test_a_deck_is_live_and_a_second_window_has_the_notes(page, site):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{site}/slides/04_kv_cache.html")
    expect(page.locator(".reveal.ready")).to_be_visible()
    asked = page.locator("section.present [data-number='4.1']")
    asked.get_by_role("textbox", name="GiB").fill("1")
    asked.get_by_role("button", name="Open it").click()
    expect(asked).to_contain_text("you counted one of them", timeout=120_000)  # Python starts in the page
    page.locator("h2").first.click()
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    expect(notes.locator(".speaker-notes")).to_contain_text("5 minutes")
    expect(notes.locator(".speaker-notes")).to_contain_text("Wrong answers that come")
    expect(notes.locator(".memcalc-clock")).to_have_text("minute 0 · this slide until 5")
    page.keyboard.press("PageDown")
    expect(notes.locator(".memcalc-clock")).to_have_text("minute 0 · this slide until 15")
    notes.keyboard.press("PageDown")
    expect(page.locator("section.present h2")).to_have_text("Which factor is what in the picture?")
    expect(page).to_have_url(re.compile("#/which-factor"))
    page.reload()
    expect(page.locator("section.present h2")).to_have_text("Which factor is what in the picture?")
