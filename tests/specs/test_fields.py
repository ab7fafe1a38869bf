"""Declared fields: each says what it is, and refuses in one sentence what it cannot be."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest

from memcalc import Gpu, Inference, InputError, Model, Training, catalogue
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.model import NominalModel

SPECS = (Model, NominalModel, Gpu, Inference, Training)
EXAMPLES = {Model: Model.named("LLaMA-7B"), NominalModel: Model.nominal(7), Gpu: Gpu.named("RTX 4090")}
FIELDS = [(kind, name) for kind in SPECS for name in kind.declared]


class Unspeakable:
    """A value that cannot even be shown."""

    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_every_field_says_what_it_is_and_is_in_the_documentation(kind, name):
    meaning = kind.declared[name].meaning or BY_NAME[name].meaning
    assert len(meaning) > 7
    assert f"    {name} : {meaning[:30]}" in kind.__doc__


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
@pytest.mark.parametrize(
    "value", [Unspeakable(), object(), {"a": 1}, b"1", [1]], ids=lambda value: type(value).__name__
)
def test_every_field_refuses_what_it_cannot_be_by_its_name(kind, name, value):
    with pytest.raises(InputError) as refused:
        replace(EXAMPLES.get(kind) or kind(), **{name: value})
    assert name in str(refused.value)
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    "ask",
    [Model.named, Model.from_config, Model.from_checkpoint, Model.nominal, Gpu.named, Gpu.of],
    ids=lambda ask: ask.__qualname__,
)
@pytest.mark.parametrize("value", [Unspeakable(), {"model_type": Unspeakable()}, None, b"1", "a\0b"], ids=range(5))
def test_whoever_asks_for_a_model_or_card_by_no_name_reads_a_sentence(ask, value):
    with pytest.raises(InputError) as refused:
        ask(value)
    assert len(str(refused.value)) < 2000


def test_texts_are_texts():
    with pytest.raises(InputError, match=r"packing 'kv' is not known; the nearest is qkv. Known: , qkv, qkv gate_up."):
        replace(EXAMPLES[Model], packing="kv")
    with pytest.raises(InputError, match=r"assumed must be a tuple of texts, not \('head_dim', 5\)."):
        replace(EXAMPLES[Model], assumed=("head_dim", 5))
    with pytest.raises(InputError, match=r"vendor must be of type str, not None."):
        replace(EXAMPLES[Gpu], vendor=None)
    assert replace(EXAMPLES[Model], assumed=["head_dim"]).assumed == ("head_dim",)


def test_a_spec_is_shown_as_the_call_that_makes_it():
    assert repr(Training(context=8192, recompute="full")) == "Training(context=8192, recompute='full')"
    served = Inference(context=4096, engine="vLLM", utilization=0.9)
    for spec in (served, EXAMPLES[Model], EXAMPLES[NominalModel], Model.named("DeepSeek-V3")):
        again = eval(repr(spec), {"Fraction": Fraction, type(spec).__name__: type(spec)})
        assert again == spec


def test_a_choice_is_kept_as_its_word():
    run = Training(recompute="Full")
    assert (run.recompute, repr(run.recompute), f"{run.recompute}") == ("full", "'full'", "full")


@pytest.mark.parametrize("flags", [["-O"], ["-OO"]])
def test_the_command_line_needs_no_docstrings(flags):
    command = ["-m", "memcalc", "fit", "LLaMA-7B", "RTX 4090", "--context", "4096"]
    plain, optimized = (
        subprocess.run([sys.executable, *some, *command], capture_output=True, text=True, check=True)
        for some in ([], flags)
    )
    assert optimized.stdout == plain.stdout


WORDS = [(field, row) for row in catalogue.rows("other_words") for field in row["field"].split("|")]


@pytest.mark.parametrize(("field", "row"), WORDS, ids=[f"{field} {row['words'][:20]}" for field, row in WORDS])
def test_a_word_that_belongs_elsewhere_is_refused_with_where(field, row):
    source = row["source"].partition(",")[0]
    assert f"{{{source}," in catalogue.bibliography()
    for word in row["words"].split("|"):
        with pytest.raises(InputError) as refusal:
            Training(**{field: word.upper()})
        assert str(refusal.value).startswith(f"{field} {word.upper()!r} is not known")
        assert str(refusal.value).endswith(f" {row['meant']}")


def test_what_such_words_are_refused_with_can_be_asked_for():
    """The fields and values that the sentences name."""
    Training(lora_rank=16, base_weights="NF4", dora=True)
    Training(zero=3, data_parallel=8)
    Training(sharding="fsdp2", data_parallel=8, recipe="bf16")
    Training(frozen=8, recompute="full", optimizer="8-bit AdamW")
