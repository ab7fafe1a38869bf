"""What optimizers of low rank hold after a step: states of the projected gradients, and the projections."""

import torch
from apollo_torch import APOLLOAdamW
from galore_torch import GaLoreAdamW
from torch import Tensor

from measure.cases import Case
from measure.models import DTYPES, backward, build, config
from measure.tensors import storage_bytes

HOW = {
    "optimizer": "sum of the storages in optimizer.state and of the projections after one real step on a CPU, with "
    "every linear layer of the layers in optim_target_modules"
}
_MAKERS = {"GaLore AdamW": GaLoreAdamW, "APOLLO AdamW": APOLLOAdamW}
_COMMON = {"update_proj_gap": 200, "proj_type": "std"}
_SETTINGS = {
    "GaLore AdamW": _COMMON | {"scale": 0.25},
    "APOLLO AdamW": _COMMON | {"scale": 1.0, "proj": "random", "scale_type": "channel"},
}


def measure(case: Case) -> int:
    """Return the bytes that the optimizer holds after a step; the model is one of GPT-2's code, whose layers are h."""
    name = case.inputs["optimizer"]
    made = config(case, case.inputs["dense_layers"])
    model = build(made, DTYPES[case.inputs["recipe"]], device="cpu")
    backward(model, torch.zeros((1, 8), dtype=torch.long))
    inner = {id(one) for path, one in model.named_parameters() if one.dim() == 2 and ".h." in path}
    thin = {"params": [one for one in model.parameters() if id(one) in inner], "rank": case.inputs["optimizer_rank"]}
    rest = {"params": [one for one in model.parameters() if id(one) not in inner]}
    optimizer = _MAKERS[name]([rest, thin | _SETTINGS[name]])
    optimizer.step()
    return storage_bytes(_held(optimizer))


def _held(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    states = list(optimizer.state.values())
    directions = [state["projector"].ortho_matrix for state in states if "projector" in state]
    return [*directions, *(one for state in states for one in state.values() if isinstance(one, Tensor))]
