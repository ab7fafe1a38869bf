"""Exercises of notebook 6: the article."""

from __future__ import annotations

from dataclasses import replace

from memcalc import units
from memcalc.article import table1
from memcalc.article.claims import VERDICTS, claim
from memcalc.estimate.questions import breakdown, fits, total
from memcalc.lessons.exercise import EVERY_HEAD, ONE_OF_TWO, Answers, Exercise, cache_of
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model


def _verdict_on_states() -> Answers:
    return _judged("C010")


def _judged(number: str) -> Answers:
    """Return the verdict on a claim that holds in one unit only, and what to say to each of the others."""
    right = claim(number).verdict
    words = {
        "holds": "in which unit? Work it out in GB and in GiB; only one of the two gives the published number",
        "wrong": "in one of the two units, GB or GiB, the published number is right",
        "holds under assumption": "the only thing to assume is the unit, and that has a verdict of its own",
        "not checkable": "all that it needs is stated: multiply, and compare",
    }
    other = "that is the other unit: GB counts in thousands, GiB in steps of 1,024"
    return right, [(verdict, words.get(verdict, other)) for verdict in VERDICTS if verdict != right]


def _cache_of_70b() -> Answers:
    model, run = Model.named("Llama-2-70B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    published = table1.rows()[-1].published("kv_cache")
    return cache_of(model, run), [
        (units.to_bytes(published, "GiB"), "that is what the article says, and the formula does not"),
        (cache_of(replace(model, kv_heads=model.heads), run), EVERY_HEAD),
        (cache_of(model, replace(run, kv_cache="FP16")), "your cache is in FP16; INT8 takes one byte"),
        (cache_of(model, run) // 2, ONE_OF_TWO),
        (total(model, run), "that is weights and cache; the question is about the cache"),
        (cache_of(replace(model, head_dim=model.hidden), run), "that many numbers are those of all heads together"),
    ]


def _heads_that_fit() -> Answers:
    model, card = Model.named("LLaMA-13B"), Gpu.named("RTX 5090")
    run = Inference(131_072, weights="INT8", kv_cache="INT8")
    fitting = _heads_with_which(model, run, card)
    one_head, weights = cache_of(replace(model, kv_heads=1), run), breakdown(model, run)["weights"]
    return fitting[-1], [
        (model.heads, "with all heads it does not fit; that is what makes the claim wrong"),
        ((card.capacity - weights) // one_head, f"the {model.heads} query heads must share them evenly"),
        (card.capacity // one_head, "you gave the whole card to the cache; the weights need their place first"),
        (2 * fitting[-1], "that is a step too far: add weights and cache, and compare with what a program sees"),
        *((heads, "that fits, and so do more; or your cache is in FP16") for heads in fitting[:-1]),
    ]


def _heads_with_which(model: Model, run: Inference, card: Gpu) -> list[int]:
    """Return the numbers of key-value heads, each shared by equally many query heads, with which a run fits."""
    shares = [heads for heads in range(1, model.heads + 1) if model.heads % heads == 0]
    return [heads for heads in shares if fits(replace(model, kv_heads=heads), run, card)]


EXERCISES = {
    "6.1": Exercise("verdict", _verdict_on_states),
    "6.2": Exercise("GiB", _cache_of_70b),
    "6.3": Exercise("heads", _heads_that_fit),
}
