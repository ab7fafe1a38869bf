"""The real models: built by Hugging Face code from the sizes of a config.json, without data."""

from functools import cache
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, logging

from measure.cases import Case
from measured import built, rows

logging.set_verbosity_error()

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32, "autocast": torch.float32}
"""Recipe → type of the weights."""

_LAYERS = {"gpt2": "n_layer"}
_ALIASES = {"kimi_k2": "deepseek_v3"}  # whose code it is, under another name
_DROPOUTS = (
    "attention_dropout",
    "attn_pdrop",
    "embd_pdrop",
    "resid_pdrop",
    "hidden_dropout",
    "dropout",
    "attn_dropout",
    "residual_dropout",
)


@cache
def _configs() -> dict[str, dict[str, Any]]:
    published = {row["model"]: row["config"] for row in built("catalogue")}
    return published | {row.model: row.inputs for row in rows("parameters", "parameters")}


def config(case: Case, layers: int = 0) -> PretrainedConfig:
    """Return the config of the case's model, with its dropout, and with fewer layers if so many are asked for.

    Of these, as many have one MLP instead of experts as the case says.
    """
    keys = dict(_configs()[case.model])
    family = keys.pop("model_type")
    made = AutoConfig.for_model(_ALIASES.get(family, family), **keys).get_text_config()
    for name in _DROPOUTS:
        if hasattr(made, name):
            setattr(made, name, case.inputs.get("dropout", 0.0))
    if layers:
        setattr(made, _LAYERS.get(made.model_type, "num_hidden_layers"), layers)
        if hasattr(made, "first_k_dense_replace"):
            made.first_k_dense_replace = case.inputs.get("dense_layers", 0)
        made.layer_types = made.layer_types[:layers] if getattr(made, "layer_types", None) else None
    return made


def backward(model: PreTrainedModel, ids: torch.Tensor) -> None:
    """Run a forward and a backward pass in which the tokens are their own labels."""
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()


def build(
    made: PretrainedConfig, dtype: torch.dtype, attention: str = "eager", device: str = "meta", **more: str
) -> PreTrainedModel:
    """Return the model with random weights; on the meta device, real modules of tensors without data."""
    torch.manual_seed(0)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(made, dtype=dtype, attn_implementation=attention, **more)
