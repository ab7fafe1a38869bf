"""Exercises of notebook 6, the article, and its guess."""

from dataclasses import replace

from memcalc import Gpu, Inference, Model, fits, total, units
from memcalc.article import table1
from memcalc.article.claims import VERDICTS, claim
from memcalc.lessons.task import ALL_TOGETHER, EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, guess, task, weights_of
from memcalc.texts import later, tr


@guess(
    "6.1",
    "GiB",
    asks="In INT8 the [cache|kv_cache] of LLaMA-7B takes 8 GiB. How much does LLaMA-13B's take?",
    matters="The article says 16 GB. Here is its table: the published number lies over what is counted.",
)
def _next_row_of_the_table() -> Answers:
    run = Inference(32_768, weights="INT8", kv_cache="INT8")
    model, smaller = Model.named("LLaMA-13B"), Model.named("LLaMA-7B")
    right, before = cache_of(model, run), cache_of(smaller, run)
    yield right
    yield 2 * before, "that doubles the 8, as the article does; a cache counts layers and heads, not parameters"
    yield before * model.parameters // smaller.parameters, "a cache counts layers and heads, not parameters"
    yield before * model.layers // smaller.layers, "there are more layers and more heads, and you counted one of them"
    yield before, "that is LLaMA-7B's; this model has more layers, and more heads in each"
    yield 2 * right, "that is FP16; in INT8 a number takes one byte"
    yield right // 2, ONE_OF_TWO


@task(
    "6.1",
    "verdict",
    asks="Claim C010: the [optimizer] keeps 8 bytes for each parameter and [gradients] take 4 more, which for a model "
    "of 7 billion parameters makes 84 GB. Which verdict does it get: holds, holds only in GB, holds only in GiB, holds "
    "under assumption, wrong, or not checkable?",
    hint="Multiply, then divide once by 10⁹ and once by 2³⁰.",
    solution="holds only in GB",
    because="Twelve bytes for each of 7 billion parameters are 84.00 GB = 78.23 GiB.",
    matters="The unit is a part of the claim: read otherwise, the same number is wrong.",
    goal="judge a claim by computing, in both units",
)
def _verdict_on_states() -> Answers:
    right, other = claim("C010").verdict, later("that is the other unit: GB counts in thousands, GiB in steps of 1,024")
    words = {
        "holds": later("in which unit? Work it out in GB and in GiB; only one of the two gives the published number"),
        "wrong": later("in one of the two units, GB or GiB, the published number is right"),
        "holds under assumption": later("the only thing to assume is the unit, and that has a verdict of its own"),
        "not checkable": later("all that it needs is stated: multiply, and compare"),
    }
    yield right
    yield from ((verdict, words.get(verdict, other)) for verdict in VERDICTS if verdict != right)


@task(
    "6.2",
    "GiB",
    asks="Claim C030: in INT8, at 32,768 tokens, the [cache|kv_cache] of “LLaMA 70B” takes 32 GB. That can only be "
    "Llama-2-70B: 80 layers, hidden_size 8192, 64 heads, 8 key-value heads. How many GiB does it take?",
    hint="Key and value, with one byte for each number. Which heads are stored?",
    solution="2 * 80 * 8 * (8192 / 64) * 32768 / 2**30",
    because="It is 5 GiB. With all 64 heads it would be 40, so 32 is neither.",
    matters="The row also says that its sum, 102 GB, needs an “A100 80 GB”. That would not fit there; what the model "
    "really takes does.",
    goal="take a claim apart: quantity, model, run and unit",
)
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


@task(
    "6.3",
    "heads",
    asks="Claim C116: an RTX 5090 runs 13B models in INT8, [weights] and [cache|kv_cache], at 131,072 tokens. For "
    "LLaMA-13B it is wrong. Change one input: how many key-value heads may the model have at most, so that it fits? "
    "Its 40 query heads must share them evenly.",
    hint="What does the card leave beside 13 GB of [weights]? With all 40 heads the [cache|kv_cache] takes four times "
    "the 12.5 GiB of 32,768 tokens; with fewer it shrinks in proportion.",
    solution="40 / 4",
    because="It is ten, a quarter. With twenty, weights and cache take more than a program sees.",
    matters="Newer models of about this size have eight, and Qwen2.5-14B does fit: a condition would have saved the "
    "claim.",
    goal="find the assumption under which a claim holds",
)
def _heads_that_fit() -> Answers:
    model, card = Model.named("LLaMA-13B"), Gpu.named("RTX 5090")
    run = Inference(131_072, weights="INT8", kv_cache="INT8")
    even = [heads for heads in range(1, model.heads + 1) if model.heads % heads == 0]  # as many queries share each
    *fewer, right = [heads for heads in even if fits(replace(model, kv_heads=heads), run, card)]
    one_head = cache_of(model, run, kv_heads=1)
    yield right
    yield model.heads, "with all heads it does not fit; that is what makes the claim wrong"
    yield (
        (card.capacity - weights_of(model, run)) // one_head,
        tr("the {heads} query heads must share them evenly", heads=model.heads),
    )
    yield card.capacity // one_head, "you gave the whole card to the cache; the weights need their place first"
    yield 2 * right, "that is a step too far: add weights and cache, and compare with what a program sees"
    for heads in fewer:
        yield heads, "that fits, and so do more; or your cache is in FP16"


@task(
    "6.4",
    "verdict",
    asks="Claim C094: the market for local inference software grew by 300 % in a year. Nobody is named who counted, "
    "and no figure for such a market was found. Which verdict does it get: holds, holds only in GB, holds only in GiB, "
    "holds under assumption, wrong, or not checkable?",
    hint="Can you compute it? Can you look it up? What would you have to find to call it wrong?",
    solution="not checkable",
    because="There is nothing to compute and nothing to look up.",
    matters="That is not “wrong”; it is a number that nobody can use, whoever prints it.",
    goal="tell what no formula can decide",
)
def _verdict_on_a_market() -> Answers:
    right, bytes_ = claim("C094").verdict, later("it is about no bytes at all, so that no unit of them can matter")
    words = {
        "holds": later("who says so? A number that nobody can trace is not true because it is printed"),
        "wrong": later("that would need a count that contradicts it, and none was found"),
        "holds under assumption": later("which one? Without a count, no condition makes it true"),
    }
    yield right
    yield from ((verdict, words.get(verdict, bytes_)) for verdict in VERDICTS if verdict != right)
