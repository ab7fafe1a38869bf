"""The notebooks in JupyterLite, in a real browser and offline: the core is in the site, and what is not has one source.

What was compiled for the browser, as numpy, comes from Pyodide's distribution, which no test may ask: it is refused.
"""

import importlib.util
import json
import re

import pytest
from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_VERSION
from playwright.sync_api import expect

import lab

SPEC = importlib.util.spec_from_file_location("lite", lab.ROOT / "site" / "lite.py")
lite = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lite)
TRIED = "tried.ipynb"
CELLS = (
    "from memcalc import Inference, Model, explorers, total\ntotal(Model.named('LLaMA-7B'), Inference())",
    "explorers.kv_cache(context=32768)",
    "shown = explorers.kv_cache(context=4096, closed=True)\nshown",
)

lab.needed(lite.PYODIDE)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the notebooks in a browser, with one more to try."""
    folder = tmp_path_factory.mktemp("lite")
    lite.prepare(folder / "from")
    tried = lab.notebook(*CELLS)
    tried.metadata.language_info = {"name": "python"}  # as the lessons have it: by it a kernel is found
    (folder / "from" / "files" / TRIED).write_text(json.dumps(tried))
    lite.build(folder / "from", folder / "lite")
    return folder / "lite"


@pytest.fixture(scope="module")
def lock(built):
    """The packages that Python in the browser can load."""
    return json.loads((built / "static" / "pyodide-lock" / "pyodide-lock.json").read_text())["packages"]


def test_the_core_is_of_the_distribution_that_has_the_rest():
    assert json.loads((lite.PYODIDE / "package.json").read_text())["version"] == PYODIDE_VERSION


def test_every_library_is_in_the_site_or_compiled_and_in_the_distribution(built, lock):
    assert {*lite.wanted(), "gpu-memcalc", lite.KERNEL} <= lock.keys()
    assert set(lock["gpu-memcalc"]["depends"]) >= {"anywidget", "markupsafe", "numpy", "pandas", "sympy"}
    for name, package in lock.items():
        path = package["file_name"]
        if "://" in path:
            assert path.startswith(f"{PYODIDE_CDN_URL}/"), name
            assert not path.endswith("-none-any.whl"), name
        else:
            assert (built / "static" / "pyodide-lock" / path).is_file(), name
        assert set(package["depends"]) <= lock.keys(), name


def test_the_compiled_libraries_are_those_that_the_notebooks_allow(lock):
    from packaging.requirements import Requirement

    extras = lite.tomllib.loads((lab.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for requirement in map(Requirement, extras["notebooks"]):
        if requirement.name not in lite.SERVERS:
            assert lock[requirement.name]["version"] in requirement.specifier, requirement.name


def test_the_notebooks_are_a_learner_s_copies(built):
    names = {path.name for path in (lab.ROOT / "notebooks").glob("*.ipynb")}
    assert {path.name for path in (built / "files").glob("*.ipynb")} == names | {TRIED}
    cells = json.loads((built / "files" / "04_kv_cache.ipynb").read_text())["cells"]
    assert not any(cell.get("outputs") for cell in cells)


@pytest.fixture(scope="module")
def site(built):
    """The address of the site."""
    with lab.served(built) as address:
        yield address


def wrong(message):
    """Whether a console says that something is wrong, and not that the browser found no icon for its tab."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


@pytest.fixture
def page(browser, site):
    """A page whose console says nothing wrong but that the distribution is out of reach, and which asks nobody else."""
    errors, requests = [], []
    page = browser.new_page()
    page.on("console", lambda message: errors.append(message.text) if wrong(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.route(re.compile(re.escape(PYODIDE_CDN_URL)), lambda route: route.abort())
    yield page
    page.close()
    refused = re.compile(r"The following error occurred while loading (\w+):|Failed to fetch")
    assert [text for text in errors if not refused.match(text)] == []
    assert all(url.startswith((site, PYODIDE_CDN_URL, "data:", "blob:")) for url in requests), requests


ASK = """async (code) => {
  const future = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
  let said = "";
  future.onIOPub = ({ header, content }) => (said += header.msg_type === "stream" ? content.text : "");
  await future.done;
  return said;
}"""


def opened(page, site, name):
    page.goto(f"{site}/lab/index.html?path={name}")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)", timeout=120_000)


def test_a_notebook_runs_in_the_browser(page, site):
    opened(page, site, TRIED)
    page.wait_for_function(lab.IS_IDLE, timeout=180_000)
    lab.command(page, "notebook:run-all-cells")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("30656700416", timeout=180_000)
    explorer, closed = (page.locator(".memcalc-explorer").nth(place) for place in range(2))
    expect(explorer.locator(".memcalc-stage > svg")).to_be_visible(timeout=120_000)
    before = explorer.get_by_role("status").inner_text()
    explorer.get_by_role("button", name="a window", exact=True).click()
    expect(explorer.get_by_role("status")).not_to_have_text(before)
    expect(explorer.get_by_role("status")).to_contain_text("16,384 tokens")
    closed.get_by_role("button", name="just show me").click()
    expect(closed.get_by_role("status")).to_contain_text("2.00 GiB")
    page.wait_for_timeout(2000)
    assert page.evaluate(ASK, "print(shown.closed, shown.guess)") == "False None\n"


def test_the_headings_of_a_page_that_shows_markdown_are_found(page, site):
    opened(page, site, "references.ipynb")
    lab.command(page, "toc:show-panel")
    expect(page.locator(".jp-TableOfContents")).to_contain_text("References")
