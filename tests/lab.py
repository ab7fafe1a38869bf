"""JupyterLab, Voilà and Chromium, for the browser tests and the benchmark; they know no settings of the user."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
SETTINGS = ROOT / "notebooks" / "lab"  # as make lab has them
LAB = ["jupyterlab", "--LabApp.expose_app_in_browser=True", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
VOILA = ["voila", "--token=", "--Voila.port_retries=0", "--classic-tree"]
VOILA += ["--VoilaConfiguration.extension_denylist=@jupyterlite/pyodide-kernel-extension"]  # as in `make page`


def needed(*folders):
    """Skip the tests of a module where there is no Chromium, or not these folders; on CI that is a failure."""
    if CHROMIUM is None or not all(folder.is_dir() for folder in folders):
        need = "browser tests need Chromium (apt-get install chromium libatomic1), and node_modules (make site)"
        if os.environ.get("CI"):
            pytest.fail(need, pytrace=False)
        pytest.skip(need, allow_module_level=True)


@contextmanager
def jupyterlab(home, notebooks=ROOT / "notebooks", *options):
    """A JupyterLab on a copy of the notebooks, with the settings of `make lab`; gives its address."""
    shutil.copytree(notebooks, home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    with _server(home, [*LAB, f"--ServerApp.root_dir={home / 'notebooks'}", "--allow-root", *options]) as address:
        yield address


@contextmanager
def voila(home, lessons):
    """The notebooks of a folder as web pages without code; gives the address of their list."""
    with _server(home, [*VOILA, str(lessons)]) as address:
        yield address


@contextmanager
def _server(home, command):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | folders | {"HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "JUPYTER_CONFIG_PATH": str(SETTINGS)}
    environment |= {"MEMCALC_PROGRESS": str(home / "progress.json")}
    command = [sys.executable, "-m", *command, "--no-browser", f"--port={port}"]
    with (home / "log").open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(address, server, seconds=60):
    for _ in range(seconds * 5):
        try:
            urllib.request.urlopen(address, timeout=1)
            return
        except urllib.error.HTTPError:  # it answers, whatever it says
            return
        except OSError:
            assert server.poll() is None, "the server ended at once"
            time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer within {seconds} s")


class _Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The files of a folder on the web; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def notebook(*cells):
    """A notebook of these cells of code, which JupyterLab runs without a question about the kernel."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)], metadata={"kernelspec": kernel})


@contextmanager
def chromium():
    """A headless Chromium that asks nothing of the network."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


START = 180_000
"""How long JupyterLab or a kernel may take to begin [ms]: on a new machine nothing has been read from its disk yet."""

IS_IDLE = """() => {
  const { shell } = window.jupyterapp;
  const opened = [...shell.widgets("main")].find((widget) => widget.sessionContext);
  if (opened !== shell.currentWidget) return void shell.activateById(opened?.id); // the launcher may come after it
  return opened?.sessionContext.isReady && opened.sessionContext.session?.kernel?.status === "idle";
}"""
"""Whether the notebook that was opened is in front and waits for cells."""

CLOSE = """async () => {
  const { serviceManager, shell } = window.jupyterapp;
  const ended = [];
  for (const widget of [...shell.widgets("main")]) {
    const session = widget.sessionContext?.session?.id;
    widget.dispose();
    if (session) ended.push(serviceManager.sessions.shutdown(session));
  }
  await Promise.all(ended);
}"""


def command(page, name, **arguments):
    """Have JupyterLab do something."""
    page.evaluate(
        "([name, its]) => window.jupyterapp.commands.execute(name, its).then(() => undefined)", [name, arguments]
    )


def close_all(page):
    """Close every notebook of a JupyterLab, saved or not, and end their kernels."""
    page.evaluate(CLOSE)


def run_all(page, lab, notebook, theme="light"):
    """Open a notebook in JupyterLab, alone and in a theme, and run all its cells."""
    if page.url.startswith(lab):
        close_all(page)
    else:
        page.goto(f"{lab}/lab/workspaces/tests")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)", timeout=START)
    command(page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
    command(page, "docmanager:open", path=notebook)
    page.wait_for_function(IS_IDLE, timeout=START)
    command(page, "notebook:run-all-cells")


@contextmanager
def watched(browser, *allowed):
    """A page that fails its test on any error in the console, and on any request to what has no such beginning."""
    errors, requests = [], []
    page = browser.new_page(reduced_motion="reduce")
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    yield page
    page.close()
    assert not errors, errors
    assert all(url.startswith((*allowed, "data:", "blob:")) for url in requests), requests
