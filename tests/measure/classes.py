"""The classes of Transformers that generate text: built small, their parameters counted, and given a short prompt."""

import copy
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PretrainedConfig,
    PreTrainedModel,
    logging,
)
from transformers.models.auto import modeling_auto

from measure.census import in_a_line
from measure.cuts import TEXTS, cut, sizes
from measure.fake import CARD, fake_card, moved

logging.set_verbosity_error()

CONTEXT, BATCH = 40, 2

_MAKERS = {
    AutoModelForCausalLM: modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    AutoModelForImageTextToText: modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
}
"""What builds a class → the types that it builds; the first that knows a type takes it."""

_SETTINGS = Path(__file__).with_suffix(".csv")
"""Types whose defaults make no model, or not one of their kind: what is set in their place, and why."""

_NO_TEXT = re.compile("vision|visual|image|audio")
_CACHES = ("past_key_values", "cache_params", "state", "mems")
_HOW = "default config{}, cut to a few layers, windows of 16 and at most 16 experts; parameters on the meta device, {}"


def types() -> list[str]:
    """Return every type that generates text."""
    return sorted({name for names in _MAKERS.values() for name in names})


def count(name: str) -> dict[str, Any]:
    """Return what the class of a type has, built small: its parameters, and the bytes of its cache after a prompt."""
    config, changed = _small(name)
    maker = next(maker for maker, names in _MAKERS.items() if name in names)
    with torch.device("meta"):
        model = maker.from_config(config, dtype=torch.bfloat16, attn_implementation="eager").eval()
    cells = {"model_type": name, "class": type(model).__name__}
    cells |= {"parameters": _numbers(model.parameters()), "text_parameters": _numbers(_text(model))}
    cells["cache"], how = _cache(model)
    plain = json.loads(json.dumps(config.to_dict(), default=str))
    cells |= {"context": CONTEXT, "batch": BATCH, "config": sizes(plain)}
    return cells | {"how": _HOW.format(" with settings of its own" if changed else "", how)}


def _small(name: str) -> tuple[Any, bool]:
    """Return the small config of a type, and whether its defaults were changed."""
    made = CONFIG_MAPPING[name]
    default = made().to_dict()
    config = _set(name, default)
    return made.from_dict(cut(config)), config != default


def _set(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the settings of its type, and those of the text decoder in it."""
    inner = {key: _set(config[key].get("model_type", ""), config[key]) for key in TEXTS if config.get(key)}
    return {**config, **inner, **_settings().get(name, {})}


@cache
def _settings() -> dict[str, dict[str, Any]]:
    with _SETTINGS.open(encoding="utf-8", newline="") as lines:
        return {row["model_type"]: json.loads(row["settings"]) for row in csv.DictReader(lines)}


def _text(model: PreTrainedModel) -> Iterator[Tensor]:
    """Yield the parameters of a text decoder and of its embeddings, but for what reads pictures or sound in them."""
    for module in (model.get_decoder(), model.get_input_embeddings(), model.get_output_embeddings()):
        if module is not None:
            yield from (one for name, one in module.named_parameters() if not _NO_TEXT.search(name))


def _numbers(parameters: Iterable[Tensor]) -> int:
    """Return how many numbers are in some parameters, each once."""
    return sum({id(one): one.numel() for one in parameters}.values())


def _cache(model: PreTrainedModel) -> tuple[int | None, str]:
    """Return the bytes of a cache after a prompt, and how they were counted, or why not."""
    spare = copy.deepcopy(model)
    try:
        with fake_card() as mode, torch.device(CARD), torch.no_grad():
            return _held(moved(mode, model, CARD)), "cache of a prompt on fake tensors"
    except Exception:  # its code asks for numbers, which fake tensors lack
        pass
    try:
        with torch.no_grad():
            return _held(_zeros(spare)), "cache of a prompt on a CPU"
    except Exception as problem:
        return None, f"cache not counted: {in_a_line(problem)}"


def _zeros(model: PreTrainedModel) -> PreTrainedModel:
    """Move a model from the meta device to a CPU; what is not written to takes no memory there."""
    made = {}
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = made.setdefault(id(tensor), _zero(tensor))
    return model


def _zero(tensor: Tensor) -> Tensor:
    zero = torch.from_numpy(np.zeros(tensor.nbytes, np.uint8)).view(tensor.dtype).view(tensor.shape)
    return nn.Parameter(zero, requires_grad=False) if isinstance(tensor, nn.Parameter) else zero


def _held(model: PreTrainedModel) -> int:
    """Return the bytes of the tensors in what a model keeps for the next token."""
    out = model(input_ids=torch.zeros((BATCH, CONTEXT), dtype=torch.long), use_cache=True)
    kept = [out[name] for name in _CACHES if out.get(name) is not None]
    if not kept:
        raise ValueError("the class gives none")
    return sum({id(tensor): tensor.nbytes for tensor in _tensors(kept)}.values())


def _tensors(value: object) -> Iterator[Tensor]:
    """Yield the tensors in lists, dictionaries and the library's objects."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        yield from (tensor for one in value for tensor in _tensors(one))
    elif isinstance(value, dict):
        yield from _tensors([*value.values()])
    elif type(value).__module__.startswith("transformers.") and not isinstance(value, PretrainedConfig):
        yield from _tensors(vars(value))
