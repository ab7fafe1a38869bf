"""What a training forward pass keeps for the backward pass, and the peak of both, on a fake card."""

from contextlib import nullcontext
from functools import cache

import torch
from torch import Tensor
from transformers import PreTrainedModel

from measure.alive import Alive
from measure.cases import Case
from measure.fake import CARD, fake_card, moved
from measure.models import DTYPES, build, config
from measure.routing import asked, evenly

_KEPT = (
    "storages alive after a training forward pass on fake CUDA tensors, less weights and inputs; only the loss is held"
)

HOW = {
    "activations": _KEPT,
    "layer_activations": f"two layers less one: {_KEPT}",
    "head_activations": f"with head and loss less without: {_KEPT}",
    "step_peak": "largest sum of living storages during forward and backward pass on fake CPU tensors, less weights",
}


def measure(case: Case) -> int:
    """Return the bytes that are kept of the whole model, of a layer, or of head and loss; or those of the peak."""
    key = case.model, tuple(case.inputs.items())
    if case.quantity == "step_peak":
        return passed(*key, backward=True)
    if case.quantity == "layer_activations":
        return passed(*key, layers=2) - passed(*key, layers=1)
    if case.quantity == "head_activations":
        return passed(*key, layers=1) - passed(*key, layers=1, head=False)
    return passed(*key, layers=sum(case.inputs.get(kind, 0) for kind in ("dense_layers", "moe_layers")))


@cache
def passed(name: str, inputs: tuple, layers: int = 0, head: bool = True, backward: bool = False) -> int:
    """Return the bytes alive after a forward pass, or those of the peak until the end of the backward pass."""
    case = Case("", name, dict(inputs))
    recipe, attention = case.inputs["recipe"], case.inputs["attention"]
    device = "cpu" if backward else CARD  # autograd's engine wants a card that is there
    made = config(case, layers)
    with fake_card() as mode, torch.device(device), evenly(case, made):
        model = moved(mode, build(made, DTYPES[recipe], attention, **asked(case, made)), device).train()
        _freeze(model, case.inputs.get("frozen", 0))
        if case.inputs.get("recompute") == "full":
            model.activation_checkpointing_enable(offload=case.inputs.get("offload_activations", False))
        ids = torch.zeros((case.inputs["batch"], case.inputs["context"]), dtype=torch.long)
        tensors = [*model.parameters(), *model.buffers(), ids]
        away = torch.device("cpu") if case.inputs.get("offload_activations") else nullcontext()  # where copies go
        with away, Alive(tensors, torch.device(device).type) as alive:
            with torch.autocast("cuda", torch.bfloat16, recipe == "autocast"):  # its end frees copies that nobody needs
                loss = _loss(model, ids, head, case.inputs.get("router_outputs", False))
            if backward:
                loss.backward()
            return alive.peak if backward else alive.bytes - loss.nbytes


def _freeze(model: PreTrainedModel, frozen: int | str) -> None:
    """Freeze the tables of the input, and so many layers from the first on."""
    body = model.base_model
    layers = body.h if hasattr(body, "h") else body.layers
    tables = [model.get_input_embeddings(), *([body.wpe] if hasattr(body, "wpe") else [])] if frozen else []
    for part in (*tables, *layers[: frozen if isinstance(frozen, int) else 0]):
        part.requires_grad_(False)


def _loss(model: torch.nn.Module, ids: Tensor, head: bool, router_outputs: bool) -> Tensor:
    if head:
        more = {"output_router_logits": True} if router_outputs else {}
        return model(input_ids=ids, labels=ids, use_cache=False, **more).loss
    return model.base_model(input_ids=ids, use_cache=False).last_hidden_state
