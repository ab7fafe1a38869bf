"""Fake tensors of a CUDA device: shapes, types and storages as on a card, computed without one.

PyTorch's fake tensors follow the code that a card would run, but some of it asks for a card even so: the guard that
switches devices, which a build without CUDA lacks; the choice of the attention kernel; whether the card knows BF16.
Here the guard does nothing, and the rest is answered as by a card of compute capability 8.x (A100, RTX 3090, RTX 4090).
On 9.x and 10.x PyTorch may prefer a kernel of cuDNN.
"""

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import functional

CARD = torch.device("cuda", 0)
_CUDA, _META, _DEVICES = 1, 14, 22  # of c10::DeviceType
_REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"  # c10::impl::device_guard_impl_registry
_HALF = (torch.bfloat16, torch.float16)
_AS_ON_A_CARD = {
    "transformers.masking_utils.find_packed_sequence_indices": None,  # positions without data show no packed sequences
    "torch.cuda.amp.common.amp_definitely_not_available": False,  # or autocast does nothing
    "torch.cuda.is_bf16_supported": True,
    "torch.cuda.get_device_capability": (8, 0),
}
_plain_attention = functional.scaled_dot_product_attention


def _guard_without_a_card():
    """Give CUDA the guard of meta tensors, which does nothing, where this build of PyTorch has none."""
    library = ctypes.CDLL(str(next(Path(torch.__file__).parent.glob("lib/*c10.*"))))
    guards = (ctypes.c_void_p * _DEVICES).in_dll(library, _REGISTRY)
    guards[_CUDA] = guards[_CUDA] or guards[_META]


@contextmanager
def fake_card() -> Iterator[FakeTensorMode]:
    """Give a mode in which tensors have no data, and attention runs the kernel that a card would run."""
    if not torch.backends.cuda.is_built():
        _guard_without_a_card()
    with ExitStack() as stack:
        mode = stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        stack.enter_context(patch.object(functional, "scaled_dot_product_attention", attention))
        for place, answer in _AS_ON_A_CARD.items():
            stack.enter_context(patch(place, lambda *_, _answer=answer, **__: _answer))
        yield mode


def moved(mode: FakeTensorMode, model: nn.Module, device: torch.device | str) -> nn.Module:
    """Move a model from the meta device to a fake device of this name; tied tensors stay one."""
    made = {}
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = made.setdefault(id(tensor), _faked(mode, tensor, device))
    return model


def _faked(mode: FakeTensorMode, tensor: Tensor, device: torch.device | str) -> Tensor:
    fake = FakeTensor(mode, tensor.detach().to("meta"), torch.device(device))
    return nn.Parameter(fake) if isinstance(tensor, nn.Parameter) else fake


def attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """Compute attention with the kernel that PyTorch picks on a card; arguments as in PyTorch."""
    if torch.is_autocast_enabled("cuda"):
        query, key, value = (tensor.to(torch.get_autocast_dtype("cuda")) for tensor in (query, key, value))
    grouped, half = key.shape[-3] < query.shape[-3], query.dtype in _HALF
    if half and attn_mask is None and value.shape[-1] == query.shape[-1]:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        return flash(query, key, value, dropout_p, is_causal, False, scale=scale)[0]
    if grouped:
        return _plain_attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    trained = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
    return efficient(query, key, value, _bias(attn_mask, query), trained, dropout_p, is_causal, scale=scale)[0]


def _bias(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """Return a mask as the efficient kernel reads it: numbers to add to the scores."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, float("-inf"))
