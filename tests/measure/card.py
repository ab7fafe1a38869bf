"""What only a card can tell: the allocator's peaks, the context of driver and libraries, and the speed."""

import time

import torch
from transformers import PreTrainedModel

from measure.cases import Case
from measure.models import DTYPES, backward, build, config
from measure.tensors import tensors_of

CARD = "cuda"
_STEP = "during the second training step with AdamW (foreach=False)"
HOW = {
    "allocated_peak": f"torch.cuda.max_memory_allocated {_STEP}",
    "reserved_peak": f"torch.cuda.max_memory_reserved {_STEP}",
    "allocated_prefill": "torch.cuda.max_memory_allocated while the prompt is read, less the weights",
    "kv_cache": "tensors that the cache object holds after the prompt was read",
    "context_size": "used memory of an otherwise idle card after one matrix product, less what the allocator reserves",
    "decode_speed": "tokens generated one by one after the prompt, divided by the seconds; median of three runs",
}
_GENERATED = 64  # tokens of a run that measures the speed


def measure(case: Case) -> int | float:
    """Return what the card says."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    if case.quantity == "context_size":
        return _context()
    if case.quantity in ("allocated_peak", "reserved_peak"):
        return _step_peak(case)
    with torch.no_grad():
        asked = {"allocated_prefill": _prefill, "kv_cache": _cache, "decode_speed": _speed}[case.quantity]
        return asked(_model(case), case)


def _context() -> int:
    torch.ones((256, 256), device=CARD) @ torch.ones((256, 256), device=CARD)  # loads the library of products
    torch.cuda.synchronize()
    free, whole = torch.cuda.mem_get_info()
    return whole - free - torch.cuda.memory_reserved()


def _model(case: Case) -> PreTrainedModel:
    recipe, kernel = case.inputs.get("recipe", "bf16"), case.inputs.get("attention", "sdpa")
    return build(config(case, case.inputs.get("full_layers", 0)), DTYPES[recipe], kernel, device=CARD)


def _ids(case: Case) -> torch.Tensor:
    return torch.zeros((case.inputs["batch"], case.inputs["context"]), dtype=torch.long, device=CARD)


def _step_peak(case: Case) -> int:
    """Take two steps: the first makes the optimizer's states, the second has its peak beside them."""
    model, ids = _model(case).train(), _ids(case)
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False)
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        backward(model, ids)
        optimizer.step()
        optimizer.zero_grad()
    allocated = case.quantity == "allocated_peak"
    return torch.cuda.max_memory_allocated() if allocated else torch.cuda.max_memory_reserved()


def _prefill(model: PreTrainedModel, case: Case) -> int:
    torch.ones((8, 8), device=CARD) @ torch.ones((8, 8), device=CARD)  # libraries ask for their workspace once
    weights = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    model.eval()(input_ids=_ids(case), use_cache=True, logits_to_keep=1)
    return torch.cuda.max_memory_allocated() - weights


def _cache(model: PreTrainedModel, case: Case) -> int:
    out = model.eval()(input_ids=_ids(case), use_cache=True, logits_to_keep=1)
    return sum(tensor.nbytes for tensor in tensors_of(map(vars, out.past_key_values.layers)))


def _speed(model: PreTrainedModel, case: Case) -> float:
    rates = []
    for _ in range(3):
        out = model.eval()(input_ids=_ids(case), use_cache=True, logits_to_keep=1)
        torch.cuda.synchronize()
        begun = time.perf_counter()
        for _ in range(_GENERATED):
            out = model(input_ids=out.logits.argmax(-1), past_key_values=out.past_key_values, use_cache=True)
        torch.cuda.synchronize()
        rates.append(_GENERATED / (time.perf_counter() - begun))
    return round(sorted(rates)[1], 3)
