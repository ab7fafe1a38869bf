"""Shards: what the first of several processes keeps when FSDP2 divides a model between them."""

import socket
import warnings
from functools import cache

import torch
from torch import distributed, multiprocessing
from torch.distributed.fsdp import fully_shard

from measure.cases import Case
from measure.models import DTYPES, backward, build, config
from measure.tensors import storage_bytes

_HOW = "storages that the first of several real processes keeps (FSDP2, gloo, CPU) after one step of AdamW"
HOW = dict.fromkeys(("weights", "gradients", "optimizer"), _HOW)


def measure(case: Case) -> int:
    """Return the bytes of the first process: of its weights, gradients or optimizer."""
    inputs = case.inputs
    return _kept(case.model, inputs["recipe"], inputs["data_parallel"], inputs.get("full_layers", 0))[case.quantity]


@cache
def _kept(model: str, recipe: str, cards: int, layers: int) -> dict[str, int]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with multiprocessing.Manager() as manager:
        found = manager.dict()
        multiprocessing.spawn(_process, (cards, port, model, recipe, layers, found), nprocs=cards)
        return dict(found)


def _process(rank: int, cards: int, port: int, model: str, recipe: str, layers: int, found: dict[str, int]) -> None:
    """Take one step with the others, and say what is kept."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://localhost:{port}", rank=rank, world_size=cards)
    made = build(config(Case("", model, {}), layers), DTYPES[recipe], device="cpu")
    for block in made.base_model.get_submodule("h" if hasattr(made.base_model, "h") else "layers"):
        fully_shard(block)
    fully_shard(made)
    optimizer = torch.optim.AdamW(made.parameters())
    backward(made, torch.zeros((1, 8), dtype=torch.long))
    optimizer.step()
    if rank == 0:
        found["weights"] = storage_bytes(made.parameters())
        found["gradients"] = storage_bytes(parameter.grad for parameter in made.parameters())
        found["optimizer"] = storage_bytes(optimizer.state.values())
    distributed.destroy_process_group()
