"""Speed: how fast a card can be at best. Bounds, not predictions."""

from dataclasses import dataclass, replace

from memcalc.errors import instance
from memcalc.estimate.terms import values
from memcalc.formula.roofline import decode_time, prefill_time
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.run import PARALLEL


@dataclass(frozen=True)
class Speed:
    """Bounds that no program exceeds; None where the card's speed is not known.

    `decode` is the most tokens per second and sequence, `prefill` the least time to read a context [seconds].
    """

    decode: float | None
    prefill: float | None


def fastest(model: Model, run: Inference, gpu: Gpu) -> Speed:
    """Return how fast one card can be at best: bandwidth bounds each new token, arithmetic the reading of a prompt.

    Source: the terms `decode_time` and `prefill_time` of `formula.roofline`.

    >>> round(fastest(Model.named("LLaMA-7B"), Inference(context=1, weights="INT8"), Gpu.named("RTX 4090")).decode, 1)
    152.5
    """
    instance("gpu", gpu, Gpu)
    known = values(model, replace(run, **dict.fromkeys(PARALLEL, 1))) | gpu.values
    seconds = [
        float(in_structure(term, model.structure).value(known)) if symbol(rate) in known else None
        for term, rate in ((decode_time, "bandwidth"), (prefill_time, "arithmetic"))
    ]
    return Speed(seconds[0] and 1 / seconds[0], seconds[1])
