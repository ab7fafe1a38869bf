"""Prefills: the peak of memory while a prompt is read, cache included, on a fake card."""

import torch

from measure.alive import Alive
from measure.cases import Case
from measure.fake import CARD, fake_card, moved
from measure.models import build, config

HOW = {"prefill": "largest sum of living storages while the prompt is read on fake CUDA tensors, less weights"}


def measure(case: Case) -> int:
    """Return the bytes of the peak: cache and working memory."""
    inputs = case.inputs
    with fake_card() as mode, torch.device(CARD), torch.no_grad():
        model = moved(mode, build(config(case), torch.bfloat16, inputs["attention"]), CARD).eval()
        with Alive([*model.parameters(), *model.buffers()]) as alive:
            chunk = inputs["context"] if inputs["prefill"] == "whole" else inputs["prefill"]
            held = None
            for _ in range(inputs["context"] // chunk):
                tokens = torch.zeros((inputs["batch"], chunk), dtype=torch.long)
                out = model(input_ids=tokens, past_key_values=held, use_cache=True, logits_to_keep=1)
                held = out.past_key_values
        return alive.peak
