"""The explorer of a plan: every term, on the card that holds most."""

import pytest

import memcalc
from memcalc import InputError, Model, units
from memcalc.explorers.plan import TASKS, plan
from memcalc.formula.symbols import SUMMANDS

START = {"model": "Gemma-3-27B", "gpu": "RTX 4090", "task": "answer", "cards": "1", "context": 32_768, "batch": 1}
START |= {"weights": "FP16", "kv_cache": "FP16", "overhead": "none"}


def test_answering_divides_the_model():
    one, four = (plan.frame(**START | {"cards": cards}) for cards in "14")
    assert one.said.startswith("The card must hold 53.22 GiB = 57.14 GB; a program can use 23.64 GiB of it.")
    assert four.said.startswith("Each of 4 cards must hold")
    assert "tensor_parallel=4" in four.code


def test_training_shares_its_states():
    """Sixteen bytes for each of 8.03 billion parameters over eight cards, as in the ZeRO paper's stage 3."""
    frame = plan.frame(**START | {"model": "Llama-3.1-8B", "task": "train", "cards": "8"})
    shared = [line for line in frame.details if line.startswith(("weights", "gradients", "optimizer"))]
    sizes = [int(line.split()[1].replace(",", "")) for line in shared]
    assert sum(sizes) == pytest.approx(16 * 8_030_261_248 / 8, rel=1e-6)
    assert any(line.startswith("activations: ") for line in frame.details)


@pytest.mark.parametrize(
    ("model", "task"), [("Mixtral-8x7B", "train"), ("LLaMA-7B", "train adapters (LoRA)"), ("Mamba-2.8B", "train")]
)
def test_what_is_not_known_is_said(model, task):
    frame = plan.frame(**START | {"model": model, "task": task})
    assert "activations='none'" in frame.code
    assert "It fits" not in frame.said
    assert not any("holds at most" in line for line in frame.details)


def test_what_is_left_beside_unknown_activations_is_no_verdict():
    frame = plan.frame(**START | {"model": "LLaMA-7B", "task": "train adapters (LoRA)"})
    assert frame.said.endswith("GiB are left, but activations come on top: nobody has measured them here.")


def test_adapters_need_less_than_a_tenth():
    """QLoRA keeps a base of four bits, and states of the adapters alone."""
    model = {"model": "LLaMA-7B", "overhead": "none"}
    full, adapters = (plan.frame(**START | model | {"task": task}) for task in ("train", "train adapters (QLoRA)"))
    label = [float(frame.shapes["total"].text.split()[0]) for frame in (full, adapters)]
    assert label[1] < label[0] / 10


def test_the_copies_of_the_weights_are_drawn_where_a_task_has_them(monkeypatch):
    monkeypatch.setitem(TASKS, "train with autocast", {"recipe": "autocast"})
    frame = plan.frame(**START | {"model": "LLaMA-7B", "task": "train with autocast", "overhead": "high"})
    run = memcalc.Training(32_768, recipe="autocast", zero=3, overhead="high")
    kept = {term for term, count in memcalc.breakdown(Model.named("LLaMA-7B"), run).items() if count}
    assert kept == {term for term in SUMMANDS if frame.shapes[term]} == SUMMANDS.keys() - {"kv_cache"}


def test_every_term_has_its_place_and_overhead_is_one_of_them():
    frame = plan.frame(**START | {"overhead": "high"})
    assert frame.shapes.keys() >= SUMMANDS.keys() - {"weight_copies"}
    assert frame.shapes["overhead"]
    assert not frame.shapes["gradients"]


@pytest.mark.parametrize(("name", "value"), [("task", "sing"), ("cards", "3"), ("overhead", "some"), ("model", "x")])
def test_unknown_choices_are_named(name, value):
    with pytest.raises(InputError, match=f"{name} '{value}' is not known"):
        plan.frame(**START | {name: value})


@pytest.mark.parametrize("task", TASKS)
def test_the_line_of_python_gives_what_is_shown(task):
    frame = plan.frame(**START | {"task": task, "cards": "2", "overhead": "low"})
    terms = eval(frame.code, {name: getattr(memcalc, name) for name in ("breakdown", "Model", "Inference", "Training")})
    assert f"must hold {units.show_both(sum(terms.values()))};" in frame.said
