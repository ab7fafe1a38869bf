"""The house: imports flow one way, modules stay small, sources exist, versions agree."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import memcalc
from cases import EVERY_TERM
from memcalc import catalogue

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "memcalc"
FACE = "__init__"
FLOW = (
    *("texts", "errors", "units", "catalogue", "checkpoints", "formula", "specs", "estimate", FACE, "command"),
    *("tables", "validation", "article", "plots", "explorers", "lessons", "web", "publish", "__main__"),
)
"""Packages, and modules at the root, from the ground up: each may import those before it; the face gathers the core."""
MOST_FLOORS, MOST_FILES, MOST_LINES, MOST_IN_A_BODY = 12, 10, 400, 20

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
} | {FACE: PACKAGE / "__init__.py"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: which files belong to the project is not known")
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imports(path):
    """The modules that a file imports; "" is the package itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.ImportFrom) and node.level), "imports are absolute"
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("memcalc.") for alias in node.names if alias.name.startswith("memcalc"))
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "memcalc":
            base = node.module.removeprefix("memcalc").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield inner if inner in MODULES else base


def package(name):
    return name.partition(".")[0]


IMPORTS = {name: {other or FACE for other in imports(path)} for name, path in MODULES.items()}
ARROWS = {(package(name), package(other)) for name, others in IMPORTS.items() for other in others}


def test_every_package_has_its_place_in_the_flow():
    assert sorted(FLOW) == sorted({package(name) for name in MODULES})


@pytest.mark.parametrize("name", FLOW)
def test_imports_between_packages_go_one_way(name):
    allowed = FLOW[: FLOW.index(name) + 1]
    assert {other for one, other in ARROWS if one == name} <= set(allowed)


@pytest.mark.parametrize("name", FLOW)
def test_inside_a_package_no_imports_run_in_a_circle(name):
    inside = {
        one: {other for other in IMPORTS[one] if package(other) == name} for one in MODULES if package(one) == name
    }
    inside = {one: others - {name} for one, others in inside.items() if one != name}  # but for what gathers it
    TopologicalSorter(inside).prepare()  # raises for a circle


def test_floors_and_files_at_the_root_are_few():
    floors = {}
    for name in FLOW:
        below = [floors[other] for one, other in ARROWS if one == name and other != name]
        floors[name] = 1 + max(below, default=0)
    assert max(floors.values()) <= MOST_FLOORS, floors
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_FILES


ASKING = ("activations", "article", "fit", "hardware", "kv_cache", "optimizer", "plan", "task", "validation", "weights")
"""Modules with the questions of one lesson, and what they are made of."""

WITH_ANOTHER = {
    "formula.printing": "formula.term",
    "formula.totals": "formula.term",
    "specs.run": "specs.inference",
    "formula.roofline": "estimate.speed",
    "estimate.inference": "estimate.terms",
    "__main__": "main",
    "command.others": "main",
    "web.hosted": "web.worker",
    "command.streams": "main",
    "formula.glossary": "formula.symbols",
    "formula.lineage": "formula.structures",
    "formula.gathered": "formula.moments",
    "formula.moment": "formula.moments",
    "formula.halves": "formula.moments",
    "specs.choosing": "specs.training",
    "lessons.question": "lessons.widgets",
    "lessons.standing": "lessons.report",
} | {f"lessons.{name}": "lessons.exercises" for name in ASKING}
"""Modules that the tests of another one hold."""


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name != "__init__.py"])
def test_tests_mirror_the_package(name):
    *folders, file = WITH_ANOTHER.get(name, name).split(".")
    assert ROOT.joinpath("tests", *folders, f"test_{file}.py").exists()


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_functions_stay_small(name):
    source = MODULES[name].read_text()
    assert source.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert body[-1].end_lineno - body[0].lineno < MOST_IN_A_BODY if body else True, node.name


def test_users_text_is_never_evaluated():
    for name, path in MODULES.items():
        evaluates = r"(?<!re\.)\b(sympify|parse_expr|eval|exec|compile|sympy\.S|lambdify)\("
        assert name == "formula.numeric" or not re.search(evaluates, path.read_text()), path


def test_style():
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([*ruff, *command, "."], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("term", EVERY_TERM, ids=lambda term: term.name)
def test_every_source_is_in_the_bibliography(term):
    keys = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())
    for source in term.source.split("; "):
        key, _, place = source.partition(", ")
        assert key in keys
        assert place, "a source says where: an equation, a table or a section"


def test_environment_equals_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = {line for line in environment if isinstance(line, str)} - {"pip", "python=3.13", "nbgitpuller>=1.2"}
    assert conda == {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["notebooks"]}
    assert {"pip": ["--editable ."]} in environment


def test_binder_takes_the_python_that_is_named():
    """Without this form, repo2docker lays an environment of an older Python and moves it; its own pattern reads it."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = [re.match(r"python\s*=+\s*([\d.]*)", line) for line in environment if isinstance(line, str)]
    named = [one[1] for one in found if one]
    assert len(named) == 1
    assert named[0] in SpecifierSet(PROJECT["requires-python"])


def test_the_link_that_brings_notebooks_onto_binder_says_what_nbgitpuller_reads():
    address = re.search(r"https://mybinder\S+(?=`)", (ROOT / "notebooks" / "INSTRUCTORS.md").read_text())[0]
    (path,) = parse_qs(urlsplit(address).query)["urlpath"]
    assert urlsplit(path).path == "git-pull"
    assert parse_qs(urlsplit(path).query) == {"repo": ["https://github.com/YOU/YOURS"], "urlpath": ["lab/tree/YOURS"]}


def wanted(extra):
    """The names of what an extra needs, with the base and the extras that it includes."""
    extras = PROJECT["optional-dependencies"]
    including = next(line for line in extras[extra] if line.startswith(f"{PROJECT['name']}["))
    others = [line for other in Requirement(including).extras for line in extras[other]]
    lines = [*PROJECT["dependencies"], *others, *extras[extra]]
    return {Requirement(line).name for line in lines} - {PROJECT["name"]}


def test_the_lock_pins_every_dependency_with_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    assert {name.replace("_", "-") for name in wanted("test")} <= pinned
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in entry


def test_the_lock_of_the_measured_libraries_pins_each_and_agrees_with_the_other():
    locks = [(ROOT / name).read_text() for name in ("measure.lock", "requirements.lock")]
    measured, tested = (set(re.findall(r"^([\w.-]+==[\w.]+)", lock, re.MULTILINE)) for lock in locks)
    pinned = {line.partition("==")[0] for line in measured}
    assert wanted("measure") <= pinned
    both = pinned & {line.partition("==")[0] for line in tested}
    assert {line for line in measured if line.partition("==")[0] in both} <= tested


def test_the_installed_versions_are_the_locked_ones():
    from importlib.metadata import version

    lock = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["notebooks"]):
        requirement = Requirement(line)
        assert version(requirement.name) in requirement.specifier
        assert requirement.name == "numpy" or version(requirement.name) == lock[requirement.name]


def test_no_file_names_a_host_of_packages_or_a_place_on_a_machine():
    hosts, places = r"pypi\.org|pythonhosted|index-url|npmjs|deb\.debian", r"/root/|/home/\w+/|/work/|\.\./shared"
    forbidden = re.compile(f"{hosts}|{places}")
    for path in tracked():
        if path.suffix not in (".mo", ".png", ".svg") and path != Path(__file__):
            assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest, day = re.search(r"(?m)^## \[(\d.*)\] - (.*)$", (ROOT / "CHANGELOG.md").read_text()).groups()
    assert PROJECT["version"] == memcalc.__version__ == citation["version"] == newest
    assert str(citation["date-released"]) == day


def test_the_readme_begins_with_the_three_commands():
    top = (ROOT / "README.md").read_text().split("\n## ")[0]
    positions = [top.index(f"make {target}") for target in ("article", "test", "lab")]
    assert positions == sorted(positions)


def test_import_loads_neither_pandas_nor_matplotlib():
    code = "import sys, memcalc; print({'pandas', 'matplotlib', 'ipywidgets', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
