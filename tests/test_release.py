"""What is published: the workflows call what there is, and the package alone answers with SymPy alone."""

import re
import subprocess
import sys
import zipfile
from email import message_from_string
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ALONE = """
import sys
sys.path[:0] = sys.argv[1].split("|")
from memcalc.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


def steps(path):
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_what_there_is(path):
    targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
    run = [step["run"] for step in steps(path) if "run" in step]
    called = {target for command in run for target in re.findall(r"\bmake (\w+)", command)}
    assert called <= targets
    for script in (command for command in run if command.startswith(".ci/")):
        assert (ROOT / script).stat().st_mode & 0o100, script
    actions = [step["uses"] for step in steps(path) if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", action) for action in actions)


def test_what_is_handed_on_was_made_before():
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text())["jobs"]
        for job in jobs.values():
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            assert set(needed) <= jobs.keys(), path


def test_only_who_publishes_may_sign():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        signing = {name for name, job in workflow["jobs"].items() if "id-token" in job.get("permissions", {})}
        assert signing == {"publish"}
        assert "secrets." not in path.read_text(), "the index trusts the workflow: there is no password"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The folder of a wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "flit_core.wheel", "--outdir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("gpu_memcalc-*.whl")
    zipfile.ZipFile(built).extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_package_has_the_name_that_is_free_and_asks_for_sympy_alone(wheel):
    (about,) = wheel.glob("*.dist-info")
    metadata = message_from_string((about / "METADATA").read_text())
    assert metadata["Name"] == "gpu-memcalc"
    base = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert [line.partition(">")[0] for line in base] == ["sympy"]
    assert set(metadata.get_all("Provides-Extra")) == {"notebooks", "site", "workshop", "yaml", "test", "measure"}
    assert "gpu-memcalc=memcalc.__main__:main" in (about / "entry_points.txt").read_text(), "what pipx run runs"


@pytest.mark.parametrize(("asked", "code", "said"), [
    (["fit", "Llama-2-7B", "RTX 4090"], 0, "It does not fit: 4.91 GiB are missing."),
    (["article"], 2, "comes with the lessons: pip install 'gpu-memcalc[notebooks]'."),
])  # fmt: skip
def test_the_package_alone_answers_with_sympy_alone(wheel, tmp_path, asked, code, said):
    for name in ("sympy", "mpmath"):
        (tmp_path / name).symlink_to(Path(find_spec(name).origin).parent)
    command = [sys.executable, "-I", "-S", "-c", ALONE, f"{wheel}|{tmp_path}", *asked]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
