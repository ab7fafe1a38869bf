"""The peak of a step whose layers fully_shard gathers and adds up between cards that are not there."""

from math import prod

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.multiprocessing.reductions import StorageWeakRef
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from measure.cases import Case
from measure.fake import fake_card, moved
from measure.models import DTYPES, backward, build, config

HOW = {
    "step_peak": "largest sum of living storages during forward and backward pass of the first of several cards on "
    "fake CPU tensors, less its shares of the weights; fully_shard (FSDP2) around each layer and around the model; "
    "collectives of a fake process group"
}
_REDUCED = {"FP32": torch.float32, "gathered": None}


class Resized(TorchDispatchMode):
    """Watches storages that may grow and shrink; `peak` is the largest sum of them around an operation.

    Parameters
    ----------
    without : tensors whose storages are not counted
    """

    def __init__(self, without: list[Tensor]):
        super().__init__()
        self._known = {tensor.untyped_storage()._cdata for tensor in without}
        self._seen: dict[int, StorageWeakRef] = {}
        self.peak = 0

    @property
    def bytes(self) -> int:
        """What the living ones hold now."""
        living = {key: torch.UntypedStorage._new_with_weak_ptr(ref.cdata) for key, ref in self._seen.items()}
        self._seen = {key: self._seen[key] for key, storage in living.items() if storage is not None}
        return sum(storage.nbytes() for storage in living.values() if storage is not None)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run an operation, and look at what it was given, which may have grown, and at what it made."""
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, out)):
            if isinstance(leaf, Tensor) and leaf.device.type != "meta":  # which DTensor asks for strides alone
                storage = _held(leaf).untyped_storage()
                if storage._cdata not in self._known and storage._cdata not in self._seen:
                    self._seen[storage._cdata] = StorageWeakRef(storage)
        self.peak = max(self.peak, self.bytes)
        return out


def _held(tensor: Tensor) -> Tensor:
    """Return what a card holds of a tensor of several cards, or of one that a collective is still to fill."""
    for inner in ("_local_tensor", "elem"):
        tensor = getattr(tensor, inner, tensor)
    return tensor


def measure(case: Case) -> int:
    """Return the bytes of the peak beside weights."""
    inputs = case.inputs
    mesh = cards(data=inputs["data_parallel"])  # before there are fake tensors, for it reads its own
    with fake_card() as mode, torch.device("cpu"):
        dtype, kernel = DTYPES[inputs["recipe"]], inputs["attention"]
        model = moved(mode, build(config(case, inputs.get("dense_layers", 0)), dtype, kernel), "cpu").train()
        if inputs.get("recompute") == "full":
            model.gradient_checkpointing_enable({"use_reentrant": False})
        shard(model, mesh, inputs)
        ids = torch.zeros((inputs["batch"], inputs["context"]), dtype=torch.long)
        shares = [parameter.to_local() for parameter in model.parameters()]
        with Resized([*shares, *model.buffers(), ids]) as alive:
            backward(model, ids)
            return alive.peak


def cards(**numbers: int) -> DeviceMesh:
    """Return cards that divide something between so many of each kind: this process is the first of all, the others are
    nowhere.
    """
    if distributed.is_initialized() and distributed.get_world_size() != prod(numbers.values()):
        distributed.destroy_process_group()
    if not distributed.is_initialized():
        distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=prod(numbers.values()))
    return init_device_mesh("cpu", tuple(numbers.values()), mesh_dim_names=tuple(numbers))


def shard(model: nn.Module, mesh: DeviceMesh, inputs: dict) -> None:
    """Share out each layer, and then what lies outside them."""
    width = torch.bfloat16 if inputs["recipe"] == "autocast" else None
    policy = MixedPrecisionPolicy(param_dtype=width, reduce_dtype=_REDUCED[inputs.get("reduced", "gathered")])
    stays = {} if inputs.get("reshard", True) else {"reshard_after_forward": False}
    for layer in model.base_model.layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy, **stays)
    fully_shard(model, mesh=mesh, mp_policy=policy)
