"""Plans: which runs are known that divide heads and MLPs as the plan of a Hugging Face config says (tp_plan)."""

from __future__ import annotations

from collections.abc import Iterator

from memcalc import catalogue
from memcalc.formula.choices import Losses, Offload, Recompute, Sharding
from memcalc.specs.model import Model
from memcalc.specs.training import Training

FAMILIES = [row["name"] for row in catalogue.rows("code_paths") if "planned" in row["traits"].split()]
"""Families of which it was measured what a card keeps."""

_ALONE = {"lora_rank": 0, "frozen": 0, "zero": 0, "offload": Offload.NONE, "dropout": 0}
_ALONE |= {"optimizer_in_backward": False, "offload_activations": False, "loss": Losses.PLAIN}
_RECOMPUTED = (Recompute.NONE, Recompute.FULL)


def unknown(model: Model, run: Training) -> Iterator[str]:
    """Yield why the activations of a run are not known that divides a model so, in sentences that name the field.

    >>> list(unknown(Model.named("Llama-3-8B"), Training(tensor_parallel=8)))
    []
    >>> list(unknown(Model.named("GPT-2"), Training(tensor_parallel=4)))
    ["tensor_parallel must be 1 with activations 'transformers' for gpt2, of which nobody has measured it, not 4."]
    """
    asked = f"not {run.tensor_parallel:,}."
    if model.family not in FAMILIES:
        why = f"1 with activations 'transformers' for {model.family}, of which nobody has measured it"
        yield f"tensor_parallel must be {why}, {asked}"
    if model.kv_heads % run.tensor_parallel:
        yield f"tensor_parallel must divide kv_heads = {model.kv_heads:,} of {model.name}, as its plan does, {asked}"
    for name, usual in _ALONE.items():
        if (found := getattr(run, name)) != usual:
            yield f"{name} must be {usual} with tensor_parallel and activations 'transformers', not {str(found)!r}."
    if run.sharding == Sharding.FSDP:
        allowed = "zero or fsdp2 with tensor_parallel and activations 'transformers'"
        yield f"sharding must be {allowed}, not 'fsdp': nobody has measured it."
    if run.recompute not in _RECOMPUTED:
        allowed = "recompute must be none or full with tensor_parallel and activations 'transformers'"
        yield f"{allowed}, not {str(run.recompute)!r}."
