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
from transformers import PretrainedConfig
from transformers.integrations import moe

from measure.cases import Case

_where, _grouped = torch.where, moe._grouped_mm
_NUMBERS = ("num_local_experts", "num_experts", "n_routed_experts")
"""How configs call the number of experts in a layer."""


def asked(case: Case, made: PretrainedConfig) -> dict[str, str]:
    """Return the setting for the code of the experts; nothing for a model without any."""
    return {"experts_implementation": case.inputs.get("experts", "grouped_mm")} if _experts(made) else {}


def _experts(made: PretrainedConfig) -> int:
    return next((getattr(made, key) for key in _NUMBERS if hasattr(made, key)), 0)


@contextmanager
def evenly(case: Case, made: PretrainedConfig) -> Iterator[None]:
    """Let the loop over experts, if there are any, give each of them its part of all choices of all tokens."""
    if not (experts := _experts(made)):
        yield
        return
    choices = case.inputs["batch"] * case.inputs["context"] * made.num_experts_per_tok
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
        trained = ctx.needs_input_grad[1]  # frozen ones ask for no gradient, which alone needs the rows
        ctx.save_for_backward(rows if trained else None, matrices, ends)
        return rows.new_empty((len(rows), matrices.shape[-1]))
