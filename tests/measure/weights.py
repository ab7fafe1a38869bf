"""Weights: every parameter of the built model, each once."""

import torch

from measure.cases import Case
from measure.models import build, config

HOW = {"weights": "sum over the parameters of the model that Hugging Face code builds on the meta device, each once"}

_DTYPES = {"BF16": torch.bfloat16, "FP32": torch.float32}


def measure(case: Case) -> int:
    """Return the bytes of all parameters."""
    model = build(config(case), _DTYPES[case.inputs["weights"]])
    return sum(parameter.nbytes for parameter in model.parameters())
