"""The order of the tests; and after the cells of a lesson, one more item moves every control of it to its ends."""

import gc
import inspect
import os

import pytest
from hypothesis import HealthCheck, settings
from nbval.plugin import IPyNbCell

from memcalc import texts
from sweep import move_every_control

gc.set_threshold(10_000, 10, 100)  # to look for rings of dead objects less often spares a tenth of the time

collect_ignore = ["bench", "measure"]  # no tests; the libraries of the latter are not installed for them

os.environ["MEMCALC_PROGRESS"] = "off"  # whoever runs the tests may be a learner too

# A slow machine is no failure; on CI the examples are the same each time.
patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("memcalc", derandomize=bool(os.environ.get("CI")), **patient)
settings.load_profile("memcalc")


@pytest.fixture(autouse=True)
def in_english():
    """Each test begins in English, whatever another one has chosen."""
    yield
    texts.speak(texts.ENGLISH)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    import lab  # here: the tests of the package need no browser

    with lab.chromium() as browser:
        yield browser


def pytest_collection_modifyitems(items):
    """Put a sweep behind the last cell of each lesson, in the same kernel; begin with what takes long."""
    lessons = (place for place, item in enumerate(items) if isinstance(item, IPyNbCell) and item.path.name[0].isdigit())
    last = {items[place].parent: place for place in lessons}
    for notebook, place in sorted(last.items(), key=lambda pair: -pair[1]):
        items.insert(place + 1, ControlSweep.from_parent(notebook, name="every control to its ends"))
    pages, notebooks = (list(dict.fromkeys(map(of, items))) for of in (_page, _notebook))
    items.sort(key=lambda item: (_rank(item.path), notebooks.index(_notebook(item)), pages.index(_page(item))))


def pytest_collection_finish():
    """Spare the garbage collector what stays for the whole run."""
    gc.collect()
    gc.freeze()


LONG = (
    *("test_browser.py", "test_site.py", "test_page.py", ".ipynb", "test_coefficients.py", "test_lite.py"),
    *("test_workshop.py", "test_publish.py", "test_term.py", "test_quantization.py"),
)
"""Several workers take file by file in this order, so that none of them begins a long one when the others end."""


def _rank(path):
    return next((rank for rank, ending in enumerate(LONG) if path.name.endswith(ending)), len(LONG))


def _page(item):
    """The page that a test in the browser needs; those of one page stand side by side."""
    return item.callspec.params.get("explorer") if item.path.name == LONG[0] and hasattr(item, "callspec") else None


def _notebook(item):
    """The notebook of that page; it is run once for all its looks."""
    return (_page(item) or [None])[0]


class ControlSweep(pytest.Item):
    """Drives the live controls of a notebook in its kernel: in a browser, an exception in a callback is silent."""

    def runtest(self):
        kernel = self.parent.kernel
        code = inspect.getsource(move_every_control) + "move_every_control()"
        sent = kernel.execute_cell_input(code, allow_stdin=False)
        while (answer := kernel.get_message("shell", timeout=120))["parent_header"].get("msg_id") != sent:
            pass  # answers to what ran before
        assert answer["content"]["status"] == "ok", "\n".join(answer["content"].get("traceback", ["the kernel died"]))

    def reportinfo(self):
        return self.path, None, f"{self.path.name}: {self.name}"
