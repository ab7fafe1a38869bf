"""The notebooks in JupyterLab in a real browser: cells run, sliders move by keyboard, number and picture change."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parent.parent
ARTEFACTS = ROOT / "tests" / "artefacts"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HARMLESS = ("favicon", "ResizeObserver")

if CHROMIUM is None:
    if os.environ.get("CI"):
        pytest.fail("browser tests need Chromium: apt-get install chromium libatomic1", pytrace=False)
    pytest.skip("browser tests need Chromium: apt-get install chromium libatomic1", allow_module_level=True)

EXPLORERS = {
    "00_start_here.ipynb": ("s: context [tokens]", "It needs", "ArrowRight", "65,536"),
    "04_kv_cache.ipynb": ("s: context [tokens]", "The cache of", "ArrowRight", "65,536"),
    "06_the_article.ipynb": ("kind of claim", "claims of the kind formula", "End", "claims of the kind prediction"),
}
"""Notebook → the slider or menu that is moved, what the words say before, the key, and what they say after it."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab with settings of its own, on a copy of the notebooks; gives its address."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | folders | {"HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    options += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={home / 'notebooks'}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (home / "log").open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(address: str, server: subprocess.Popen, seconds: int = 60) -> None:
    for _ in range(seconds * 5):
        try:
            urllib.request.urlopen(address, timeout=1)
            return
        except OSError:
            assert server.poll() is None, "JupyterLab ended at once"
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer within {seconds} s")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that asks nothing of the network."""
    expect.set_options(timeout=30_000)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request):
    """A page that fails the test on an error in its console, and keeps a screenshot when the test fails."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{request.node.name}.png")
    page.close()
    errors = [error for error in errors if not any(word in error for word in HARMLESS)]
    assert not errors, errors


def run_all(page, address: str) -> None:
    """Open a notebook and run all its cells to the end."""
    page.goto(address)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady"
        " && window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
        timeout=60_000,
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")


@pytest.mark.parametrize("notebook", EXPLORERS)
def test_a_key_moves_number_and_picture(lab, page, notebook):
    label, before, key, after = EXPLORERS[notebook]
    run_all(page, f"{lab}/lab/workspaces/{notebook.split('.')[0]}/tree/{notebook}")
    explorer = page.locator(".jp-OutputArea-output:has(svg[role=img])").first
    explorer.scroll_into_view_if_needed()
    words, picture = explorer.locator("[aria-live]"), explorer.locator("svg[role=img]")
    expect(words).to_contain_text(before)
    said, drawn = words.inner_text(), picture.inner_html()
    explorer.locator(".widget-slider, .widget-dropdown", has_text=label).locator(".noUi-handle, select").focus()
    page.keyboard.press(key)
    expect(words).to_contain_text(after)
    assert words.inner_text() != said
    assert picture.inner_html() != drawn
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
