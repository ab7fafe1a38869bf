"""Optimizer states and gradients: what real optimizers hold after a step."""

from collections.abc import Callable, Iterable
from functools import cache

import bitsandbytes
import torch
from torch import Tensor
from torch.optim import Optimizer

from measure.cases import Case
from measure.models import DTYPES, backward, build, config
from measure.tensors import storage_bytes

HOW = {
    "gradients": "sum of the storages of all gradients after a real backward pass on a CPU",
    "optimizer": "sum of the storages in optimizer.state after one real step on a CPU, with counters and tables",
}

OPTIMIZERS: dict[str, Callable[[Iterable[Tensor]], Optimizer]] = {
    "AdamW": torch.optim.AdamW,
    "Adam": torch.optim.Adam,
    "Adam amsgrad": lambda tensors: torch.optim.Adam(tensors, amsgrad=True),
    "SGD": torch.optim.SGD,
    "SGD momentum": lambda tensors: torch.optim.SGD(tensors, momentum=0.9),
    "Adafactor": torch.optim.Adafactor,
    "RMSprop": torch.optim.RMSprop,
    "RMSprop centered momentum": lambda tensors: torch.optim.RMSprop(tensors, centered=True, momentum=0.9),
    "Adagrad": torch.optim.Adagrad,
    "Adadelta": torch.optim.Adadelta,
    "Adamax": torch.optim.Adamax,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "Rprop": torch.optim.Rprop,
    "ASGD": torch.optim.ASGD,
    "8-bit AdamW": bitsandbytes.optim.AdamW8bit,
    "8-bit Lion": bitsandbytes.optim.Lion8bit,
    "8-bit SGD": lambda tensors: bitsandbytes.optim.SGD8bit(tensors, lr=0.1, momentum=0.9),
    "8-bit AdEMAMix": bitsandbytes.optim.AdEMAMix8bit,
    "bitsandbytes Adam": bitsandbytes.optim.AdamW,
    "AdEMAMix": bitsandbytes.optim.AdEMAMix,
}
"""As named in memcalc/data/optimizers.csv → what makes one."""


def measure(case: Case) -> int:
    """Return the bytes of the gradients, or of what the optimizer holds after a step."""
    parameters = _parameters(case.model, case.inputs["recipe"])
    if case.quantity == "gradients":
        return storage_bytes(parameter.grad for parameter in parameters)
    optimizer = OPTIMIZERS[case.inputs["optimizer"]](parameters)
    optimizer.step()
    return storage_bytes(optimizer.state.values())


@cache
def _parameters(name: str, recipe: str) -> list[Tensor]:
    """Return the parameters of a model after a backward pass."""
    model = build(config(Case("", name, {})), DTYPES[recipe], device="cpu")
    backward(model, torch.zeros((1, 8), dtype=torch.long))
    return list(model.parameters())
