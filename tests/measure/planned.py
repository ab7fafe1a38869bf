"""What the first of several cards keeps if they divide a model by its own plan (tp_plan) of Hugging Face code."""

import re

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import _clear_sharding_prop_cache
from transformers.distributed.tensor_parallel import apply_tensor_parallelism

from measure.cases import Case
from measure.fake import fake_card, moved
from measure.models import DTYPES, build, config
from measure.sharded import Resized, cards, shard
from measure.tensors import storage_bytes

_FIRST = "of the first of several cards on fake CPU tensors, with collectives of a fake process group"

HOW = {
    "weights": f"local storages of the parameters {_FIRST}",
    "gradients": f"local storages of the gradients {_FIRST}, after one backward pass",
    "activations": f"storages alive after a training forward pass {_FIRST}, less weights and inputs, of which only the "
    "loss is held",
    "step_peak": f"largest sum of living storages during forward and backward pass {_FIRST}, less its shares of the "
    "weights; where sharding is fsdp2, with fully_shard around each layer and around the model",
}


class Inside(Resized):
    """Looks into operations on tensors of several cards too, which add up and gather."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Leave an operation on such tensors to them, and look at those on the card's own."""
        return NotImplemented if DTensor in types else super().__torch_dispatch__(func, types, args, kwargs)


def measure(case: Case) -> int:
    """Return the bytes of the first card: of its weights or gradients, of what it keeps, or of its peak."""
    _clear_sharding_prop_cache()  # for what is known from there runs where nobody can look into it
    mesh = cards(data=case.inputs.get("data_parallel", 1), tensor=case.inputs["tensor_parallel"])
    with fake_card() as mode, torch.device("cpu"):
        dtype, kernel = DTYPES[case.inputs["recipe"]], case.inputs["attention"]
        model = moved(mode, build(config(case, case.inputs["dense_layers"]), dtype, kernel), "cpu").train()
        apply_tensor_parallelism(model, mesh["tensor"], _plan(model))
        model.tie_weights()
        if case.inputs.get("recompute") == "full":
            model.gradient_checkpointing_enable({"use_reentrant": False})
        if case.inputs.get("sharding") == "fsdp2":
            with unset_fake_temporarily():  # for it computes with numbers of cards
                shard(model, mesh["data"], case.inputs)
        ids = torch.zeros((case.inputs["batch"], case.inputs["context"]), dtype=torch.long)
        weights = [_local(parameter) for parameter in model.parameters()]
        with Inside([*weights, *model.buffers(), ids]) as alive:
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
            if case.quantity == "activations":
                return alive.bytes - loss.nbytes
            loss.backward()
            if case.quantity == "step_peak":
                return alive.peak
        gradients = [_local(parameter.grad) for parameter in model.parameters()]
        return storage_bytes(weights if case.quantity == "weights" else gradients)


def _local(tensor: Tensor) -> Tensor:
    return getattr(tensor, "_local_tensor", tensor)


def _plan(model: nn.Module) -> dict[str, str]:
    """Return the style of each module and parameter that a pattern of the model's plan names."""
    patterns = {re.escape(one).replace(r"\*", r"[^.]+"): style for one, style in model._tp_plan.items()}
    modules = [name for name, _ in model.named_modules()]
    names = [*zip(modules, modules, strict=True)]
    names += [(name, name.rpartition(".")[0]) for name, _ in model.named_parameters()]
    return {name: style for name, of in names for pattern, style in patterns.items() if re.fullmatch(pattern, of)}
