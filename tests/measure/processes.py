"""Processes: the memory that a real training step takes on a CPU, with everything that an allocator adds."""

import gc
import os
import re
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import torch

from measure.cases import Case
from measure.models import DTYPES, backward, build, config

_GROWN = (
    "largest resident memory of a fresh process in two training steps with AdamW on a CPU, less that before the model "
    "was built"
)
HOW = {
    "process_peak": _GROWN,
    "unpooled_process_peak": f"{_GROWN}; with MALLOC_MMAP_THRESHOLD_=65536, so that glibc gives freed blocks back",
}


def measure(case: Case) -> int:
    """Return the bytes by which a fresh process grew."""
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536"} if case.quantity == "unpooled_process_peak" else {}
    with patch.dict(os.environ, settings), get_context("spawn").Pool(1) as fresh:  # glibc reads it at the start
        return fresh.apply(_grown, (case,))


def _grown(case: Case) -> int:
    """Take two steps: the first makes the optimizer's states, the second has its peak beside them."""
    inputs = case.inputs
    small = _made(Case("", "GPT-2", {}), "fp32", 1)
    _step(*small, torch.zeros((1, 8), dtype=torch.long))  # libraries load what they use
    del small
    gc.collect()
    before = _resident("VmRSS")
    model, optimizer = _made(case, inputs["recipe"], inputs.get("full_layers", 0))
    ids = torch.zeros((inputs["batch"], inputs["context"]), dtype=torch.long)
    for _ in range(2):
        _step(model, optimizer, ids)
    return _resident("VmHWM") - before  # getrusage would tell the peak of the process that started this one


def _made(case: Case, recipe: str, layers: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    made = config(case, layers)
    model = build(made, DTYPES[recipe], case.inputs.get("attention", "eager"), device="cpu").train()
    return model, torch.optim.AdamW(model.parameters(), foreach=False)


def _step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, ids: torch.Tensor) -> None:
    backward(model, ids)
    optimizer.step()
    optimizer.zero_grad()


def _resident(field: str) -> int:
    """Return what Linux says of this process: VmRSS is its memory now, VmHWM the most that it ever had."""
    kib = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
    return int(kib) * 1024
