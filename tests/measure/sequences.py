"""What the first of several cards keeps if they divide each sequence, in PyTorch's rings or by DeepSpeed's Ulysses."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from unittest.mock import patch

import torch
from torch import Tensor, distributed
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor.experimental import context_parallel
from transformers import PretrainedConfig
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from measure import fake
from measure.cases import Case
from measure.fake import fake_card, moved
from measure.models import DTYPES, build, config
from measure.planned import Inside
from measure.sharded import cards

HOW = {
    "activations": "storages alive after a training forward pass of the first of several cards on fake CPU tensors, "
    "less weights and inputs, of which only the loss is held; collectives of a fake process group"
}


def measure(case: Case) -> int:
    """Return the bytes of what the first card keeps for the backward pass."""
    inputs, number = case.inputs, case.inputs["context_parallel"]
    mesh, made = cards(sequence=number), config(case, case.inputs["dense_layers"])
    by_heads = inputs.get("exchange") == "ulysses"
    with fake_card() as mode, torch.device("cpu"), _ulysses(made, inputs["batch"]) if by_heads else nullcontext():
        model = moved(mode, build(made, DTYPES[inputs["recipe"]], inputs["attention"]), "cpu").train()
        if inputs.get("recompute") == "full":
            model.gradient_checkpointing_enable({"use_reentrant": False})
        length = inputs["context"] // number if by_heads else inputs["context"]
        ids = torch.zeros((inputs["batch"], length), dtype=torch.long)
        with (
            nullcontext() if by_heads else _ring(mesh, ids),
            Inside([*model.parameters(), *model.buffers(), ids]) as alive,
        ):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
            return alive.bytes - loss.nbytes


def _ring(mesh: DeviceMesh, ids: Tensor) -> AbstractContextManager:
    """Cut the tokens where they are, and let attention go around between the cards."""
    fake.attention.__name__ = "scaled_dot_product_attention"  # by which PyTorch finds what it replaces
    return context_parallel(mesh, buffers=[ids], buffer_seq_dims=[1], no_restore_buffers={ids})


@contextmanager
def _ulysses(made: PretrainedConfig, batch: int) -> Iterator[None]:
    """Let DeepSpeed exchange heads for tokens around PyTorch's attention, with PyTorch's own collectives."""
    from deepspeed.runtime.sequence_parallel import ulysses_sp
    from deepspeed.sequence import layer

    with patch.object(ulysses_sp, "dist", distributed), patch.object(layer, "dist", distributed):
        heads = {"attn_head_count": made.num_attention_heads, "kv_head_count": made.num_key_value_heads}
        size = getattr(made, "head_dim", None) or made.hidden_size // made.num_attention_heads
        sizes = heads | {"attn_head_size": size, "num_hidden_layers": made.num_hidden_layers, "batch_size": batch}
        plain, group = ALL_ATTENTION_FUNCTIONS["sdpa"], distributed.group.WORLD
        exchanging = ulysses_sp.UlyssesSPAttentionHF(
            attn=plain, process_group=group, seq_length_is_variable=True, **sizes
        )
        ALL_ATTENTION_FUNCTIONS["sdpa"] = _without_mask(exchanging)
        try:
            yield
        finally:
            ALL_ATTENTION_FUNCTIONS["sdpa"] = plain


def _without_mask(attention: Callable) -> Callable:
    """Return attention as Transformers calls it, without a mask, which DeepSpeed drops."""
    return lambda module, query, key, value, mask, *args, **more: attention(
        module, query, key, value, None, *args, **more
    )
