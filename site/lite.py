"""The notebooks in JupyterLite, where a browser runs them: `python site/lite.py FOLDER` builds that into a folder.

The core of Python is in the folder, and so is every library that is pure Python. What was compiled for the browser,
such as numpy, is nowhere but in Pyodide's distribution, from which a reader's browser fetches it.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_VERSION
from packaging.requirements import Requirement

from memcalc.lessons import copies
from memcalc.web import pages

HERE = Path(__file__).parent
ROOT = HERE.parent
PYODIDE = ROOT / "node_modules" / "pyodide"
SERVERS = frozenset({"jupyterlab", "nbconvert", "voila"})
"""What the notebooks need on a machine alone: JupyterLite is their place in a browser."""

KERNEL = "micropip"
"""What the kernel asks for beside what it brings along."""

SHOWN = ("@jupyter-widgets/jupyterlab-manager", "@jupyterlite/pyodide-kernel-extension", "anywidget")
"""Extensions of JupyterLab that come along."""

_PURE = "-none-any.whl"


def wanted() -> list[str]:
    """Return what the notebooks need in a browser, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["notebooks"]]
    return [name for name in (Requirement(line).name for line in lines) if name not in SERVERS]


def closure(names: Collection[str], known: Mapping[str, Mapping]) -> set[str]:
    """Return names, and what they depend on in a lock; a name that it does not know depends on nothing."""
    found, left = set(), list(names)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += known.get(name, {}).get("depends", ())
    return found


def pinned() -> dict[str, str]:
    """Return the versions with which the notebooks are tested, by name."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([\w.-]+)==([\w.]+) \\$", lock))


def locked(wheels: Path, known: Mapping[str, Mapping]) -> dict[str, object]:
    """Return what the addon must know that writes Pyodide's lock: what is taken from where, in which version.

    Parameters
    ----------
    wheels : the folder with memcalc's wheel
    known : the packages of Pyodide's distribution, by name
    """
    compiled = {name for name, one in known.items() if not one["file_name"].endswith(_PURE)}
    needed = closure({*wanted(), KERNEL}, known)
    elsewhere = {
        name: known[name] | {"file_name": f"{PYODIDE_CDN_URL}/{known[name]['file_name']}"} for name in needed & compiled
    }
    own = {"depends": sorted({*wanted(), *elsewhere})}
    beside = closure({*elsewhere, KERNEL}, known)  # in the versions with which those were compiled
    versions = pinned() | {name: known[name]["version"] for name in beside}
    return {
        "enabled": True,
        "wheels": [str(wheels)],
        "specs": sorted(needed - compiled),
        "constraints": [f"{name}=={version}" for name, version in versions.items()],
        "excludes_extra": sorted(compiled),
        "patches": {"packages": elsewhere | {"gpu-memcalc": own}},
    }


def built() -> dict[str, object]:
    """Return what is built: JupyterLab alone, and no extensions that happen to be installed."""
    installed = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    return {
        "apps": ["lab"],
        "federated_extensions": [str(installed / name) for name in SHOWN],
        "ignore_sys_prefix": ["federated_extensions"],
        "no_sourcemaps": True,
        "no_unused_shared_packages": True,
    }


def prepare(folder: Path) -> None:
    """Write what `jupyter lite` builds from: the core of Pyodide, memcalc's wheel, copies of the lessons, settings."""
    shutil.rmtree(folder, ignore_errors=True)
    core, wheels = folder / "static" / "pyodide", folder / "wheels"
    for one in (core, wheels):
        one.mkdir(parents=True)
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    for name in pages.CORE:
        shutil.copy(PYODIDE / name, core)
    info = lock["info"] | {"version": PYODIDE_VERSION}  # which the addon wants to know
    _write(core / "pyodide-lock.json", {"info": info, "packages": {}})  # what is pure comes from where all else does
    command = [sys.executable, "-m", "flit_core.wheel", "--outdir", str(wheels)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    copies.copy(folder / "files")
    shutil.copy(ROOT / "notebooks" / "lab" / "labconfig" / "default_setting_overrides.json", folder / "overrides.json")
    settings = {"LiteBuildConfig": built(), "PyodideLockAddon": locked(wheels, lock["packages"])}
    _write(folder / "jupyter_lite_config.json", settings)
    shown = {"appName": "memcalc", "exposeAppInBrowser": True}
    _write(folder / "jupyter-lite.json", {"jupyter-lite-schema-version": 0, "jupyter-config-data": shown})


def build(folder: Path, out: Path) -> None:
    """Build the site of the notebooks from what was prepared; what the builder says is shown if it fails."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(folder), "--output-dir", str(out)]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nJupyterLite could not be built; the lines above say why.")


def _write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    prepare(HERE / "build" / "lite")
    build(HERE / "build" / "lite", Path(sys.argv[1]).resolve())
