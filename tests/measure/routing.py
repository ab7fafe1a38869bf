"""Experts on fake tensors: which tokens go where is told, for a router without numbers cannot tell it.

The loop over experts asks which of them are chosen at all, and by which tokens: here every token's choices go to the
experts as evenly as can be. What a layer keeps does not depend on it, as long as each expert is somebody's choice.
PyTorch's own grouped multiplication takes FP32 on a card, but not on fake tensors, where a stand-in saves what it does.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from unittest.mock import patch

import torch
from torch import Tensor
from transformers.integrations import moe

_where, _grouped = torch.where, moe._grouped_mm


@contextmanager
def evenly(experts: int, choices: int) -> Iterator[None]:
    """Let the loop over experts give each of them its part of all choices of all tokens."""
    parts = cycle([choices // experts + (one < choices % experts) for one in range(experts)])

    def where(condition: Tensor, *either: object) -> object:
        if either:
            return _where(condition, *either)
        return torch.empty((next(parts), 2), dtype=torch.int64, device=condition.device).unbind(1)

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "where", where))
        stack.enter_context(patch.object(Tensor, "nonzero", lambda _: [[one] for one in range(experts)]))
        stack.enter_context(patch.object(moe, "_grouped_mm", _multiplied))
        yield


def _multiplied(input: Tensor, weight: Tensor, offs: Tensor) -> Tensor:
    return (_grouped if weight.dtype == torch.bfloat16 else _InFp32.apply)(input, weight, offs)


class _InFp32(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, matrices: Tensor, ends: Tensor) -> Tensor:
        ctx.save_for_backward(rows, matrices, ends)
        return rows.new_empty((len(rows), matrices.shape[-1]))
