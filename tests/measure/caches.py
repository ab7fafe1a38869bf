"""Caches: what Hugging Face's cache objects hold after the prompt was read."""

import torch
from transformers import Cache, PreTrainedModel, StaticCache

from measure.cases import Case
from measure.fake import CARD, fake_card, moved
from measure.models import build, config
from measure.tensors import storage_bytes, tensors_of

HOW = {
    "kv_cache": "tensors that the cache object holds after the prompt was read, on fake CUDA tensors; of engine "
    "transformers-storage, the memory behind them"
}


def measure(case: Case) -> int:
    """Return the bytes of the cache's tensors, or of the storages behind them."""
    made = config(case, case.inputs.get("full_layers", 0))
    with fake_card() as mode, torch.device(CARD), torch.no_grad():
        model = moved(mode, build(made, torch.bfloat16, "eager"), CARD).eval()
        layers = [vars(layer) for layer in _read(model, case).layers]
        if case.inputs["engine"] == "transformers-storage":
            return storage_bytes(layers)
        return sum(tensor.nbytes for tensor in tensors_of(layers))


def _read(model: PreTrainedModel, case: Case) -> Cache:
    """Return the cache after all tokens were read: at once, or the last `ubatch` of them in a pass of their own."""
    context = case.inputs["context"]
    last = case.inputs.get("ubatch", 1 if case.inputs["engine"] == "transformers-storage" else context)
    ids = torch.zeros((case.inputs.get("batch", 1), context), dtype=torch.long)
    held = {}
    if case.inputs["engine"] == "transformers-static":
        held = {"past_key_values": StaticCache(config=model.config, max_cache_len=context)}
    for tokens in torch.split(ids, [context - last, last], dim=1):
        if tokens.numel():
            out = model(input_ids=tokens, use_cache=True, **held)
            held = {"past_key_values": out["past_key_values"]} if "past_key_values" in out else {}
    return held["past_key_values"] if held else out.cache_params
