"""A changed coefficient makes a lesson fail: ten of them, each in another term, changed one at a time."""

import json
import os
import subprocess
import sys

import pytest
from coefficients import ROOT, changed, copied

_SUM, _READ, _SCORES = (
    "expr=parameters.symbol * ",
    "(read_weights.expr + read_cache",
    "the softmax,layer,attention,b h s s,",
)
_NORM, _LOSS = "input of the MLP's norm in FP32,layer,norm,s b d,4", "\nplain,no,probabilities,0,1,1,0,"
TEN = {
    "weights": (0, "formula/weights.py", f'{_SUM}symbol("b', f'{_SUM}2 * symbol("b'),
    "mlp": (1, "data/tensors.csv", "\nmlp,down_proj,1,", "\nmlp,down_proj,2,"),
    "stored": (1, "formula/quantization.py", "+ scales + nested", "+ 2 * scales + nested"),
    "master_weights": (2, "formula/optimizer.py", "expr=P * B_m,", "expr=2 * P * B_m,"),
    "one_state": (2, "formula/optimizer.py", "expr=number * B_o if", "expr=2 * number * B_o if"),
    "layer_activations": (3, "data/saved_tensors.csv", _NORM, _NORM.replace(",4", ",8")),
    "megatron": (3, "data/saved_tensors_megatron.csv", f",output of {_SCORES}2", f",output of {_SCORES}3"),
    "kv_cache": (4, "formula/kv_cache.py", "return key * (B_k + B_v)", "return key * (B_k + 2 * B_v)"),
    "decode_time": (5, "formula/roofline.py", f"expr={_READ}", f"expr=2 * {_READ}"),
    "loss_moment": (8, "data/losses.csv", f"{_LOSS}2,", f"{_LOSS}3,"),
}
"""Term → the lesson that fails, the file, what stands there, and what stands there instead."""

LESSONS = {number: next((ROOT / "notebooks").glob(f"0{number}*.ipynb")).stem for number, *_ in TEN.values()}
"""Their notebooks by number."""


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """What differs in each lesson as it is, and in that of each term with its coefficient changed."""
    folder = tmp_path_factory.mktemp("coefficients")
    base = copied(folder / "base")
    cases = {lesson: (base, lesson) for lesson in LESSONS.values()}
    for term, (lesson, *change) in TEN.items():
        cases[term] = (changed(base, folder / term, *change), LESSONS[lesson])
    asked = json.dumps([(str(package), lesson) for package, lesson in cases.values()])
    command = [sys.executable, str(ROOT / "tests" / "coefficients.py")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("lesson", LESSONS.values())
def test_with_no_change_a_lesson_shows_what_is_committed(differences, lesson):
    assert differences[lesson] is None


@pytest.mark.parametrize("term", TEN)
def test_a_changed_coefficient_makes_a_lesson_fail(differences, term):
    assert differences[term] is not None
