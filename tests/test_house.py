"""The house: imports flow one way, modules stay small, sources exist, versions agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import memcalc
from cases import EVERY_TERM
from memcalc import catalogue

ROOT = Path(__file__).parent.parent
FLOW = (
    *("errors", "units", "catalogue", "formats", "symbols"),
    *("formula.reading", "formula.compute", "formula.term"),
    *("formula.tensors", "formula.weights", "formula.gguf", "formula.stored"),
    *("formula.kv_cache", "formula.residual", "formula.inverse", "formula.speed", "formula.overhead"),
    *("formula.kept", "formula.activations", "formula.megatron", "formula.prefill", "formula.llama_cpp"),
    *("formula.parallel", "formula.sharding", "formula.optimizer", "formula.step", "formula.lora"),
    *("formula.total", "formula.examples", "formula"),
    *("config", "blocks", "state_spaces", "families", "model", "gpu"),
    *("runs", "training", "states", "passes", "accounting", "speed", "evaluate", "scaling"),
    *("advice", "tables", "predictions", "reality", "pages", "canvas", "figures", "training_figures"),
    *("article", "cards", "hardware", "market"),
    *("quantities", "answers", "relations", "claims"),
    *("hardware_figures", "audit_figures", "reality_figures", "activation_figures", "plan_figures", "weights_figures"),
    *("article_figures", "publish"),
    *("stage", "frame", "card_stage", "scenes", "audit_scenes", "reality_scenes"),
    *("activation_scenes", "training_scenes", "hardware_scenes", "weights_scenes", "plan_scenes", "widgets"),
    *("lessons.exercise", *(f"lessons.lesson{number}" for number in range(9))),
    *("lessons", "exercises", "__main__"),
)
"""Each module may import those before it."""

PACKAGE = ROOT / "memcalc"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: which files belong to the project is not known")
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.ImportFrom) and node.level), "imports are absolute"
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("memcalc.") for alias in node.names if alias.name.startswith("memcalc"))
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "memcalc":
            base = node.module.removeprefix("memcalc").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield inner if inner in MODULES else base


def test_every_module_has_its_place_in_the_flow():
    assert sorted(FLOW) == sorted(MODULES)


WITH_ANOTHER = ("formula", "formula.reading", "formula.total", "formula.examples")
"""Modules that the tests of another one hold; so are the exercises of a notebook, by tests/test_lessons.py."""


@pytest.mark.parametrize("name", [name for name in FLOW if name not in WITH_ANOTHER and "lessons." not in name])
def test_every_module_has_a_test_file_of_its_name(name):
    assert (ROOT / "tests" / f"test_{name.split('.')[-1].strip('_')}.py").exists()


@pytest.mark.parametrize("name", FLOW)
def test_imports_go_one_way(name):
    allowed = [*FLOW[: FLOW.index(name)], *([""] if name == "__main__" else [])]  # "": the package itself
    assert [other for other in imports(MODULES[name]) if other not in allowed] == []


@pytest.mark.parametrize("name", FLOW)
def test_modules_and_functions_stay_small(name):
    source = MODULES[name].read_text()
    assert source.count("\n") <= 250
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert body[-1].end_lineno - body[0].lineno < 20 if body else True, node.name


def test_users_text_is_never_evaluated():
    for name, path in MODULES.items():
        evaluates = r"(?<!re\.)\b(sympify|parse_expr|eval|exec|compile|sympy\.S|lambdify)\("
        assert name == "formula.compute" or not re.search(evaluates, path.read_text()), path


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
    conda = {line for line in environment if isinstance(line, str)} - {"pip", f"python{PROJECT['requires-python']}"}
    assert conda == set(PROJECT["dependencies"])
    assert {"pip": ["--editable ."]} in environment


def test_the_lock_pins_every_dependency_with_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    assert {Requirement(line).name.replace("_", "-") for line in wanted} <= pinned
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in entry


def test_the_lock_of_the_measured_libraries_pins_each_and_agrees_with_the_other():
    locks = [(ROOT / name).read_text() for name in ("measure.lock", "requirements.lock")]
    measured, tested = (set(re.findall(r"^([\w.-]+==[\w.]+)", lock, re.MULTILINE)) for lock in locks)
    pinned = {line.partition("==")[0] for line in measured}
    assert {Requirement(line).name for line in PROJECT["optional-dependencies"]["measure"]} <= pinned
    both = pinned & {line.partition("==")[0] for line in tested}
    assert {line for line in measured if line.partition("==")[0] in both} <= tested


def test_the_installed_versions_are_the_locked_ones():
    from importlib.metadata import version

    lock = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for line in PROJECT["dependencies"]:
        requirement = Requirement(line)
        assert version(requirement.name) in requirement.specifier
        assert requirement.name == "numpy" or version(requirement.name) == lock[requirement.name]


def test_no_file_names_a_host_of_packages_or_a_place_on_a_machine():
    hosts, places = r"pypi\.org|pythonhosted|index-url|npmjs|deb\.debian", r"/root/|/home/\w+/|/work/|\.\./shared"
    forbidden = re.compile(f"{hosts}|{places}")
    for path in tracked():
        if path.suffix not in (".png", ".svg") and path != Path(__file__):
            assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == memcalc.__version__ == citation["version"]


def test_the_readme_begins_with_the_three_commands():
    top = (ROOT / "README.md").read_text().split("\n## ")[0]
    positions = [top.index(f"make {target}") for target in ("article", "test", "lab")]
    assert positions == sorted(positions)


def test_import_loads_neither_pandas_nor_matplotlib():
    code = "import sys, memcalc; print({'pandas', 'matplotlib', 'ipywidgets', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
