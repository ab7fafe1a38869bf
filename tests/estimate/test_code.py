"""The line of Python that gives a result gives that result."""

from dataclasses import replace

from memcalc import Inference, Model, Training, breakdown, total
from memcalc.estimate.code import arguments, code

KNOWN = {"Model": Model, "Inference": Inference, "Training": Training}
KNOWN |= {"breakdown": breakdown, "total": total, "replace": replace}


def test_the_line_gives_the_result():
    model, run = Model.named("LLaMA-7B"), Inference(context=4096, weights="INT8")
    assert eval(code(model, run), KNOWN) == breakdown(model, run)
    assert eval(code(model, run, "kv_cache"), KNOWN) == 2_147_483_648
    assert eval(code(model, run, "total"), KNOWN) == total(model, run)


def test_changed_fields_and_sizes_are_said():
    grouped = replace(Model.named("LLaMA-7B"), kv_heads=8)
    assert eval(code(grouped, Inference()), KNOWN) == breakdown(grouped, Inference())
    sized = Model.nominal(7_500_000_000)
    assert eval(code(sized, Training(zero=1, data_parallel=2)), KNOWN)["weights"] == 15_000_000_000


def test_fields_can_be_shown_that_are_as_usual():
    assert "batch=1" in arguments(Model.named("LLaMA-7B"), Inference(), shown=("batch",))


def test_a_model_of_a_config_stands_as_its_file():
    own = replace(Model.named("LLaMA-7B"), name="mine")
    assert code(own, Inference()).startswith("breakdown(Model.from_config('config.json')")


def test_the_usual_format_is_left_out_however_it_is_called():
    model = Model.named("LLaMA-7B")
    assert arguments(model, Inference(weights="FP16", kv_cache="auto")) == arguments(model, Inference())
    assert arguments(model, Inference(), shown=("weights",)).endswith("Inference(weights='FP16')")
