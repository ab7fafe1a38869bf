"""Predictions: what the formula says of a quantity that can be measured, from the model and the inputs of the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, choice, shown, whole
from memcalc.estimate import speed, training
from memcalc.estimate.questions import breakdown
from memcalc.formula import formats
from memcalc.formula.formats import Format
from memcalc.formula.quantization import matrix_bytes
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training

Inputs = dict[str, str | int | float]
"""Field of a run, or of the model where it was changed → value."""

_COUNTS = [field.name for field in fields(Model) if field.name in BY_NAME]
_OF_INFERENCE, _OF_TRAINING = ([field.name for field in fields(kind)] for kind in (Inference, Training))
_KNOWN = [*dict.fromkeys((*_OF_INFERENCE, *_OF_TRAINING, *_COUNTS, "format", "rows", "columns", "gpu"))]


def predict(quantity: str, model: str, inputs: Inputs) -> int | float:
    """Return what the formula says [the quantity's unit].

    Parameters
    ----------
    quantity : as named in data/measured_quantities.csv
    model : as named in data/models.csv; "" for a matrix
    inputs : whole numbers named like fields of a model change the model, all else belongs to the run

    Raises InputError for a name that is not known, or inputs that make no sense.

    >>> predict("kv_cache", "Llama-3-8B", {"context": 8192, "engine": "transformers"})
    1073741824
    """
    quantity = choice("quantity", quantity, QUANTITIES)
    inputs = {choice("input", name, _KNOWN): value for name, value in inputs.items()}
    for names in NEEDED.get(quantity, ()):
        _given(inputs, *names.split("|"))
    if "gpu" in inputs:
        Gpu.named(inputs["gpu"])
    if quantity != "decode_speed":  # bytes do not depend on the card
        inputs.pop("gpu", None)
    return QUANTITIES[quantity](model, inputs)


def model_and_run(name: str, inputs: Inputs, trained: bool) -> tuple[Model, Inference | Training]:
    """Return the model with its changes, and the run: of training if asked for, or if an input is known there alone.

    >>> model_and_run("Llama-3-8B", {"context": 64, "kv_heads": 1}, trained=False)[0].kv_heads
    1
    """
    trained = trained or any(key in _OF_TRAINING and key not in _OF_INFERENCE for key in inputs)
    known = _OF_TRAINING if trained else _OF_INFERENCE
    for key in inputs:
        choice("input", key, [*known, *_COUNTS])
    words = {key for key in known if isinstance(inputs.get(key), str)}  # window: tokens of a model, or how a run counts
    counts = {key: value for key, value in inputs.items() if key in _COUNTS and key not in words}
    run = {key: value for key, value in inputs.items() if key not in counts}
    return replace(Model.named(name), **counts), (Training if trained else Inference)(**run)


def _term(name: str, trained: bool = False, **fixed: str) -> Callable[[str, Inputs], int]:
    def bytes_of(model: str, inputs: Inputs) -> int:
        memory = breakdown(*model_and_run(model, fixed | inputs, trained))
        if name not in memory:
            raise InputError(f"quantity {name!r} is no part of this run, which has {', '.join(memory)}.")
        return memory[name]

    return bytes_of


def _kept(model: Model, run: Training) -> int:
    memory = breakdown(model, run)
    return memory["activations"] + memory.get("weight_copies", 0)


def _activations(model: str, inputs: Inputs) -> int:
    return _kept(*model_and_run(model, inputs, trained=True))


def _layer(model: str, inputs: Inputs) -> int:
    """Return what a second layer adds to one; of layers with and without a window, those without."""
    model, run = model_and_run(model, inputs, trained=True)
    alike = {"full_layers": model.full_layers, "window_layers": model.window_layers}
    kind = next((kind for kind, number in alike.items() if number), None)
    if kind is None:
        raise InputError(f"quantity layer_activations must be of a model with attention alone, not {model.name}.")
    one, two = (replace(model, **dict.fromkeys(alike, 0) | {kind: n, "dense_layers": n}) for n in (1, 2))
    return _kept(two, run) - _kept(one, run)


def _head(model: str, inputs: Inputs) -> int:
    model, run = model_and_run(model, inputs, trained=True)
    known = model.values | run.values
    return sum(tensor.bytes(known) for tensor in training.saved_tensors(model, run) if tensor.place in ("head", "loss"))


def _step(model: str, inputs: Inputs) -> int:
    return training.step_peak(*model_and_run(model, inputs, trained=True))


def _whole_step(model: str, inputs: Inputs) -> int:
    model, run = model_and_run(model, inputs, trained=True)
    memory = breakdown(model, run)
    return memory["weights"] + memory["optimizer"] + training.step_peak(model, run)


def _prefill(model: str, inputs: Inputs) -> int:
    memory = breakdown(*model_and_run(model, {"prefill": "whole"} | inputs, trained=False))
    return memory["kv_cache"] + memory["activations"]


def _matrix(model: str, inputs: Inputs) -> int:
    form, rows, columns = _of_a_matrix(model, inputs)
    return matrix_bytes(sympy.Integer(rows), sympy.Integer(columns), Format.named(form))


def _blocks(model: str, inputs: Inputs) -> int:
    form, rows, columns = _of_a_matrix(model, inputs)
    numbers, size = formats.block(form)
    if columns % numbers:
        raise InputError(f"columns must be a multiple of {numbers}, the block of {form}, not {columns:,}.")
    return rows * columns // numbers * size


def _of_a_matrix(model: str, inputs: Inputs) -> tuple[str, int, int]:
    if model:
        raise InputError(f"model must be left out of the row of one matrix, not {shown(model)}.")
    for name in inputs:
        choice("input", name, ("format", "rows", "columns"))
    form = choice("format", inputs["format"], [*catalogue.names("formats"), *catalogue.names("ggml_types")])
    return form, *(whole(name, inputs[name], 1, 10**6) for name in ("rows", "columns"))


def _decode(model: str, inputs: Inputs) -> float:
    gpu = Gpu.named(inputs.pop("gpu"))
    rate = speed.fastest(*model_and_run(model, inputs, trained=False), gpu).decode
    if rate is None:
        raise InputError(f"gpu must be one whose bandwidth is known, not {gpu.name}.")
    return rate


def _context(model: str, inputs: Inputs) -> int:
    if model or inputs:
        raise InputError(f"model and inputs must be left out of context_size, not {shown(model)} and {list(inputs)}.")
    return breakdown(Model.nominal(1), Training(overhead="low"))["overhead"]


def _given(inputs: Inputs, *names: str) -> str | int | float:
    """Return the first of these inputs that there is; raise InputError if there is none."""
    for name in names:
        if name in inputs:
            return inputs[name]
    wanted, said = " or ".join(f"{name}=…" for name in names), ", ".join(inputs) or "nothing"
    raise InputError(f"inputs must say {wanted}, for nothing is guessed; they say {said}.")


QUANTITIES: dict[str, Callable[[str, Inputs], int | float]] = {
    "weights": _term("weights"),
    "gradients": _term("gradients", trained=True, activations="none"),
    "optimizer": _term("optimizer", trained=True, activations="none"),
    "layer_activations": _layer,
    "head_activations": _head,
    "activations": _activations,
    "step_peak": _step,
    "prefill": _prefill,
    "compute_buffer": _term("activations", prefill="whole"),
    "kv_cache": _term("kv_cache"),
    "matrix": _matrix,
    "blocks": _blocks,
    "process_peak": _whole_step,
    "unpooled_process_peak": _whole_step,
    "allocated_peak": _whole_step,
    "reserved_peak": _whole_step,
    "allocated_prefill": _prefill,
    "context_size": _context,
    "decode_speed": _decode,
}
"""Quantity, as in data/measured_quantities.csv → its prediction from model and inputs."""

_PASS = ("context", "batch", "recipe", "attention")
NEEDED: dict[str, tuple[str, ...]] = {
    "weights": ("weights|recipe",),
    "kv_cache": ("context",),
    **dict.fromkeys(("prefill", "allocated_prefill"), ("context", "batch", "attention")),
    "compute_buffer": ("context", "engine", "attention"),
    "gradients": ("recipe",),
    "optimizer": ("recipe", "optimizer"),
    **dict.fromkeys(("layer_activations", "head_activations", "activations", "step_peak"), _PASS),
    **dict.fromkeys(("process_peak", "unpooled_process_peak", "allocated_peak", "reserved_peak"), _PASS),
    "matrix": ("format", "rows", "columns"),
    "blocks": ("format", "rows", "columns"),
    "decode_speed": ("context", "weights", "gpu"),
}
"""Quantity → the inputs that a row must name, with | between those of which one is enough."""
