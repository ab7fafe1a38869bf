"""The exercises of the notebooks: every expected value is computed by the formula, and so are the known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy

from memcalc import article, reality, units
from memcalc.accounting import values
from memcalc.claims import VERDICTS, claim
from memcalc.evaluate import breakdown, crossing, fits, largest, total
from memcalc.formula.inverse import token
from memcalc.formula.kv_cache import kv_cache
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.passes import step_peak
from memcalc.runs import Inference
from memcalc.symbols import symbol, symbols
from memcalc.training import Training

Answers = tuple[object, list[tuple[object, str]]]
"""The right answer, and the wrong answers that are worth a word, each with what led to it."""


@dataclass(frozen=True)
class Exercise:
    """What `check` compares with.

    Parameters
    ----------
    unit : one of `units.UNITS`, a name of what is counted, "formula" for a SymPy expression, or "verdict"
    answers : computes the right answer and the known mistakes
    """

    unit: str
    answers: Callable[[], Answers]


def _thirteen_billion() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    return total(model, run), [
        (model.parameters, "these are the weights alone; the cache comes on top"),
        (_cache(model, run), "that is the cache alone; the weights come on top"),
        (total(model, replace(run, kv_cache="FP16")), "your cache is still in FP16"),
        (total(model, replace(run, weights="FP16")), "your weights are still in FP16"),
        (total(model, Inference(32_768)), "weights and cache are still in FP16"),
        (total(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
    ]


def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    return units.to_bytes(card.reported_mib, "MiB"), [
        (card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million"),
        (card.capacity, "that is what a program sees; start from what the driver reports"),
    ]


def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    token_bytes, weights = _cache(model, run), breakdown(model, run)["weights"]
    sold = (units.to_bytes(card.marketed_gb, unit) for unit in ("GB", "GiB"))
    return largest("context", model, run, card), [
        (card.capacity // token_bytes, "you gave the whole card to the cache; the weights need their place first"),
        (largest("context", model, replace(run, kv_cache="FP16"), card), "your cache is still in FP16"),
        (largest("context", model, replace(run, weights="INT8"), card), "your weights are in INT8"),
        *(((memory - weights) // token_bytes, "you took the name of the card for its memory") for memory in sold),
    ]


def _config_of_70b() -> Answers:
    model, run = Model.named("Llama-3.1-70B"), Inference(32_768, kv_cache="BF16")
    return _cache(model, run), [
        (_cache(replace(model, kv_heads=model.heads), run), f"{_EVERY_HEAD}, or divided by the key-value heads"),
        (_cache(model, run) // 2, _ONE_OF_TWO),
        (
            _cache(replace(model, full_layers=1, dense_layers=1), run),
            "that is one layer; each has a cache of its own",
        ),
        (_cache(replace(model, head_dim=model.hidden), run), "that many numbers are those of all heads together"),
    ]


def _one_more_conversation() -> Answers:
    known = values(Model.named("LLaMA-7B"), Inference())
    whole, one_token = (term.simplified(known).expr for term in (kv_cache, token))
    right = sympy.diff(whole, symbol("batch"))
    key, value, weight = symbols("bytes_per_key bytes_per_value bytes_per_weight")
    return right, [
        (whole, "that is the whole cache; one more conversation is its change with b"),
        (one_token, "that is one more token; the question asks for one more conversation"),
        (right / symbol("context"), "that is one token of one conversation; it has s of them"),
        (right.xreplace({symbol("kv_heads"): symbol("heads")}), _EVERY_HEAD),
        (right.xreplace({key: weight, value: weight}), "B is the bytes of a weight"),
        (right.xreplace({value: 0}), _ONE_OF_TWO),
    ]


def _crossing() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference()
    return crossing(model, run), [
        (crossing(model, replace(run, weights="INT8")), "your weights are in INT8 while the cache is in FP16"),
        (2 * crossing(model, run), "your cache is in INT8, or you counted only keys or only values"),
        (crossing(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
    ]


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
    published = article.rows()[-1].published("kv_cache")
    return _cache(model, run), [
        (units.to_bytes(published, "GiB"), "that is what the article says, and the formula does not"),
        (_cache(replace(model, kv_heads=model.heads), run), _EVERY_HEAD),
        (_cache(model, replace(run, kv_cache="FP16")), "your cache is in FP16; INT8 takes one byte"),
        (_cache(model, run) // 2, _ONE_OF_TWO),
        (total(model, run), "that is weights and cache; the question is about the cache"),
        (_cache(replace(model, head_dim=model.hidden), run), "that many numbers are those of all heads together"),
    ]


def _heads_that_fit() -> Answers:
    model, card = Model.named("LLaMA-13B"), Gpu.named("RTX 5090")
    run = Inference(131_072, weights="INT8", kv_cache="INT8")
    fitting = _heads_with_which(model, run, card)
    one_head, weights = _cache(replace(model, kv_heads=1), run), breakdown(model, run)["weights"]
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


def _left_over() -> Answers:
    row = reality.row("R002")
    right, off = round(float(100 * row.residual), 2), row.measured - row.predicted
    return right, [
        (float(100 * off / row.predicted), "that is a share of the formula's bytes; divide by the measured ones"),
        (right / 100, "that is the share itself; in percent it is a hundred times as much"),
        (100 - right, "that is what the formula explains; the question is what is left over"),
        (float(100 * reality.row("R001").residual), "that is row R001"),
        (float(off), "those are the bytes; divide them by what was measured"),
        (float(off / 2**30), "those are GiB; divide the bytes by what was measured"),
    ]


def _kept_for_each_number() -> Answers:
    right, of_the_older, row = _bytes_for_each_number("A012"), _bytes_for_each_number("A001"), reality.row("A012")
    context, batch = row.inputs["context"], row.inputs["batch"]
    return right, [
        (34, "that is the textbook's number, for the layer of another code"),
        (of_the_older, "that is Llama-2-7B; row A012 is Llama-3-8B"),
        (right * batch, "the texts are several: divide by the batch too"),
        (right * context, "the tokens are many: divide by the context too"),
        (right * context * batch, "you divided by hidden alone; divide by context and batch too"),
        (float(row.measured) / context / batch, "that is for each token; divide by hidden too"),
        (float(row.measured), "those are the bytes of the whole layer; divide by context, batch and hidden"),
    ]


def _bytes_for_each_number(name: str) -> float:
    row = reality.row(name)
    numbers = row.inputs["context"] * row.inputs["batch"] * Model.named(row.model).hidden
    return round(float(row.measured / numbers), 2)


def _tensors_of_eight_texts() -> Answers:
    model, run = Model.named("GPT-2"), Training(context=256, batch=8, recipe="fp32", attention="eager")
    four, longer, memory = replace(run, batch=4), replace(run, context=1024), breakdown(model, run)
    states, step = memory["weights"] + memory["optimizer"], step_peak(model, run)
    return states + step, [
        (total(model, run), "that is the sum of the terms, which are not all there at once; see step_peak"),
        (states + step + memory["gradients"], "the peak of a step has the gradients already"),
        (step, "that is the step alone; weights and optimizer are there too"),
        (memory["weights"] + step, "the optimizer's states are there from the second step on"),
        (2 * (states + step_peak(model, four)), "weights, gradients and optimizer do not double with the texts"),
        (states + step_peak(model, four), "that is with four texts"),
        (states + step_peak(model, longer), "that is with texts of 1,024 tokens"),
    ]


def _cache(model: Model, run: Inference) -> int:
    return breakdown(model, run)["kv_cache"]


_EVERY_HEAD = "only the key-value heads are stored, and you counted the query heads"
_ONE_OF_TWO = "each token has a key and a value, and you counted one of them"

EXERCISES: dict[str, Exercise] = {
    "0.1": Exercise("GiB", _thirteen_billion),
    "0.2": Exercise("GB", _reported_memory),
    "0.3": Exercise("tokens", _longest_context),
    "4.1": Exercise("GiB", _config_of_70b),
    "4.2": Exercise("formula", _one_more_conversation),
    "4.3": Exercise("tokens", _crossing),
    "6.1": Exercise("verdict", _verdict_on_states),
    "6.2": Exercise("GiB", _cache_of_70b),
    "6.3": Exercise("heads", _heads_that_fit),
    "7.1": Exercise("percent", _left_over),
    "7.2": Exercise("bytes", _kept_for_each_number),
    "7.3": Exercise("GiB", _tensors_of_eight_texts),
}
"""Number → exercise; the first digit is the notebook."""
