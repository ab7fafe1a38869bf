"""Exercises of notebook 6: the article."""

from dataclasses import replace

from memcalc import Gpu, Inference, Model, fits, total, units
from memcalc.article import table1
from memcalc.article.claims import VERDICTS, claim
from memcalc.lessons.task import ALL_TOGETHER, EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, task, weights_of


@task("6.1", "verdict")
def _verdict_on_states() -> Answers:
    right, other = claim("C010").verdict, "that is the other unit: GB counts in thousands, GiB in steps of 1,024"
    words = {
        "holds": "in which unit? Work it out in GB and in GiB; only one of the two gives the published number",
        "wrong": "in one of the two units, GB or GiB, the published number is right",
        "holds under assumption": "the only thing to assume is the unit, and that has a verdict of its own",
        "not checkable": "all that it needs is stated: multiply, and compare",
    }
    yield right
    yield from ((verdict, words.get(verdict, other)) for verdict in VERDICTS if verdict != right)


@task("6.2", "GiB")
def _cache_of_70b() -> Answers:
    model, run = Model.named("Llama-2-70B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    published = table1.Row.rows()[-1].published("kv_cache")
    yield cache_of(model, run)
    yield units.to_bytes(published, "GiB"), "that is what the article says, and the formula does not"
    yield cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield cache_of(model, run, kv_cache="FP16"), "your cache is in FP16; INT8 takes one byte"
    yield cache_of(model, run) // 2, ONE_OF_TWO
    yield total(model, run), "that is weights and cache; the question is about the cache"
    yield cache_of(model, run, head_dim=model.hidden), ALL_TOGETHER


@task("6.3", "heads")
def _heads_that_fit() -> Answers:
    model, card = Model.named("LLaMA-13B"), Gpu.named("RTX 5090")
    run = Inference(131_072, weights="INT8", kv_cache="INT8")
    even = [heads for heads in range(1, model.heads + 1) if model.heads % heads == 0]  # as many queries share each
    *fewer, right = [heads for heads in even if fits(replace(model, kv_heads=heads), run, card)]
    one_head = cache_of(model, run, kv_heads=1)
    yield right
    yield model.heads, "with all heads it does not fit; that is what makes the claim wrong"
    yield (card.capacity - weights_of(model, run)) // one_head, f"the {model.heads} query heads must share them evenly"
    yield card.capacity // one_head, "you gave the whole card to the cache; the weights need their place first"
    yield 2 * right, "that is a step too far: add weights and cache, and compare with what a program sees"
    for heads in fewer:
        yield heads, "that fits, and so do more; or your cache is in FP16"
