"""The peak of a forward and backward pass in which each weight is stepped as soon as it has its gradient."""

from unittest.mock import patch

import torch

from measure.alive import Alive
from measure.cases import Case
from measure.fake import fake_card, moved
from measure.models import DTYPES, backward, build, config

HOW = {
    "step_peak": "largest sum of living storages during forward and backward pass on fake CPU tensors, less weights "
    "and optimizer states; a hook behind each gradient steps its weight and drops it"
}
_WAYS = {"AdamW": {"foreach": True}, "AdamW for-loop": {"foreach": False}, "AdamW fused": {"fused": True}}


def measure(case: Case) -> int:
    """Return the bytes of the peak of the second pass; the first has made the states."""
    made = config(case, case.inputs.get("dense_layers", 0))
    with fake_card() as mode, torch.device("cpu"), patch("torch.optim.adam._get_value", lambda _: 1.0):
        model = moved(mode, build(made, DTYPES[case.inputs["recipe"]], case.inputs["attention"]), "cpu").train()
        if case.inputs.get("recompute") == "full":
            model.activation_checkpointing_enable()
        steps = {one: torch.optim.AdamW([one], **_WAYS[case.inputs["optimizer"]]) for one in model.parameters()}
        ids = torch.zeros((case.inputs["batch"], case.inputs["context"]), dtype=torch.long)

        def step(parameter: torch.Tensor) -> None:
            steps[parameter].step()
            parameter.grad = None

        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(step)
        backward(model, ids)
        states = [state for one in steps.values() for kept in one.state.values() for state in kept.values()]
        with Alive([*model.parameters(), *model.buffers(), ids, *states]) as alive:
            backward(model, ids)
            return alive.peak
