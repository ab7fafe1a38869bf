"""Exercises of notebook 0, will it fit?, and its guess."""

from memcalc import Gpu, Inference, Model, total, units
from memcalc.lessons.task import ONE_OF_TWO, Answers, cache_of, guess, longest, task, weights_of
from memcalc.texts import tr


@guess(
    "0.1",
    "GiB",
    asks="How much memory do LLaMA-7B and 32,768 tokens take, with two bytes for each number?",
    matters="The [weights] are the numbers of the model, and the [cache|kv_cache] is its notes on each token.",
)
def _model_and_context() -> Answers:
    model, run = Model.named("LLaMA-7B"), Inference(32_768)
    weights, cache = weights_of(model, run), cache_of(model, run)
    yield total(model, run)
    yield weights, "that holds the parameters alone, and the model keeps notes on each token too"
    yield cache, "those are the notes on the tokens alone; the parameters come on top"
    yield weights + cache // 2, ONE_OF_TWO
    yield 2 * (weights + cache), "that is four bytes for each number"


@task(
    "0.1",
    "GiB",
    asks="How many GiB does LLaMA-13B take with 32,768 tokens, [weights] and [cache|kv_cache] in INT8?",
    hint="The picture above knows it: choose model and formats in its sentence, or click the blocks for other bits.",
    solution="13,015,864,320 / 2**30 + 2 * 40 * 40 * 128 * 32768 / 2**30",
    because="It is 12.12 GiB for the weights and 12.50 GiB for the cache of 40 layers with 40 heads each.",
    matters="That is 1 GiB more than a program sees on an RTX 4090.",
    goal="answer “will it fit?” for a model, a context and a card",
)
def _thirteen_billion() -> Answers:
    model, smaller = Model.named("LLaMA-13B"), Model.named("LLaMA-7B")
    run, plain = Inference(32_768, weights="INT8", kv_cache="INT8"), Inference(32_768)
    yield total(model, run)
    yield model.parameters, "these are the weights alone; the cache comes on top"
    yield cache_of(model, run), "that is the cache alone; the weights come on top"
    yield total(model, Inference(32_768, weights="INT8")), "your cache is still in FP16"
    yield total(model, Inference(32_768, kv_cache="INT8")), "your weights are still in FP16"
    yield total(model, plain), "weights and cache are still in FP16"
    yield total(smaller, run), "that is LLaMA-7B"
    yield total(smaller, plain), "that is LLaMA-7B in FP16, as above"
    yield total(model, Inference(32_768, weights="INT4", kv_cache="INT4")), "that is INT4; a number in INT8 has a byte"


@task(
    "0.2",
    "GB",
    asks="The driver of an RTX 4090 reports 24,564 MiB. How many GB are that?",
    hint="First to bytes: multiply by 2²⁰. Then to GB: divide by 10⁹.",
    solution="24564 * 2**20 / 10**9",
    because="It is 25.76 GB.",
    matters="A card sold as “24 GB” has more than 24 GB, and a little less than 24 GiB.",
    goal="keep GB and GiB apart",
)
def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    yield units.to_bytes(card.reported_mib, "MiB")
    yield card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million"
    yield card.capacity, "that is what a program sees; start from what the driver reports"
    yield units.to_bytes(card.reported_mib, "GiB") // 1000, "a GiB has 1,024 MiB, and you took 1,000"


@task(
    "0.3",
    "tokens",
    asks="LLaMA-13B has [weights] and [cache|kv_cache] in INT4 on an RTX 4090. How many tokens of context fit at most? "
    "It was trained for 2,048; the question is only about memory.",
    hint="What is left of the card when the weights are in? Divide it by the cache of one token. Or set the picture "
    "so, and pull the surface up to where it holds.",
    solution="(23.64 * 2**30 - 13,015,864,320 / 2) / (2 * 40 * 40 * 128 / 2)",
    because="It is 92,164: half a byte for each number, in the model and in the notes on a token.",
    matters="A real engine, with scales and buffers, reaches fewer.",
    goal="find the longest context for a model and a card",
)
def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    token, weights = cache_of(model, run), weights_of(model, run)
    yield longest(model, run, card)
    yield card.capacity // token, "you gave the whole card to the cache; the weights need their place first"
    yield longest(model, run, card, kv_cache="FP16"), "your cache is still in FP16"
    yield longest(model, run, card, weights="INT8"), "your weights are in INT8"
    yield longest(model, run, card, weights="INT8", kv_cache="INT8"), "that is in INT8"
    yield longest(Model.named("LLaMA-7B"), run, card), "that is LLaMA-7B"
    for sold in (units.to_bytes(card.marketed_gb, unit) for unit in ("GB", "GiB")):
        yield (sold - weights) // token, "you took the name of the card for its memory"


@task(
    "0.4",
    "tokens",
    asks="LLaMA-7B talks on a card in FP16, where each token takes 0.50 MiB of [cache|kv_cache]. The program that runs "
    "it, and the driver, want 2 GiB for themselves. How many tokens of context do these cost?",
    hint="How often does a token fit into 2 GiB? A GiB has 1,024 MiB.",
    solution="2 * 1024 / 0.50",
    because="It is 4,096: of the 22,709 tokens that the card could hold by the formula alone, 18,613 are left.",
    matters="So a longest context that leaves nothing free is one that you cannot use.",
    goal="leave room for what the formula does not count",
)
def _room_for_the_rest() -> Answers:
    model, run, card = Model.named("LLaMA-7B"), Inference(1), Gpu.named("RTX 4090")
    token, rest = cache_of(model, run), units.to_bytes(2, "GiB")
    right, most = rest // token, longest(model, run, card)
    yield right
    yield most - right, "those are the tokens that are left; the question is how many are lost"
    yield most, "that is what the card holds by the formula alone; ask how many of them have no room"
    yield 2 * right, tr("that is with half as much a token: {why}", why=tr(ONE_OF_TWO))
    yield right // 2, "that is with 1 MiB a token; half a MiB is less, so more of them are lost"
    yield (
        right * model.layers,
        tr("that is with what one layer keeps of a token; there are {layers}", layers=model.layers),
    )
    yield right // 2**10, "a GiB has 1,024 MiB; you divided 2 MiB, or took GiB for MiB"
