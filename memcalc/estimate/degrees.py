"""Degrees: between how many cards an engine can divide a model."""

import math
from collections.abc import Iterator

from memcalc.errors import InputError, must
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training

_DIVIDED = ("heads", "window_heads", "inner", "state_heads", "delta_key_heads", "delta_heads")
_DIVIDED_OR_COPIED = ("kv_heads", "window_kv_heads")


def check_degrees(model: Model, run: Inference | Training) -> None:
    """Raise InputError if no engine divides the model between cards as the run says.

    Source: shoeybi2019megatron, section 3, for heads; vllm2026, config/model.py and
    model_executor/layers/mamba/mamba_mixer2.py, for heads that are copied and for groups, and
    model_executor/layers/fused_moe, determine_expert_map, which gives the first cards one expert more; deepspeed2026,
    deepspeed/runtime/engine.py, for stage 3.

    >>> check_degrees(Model.named("Llama-3.1-8B"), Inference(tensor_parallel=16))
    """
    if not run.divided:
        return
    for allowed in _left_over(model, run.tensor_parallel):
        raise InputError(f"tensor_parallel must {allowed}, not {run.tensor_parallel:,}.")
    if run.pipeline_parallel > model.layers:
        raise must("pipeline_parallel", f"at most the {model.layers:,} layers of {model.name}", run.pipeline_parallel)
    chunks = getattr(run, "chunks", 1)
    if run.pipeline_parallel * chunks > model.layers:
        most = f"at most {model.layers // run.pipeline_parallel:,} of the {model.layers:,} layers of {model.name}"
        raise must("chunks", f"{most} on {run.pipeline_parallel:,} cards", chunks)
    if run.expert_parallel > 1 and not model.experts:
        raise must("expert_parallel", f"1 for {model.name}, which has no experts", run.expert_parallel)
    if run.expert_parallel > max(1, model.experts):
        raise must("expert_parallel", f"at most experts = {model.experts:,} of {model.name}", run.expert_parallel)
    if isinstance(run, Training) and run.expert_parallel > 1 and run.zero == 3:
        whole = "DeepSpeed's stage 3 takes no experts that are divided; sharding fsdp does"
        raise must("zero", f"0, 1 or 2 with expert_parallel, for {whole}", run.zero)
    if isinstance(run, Training) and model.experts % run.expert_parallel:
        allowed = f"divide experts = {model.experts:,} of {model.name} without remainder in training"
        raise InputError(f"expert_parallel must {allowed}, not {run.expert_parallel:,}.")


def splits(model: Model) -> Iterator[int]:
    """Yield the numbers of cards between which tensor parallelism can divide a model, beginning with one.

    >>> list(splits(Model.named("Llama-3.1-70B")))
    [1, 2, 4, 8, 16, 32, 64]
    """
    yield 1
    most = math.gcd(*(getattr(model, name) for name in _DIVIDED))
    for number in range(2, min(most, BY_NAME["tensor_parallel"].limit) + 1):
        if most % number == 0 and not any(_left_over(model, number)):
            yield number


def _left_over(model: Model, cards: int) -> Iterator[str]:
    """Yield what the number of cards would have to do, for each kind of heads that they cannot share."""
    for name in _DIVIDED:
        if getattr(model, name) % cards:
            yield f"divide {name} = {getattr(model, name):,} of {model.name} without remainder"
    for name in _DIVIDED_OR_COPIED:
        count = getattr(model, name)
        if count and count % cards and cards % count:
            yield f"divide {name} = {count:,} of {model.name} without remainder, or be a multiple"
    if model.groups > 1 and model.groups % cards:
        yield f"divide groups = {model.groups:,} of {model.name} without remainder"
