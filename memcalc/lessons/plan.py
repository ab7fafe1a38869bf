"""Exercises of notebook 8, plan a deployment, and its guess."""

from dataclasses import replace

from memcalc import Gpu, Inference, Model, Training, total, training_time, units
from memcalc.estimate.questions import last
from memcalc.formula.symbols import BY_NAME
from memcalc.lessons.task import EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, guess, longest, task, weights_of
from memcalc.texts import tr


@guess(
    "8.1",
    "GiB",
    asks="Four H100 share Llama-3.1-70B in 16 bits, and 50 people have up to 8,192 tokens each. What must a card hold?",
    matters="Half of it is conversation. What nobody counts comes on top, and the rubric says whether it has room.",
)
def _a_quarter_of_fifty_people() -> Answers:
    model, run = Model.named("Llama-3.1-70B"), Inference(8192, batch=50)
    shared, two = replace(run, tensor_parallel=4), replace(run, tensor_parallel=2)
    weights, cache = weights_of(model, shared), cache_of(model, shared)
    yield weights + cache
    yield weights, "those are the weights, with one conversation at most; there are fifty of them"
    yield weights + cache // 2, tr("{why}; or a number takes two bytes", why=tr(ONE_OF_TWO))
    yield (
        total(model, replace(shared, weights="INT8", kv_cache="INT8")),
        "that is a byte for each number; 16 bits are two",
    )
    yield total(model, two), "that is each of two cards; four of them share it"
    yield total(model, run), "that is all of it; four cards share the weights and the heads of the cache"
    yield weights_of(model, run) + cache, "the cards share the weights too: each has a quarter of them"
    yield total(replace(model, kv_heads=model.heads), shared), EVERY_HEAD
    yield 50 * weights + cache, "all fifty share one copy of the weights"


@task(
    "8.1",
    "GiB",
    asks="Let the chatbot remember 131,072 tokens. How many GiB does the [cache|kv_cache] of Gemma-3-27B take then, in "
    "BF16? It has 62 layers, of which 10 see everything and the others the last 1,024 tokens, and 16 key-value heads "
    "of 128 numbers.",
    hint="Add ten layers with 131,072 tokens and 52 with 1,024: a key and a value each, two bytes a number.",
    solution="2 * 16 * 128 * 2 * (10 * 131072 + 52 * 1024) / 2**30",
    because="It is 10.41 GiB. If every layer kept everything, it would be 62.",
    matters="So ask of a model which layers keep what, and of an engine whether it lets the windows forget.",
    goal="compute what a long conversation takes in a model with windows",
)
def _windows_of_gemma() -> Answers:
    model, run = Model.named("Gemma-3-27B"), Inference(131_072, kv_cache="BF16")
    whole, layers = model.full_layers, model.full_layers + model.window_layers
    yield cache_of(model, run)
    yield (
        cache_of(model, run, window="full"),
        tr("most layers keep the last {window:,} tokens alone", window=model.window),
    )
    yield cache_of(model, run, window_layers=0, dense_layers=whole), "layers with a window keep something too"
    yield (
        cache_of(model, run, full_layers=0, window_layers=layers),
        tr("of the layers, {whole} keep the whole context", whole=whole),
    )
    yield cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield cache_of(model, run) // 2, ONE_OF_TWO


@task(
    "8.2",
    "tokens",
    asks="An engine is told to take 90 % of an A100 40 GB, whose driver reports 40,960 MiB. Llama-2-13B lies there in "
    "FP16, with 13,015,864,320 parameters, and 1 GB of [activations]. For how many tokens of FP16 [cache|kv_cache] is "
    "there room? A token takes 800 KiB.",
    hint="All in bytes: 0.9 × 40,960 × 2²⁰, less the weights, less 10⁹.",
    solution="(0.9 * 40960 * 2**20 - 2 * 13,015,864,320 - 10**9) / (800 * 1024)",
    because="It is 14,188 whole tokens.",
    matters="A monitor shows 90 %, whatever the model needs, because the engine has taken it in advance.",
    goal="say how many tokens an engine has room for, on a card that it does not take whole",
)
def _tokens_beside_13b() -> Answers:
    model, card = Model.named("Llama-2-13B"), Gpu.named("A100 40 GB")
    token, weights, working = cache_of(model, Inference(1)), weights_of(model, Inference()), 10**9
    memory, sold = units.to_bytes(card.reported_mib, "MiB"), units.to_bytes(card.marketed_gb, "GB")
    granted, granted_of_sold, share_of_rest = (int(0.9 * size) for size in (memory, sold, memory - weights - working))
    yield (granted - weights - working) // token
    yield model.trained_context, "that is what the model was trained for; how much fits is another question"
    yield (memory - weights - working) // token, "the engine may take 90 % of the card, not all of it"
    yield (granted - weights) // token, "the activations need their place too"
    yield (granted - weights - 2**30) // token, "the activations take a GB, not a GiB"
    yield granted // token, "the weights need their place first: 90 % is what the engine takes, not what is free"
    yield (memory - granted) // token, "that is what the engine leaves free, not what it takes"
    yield share_of_rest // token, "it is 90 % of the whole card, not of what is left"
    yield (granted_of_sold - weights - working) // token, "the card has 40,960 MiB, which is more than 40 GB"


@task(
    "8.3",
    "tokens",
    asks="In the training plan, ZeRO-3 over eight A100 40 GB with layers computed again, each card has one text. How "
    "many tokens may it have at most?",
    hint="In the picture above, drag the surface of the cards up to the rim, and read off the tokens; or ask "
    "largest('context', eight, again, a100).",
    solution="12,729",
    because="There a card is full when the loss has its gradient.",
    matters="By the sum of the terms it would be more. The moment of the loss, which grows with the text too, sets the "
    "limit.",
    goal="find the limit of a training run, which is its peak and not a sum",
)
def _longest_text_to_train() -> Answers:
    model, card = Model.named("Llama-3.1-8B"), Gpu.named("A100 40 GB")
    run, sold = Training(zero=3, data_parallel=8, recompute="full"), Gpu.of(f"{card.marketed_gb} GB")
    yield longest(model, run, card)
    yield _by_the_sum(model, run, card), "that is by the sum of the terms: at its peak, a step needs more"
    yield longest(model, run, card, recompute="none"), "your layers still keep all that they make"
    yield longest(model, run, card, zero=2), "stage 2 shares gradients and optimizer, not the weights"
    yield longest(model, run, card, recipe="bf16"), "in mixed precision the optimizer works in 32 bits"
    yield longest(model, run, card, batch=2), "that is with two texts on each card"
    yield 8 * longest(model, run, card), "each card holds one text: do not multiply by eight"
    yield longest(model, run, card, overhead="high"), "that is with the overhead; the task leaves it out"
    yield (
        longest(model, run, replace(card, visible_gib=None)),
        "that is with what the driver reports; a program sees less",
    )
    yield longest(model, run, sold), "a program sees 39.50 GiB, which is more than 40 GB"


def _by_the_sum(model: Model, run: Training, card: Gpu) -> int:
    """Return the longest context by the sum of the terms, which is not what lies there at any moment [tokens]."""
    return last(lambda count: total(model, replace(run, context=count)) <= card.capacity, BY_NAME["context"].limit)


_TEXT, _REACHED = 100_000_000, 0.4
"""What exercise 8.4 gives: tokens of all texts, and the share of the peak that is reached."""


@task(
    "8.4",
    "hours",
    asks="In the same plan the eight cards learn from 100 million tokens, once, and reach 40 % of the 312 trillion "
    "operations per second that each of them can do. How many hours does that take?",
    hint="A token takes two operations for each of the 8.03 billion parameters on the way forward, four on the way "
    "back, and, because the layers are computed again, two more. Attention adds a few percent, so ask: "
    "training_time(eight, again, a100, 10**8, utilization=0.4).days * 24",
    solution="1.88 hours",
    because="Without attention it would be 8 × 8.03 × 10⁹ × 10⁸ / (8 × 0.4 × 312 × 10¹²) seconds, or 1.79 hours.",
    matters="So memory decides how many cards you rent, and arithmetic for how long: write down both.",
    goal="say how long a training run takes",
)
def _hours_of_a_training() -> Answers:
    model, card = Model.named("Llama-3.1-8B"), Gpu.named("A100 40 GB")
    run = Training(8192, zero=3, data_parallel=8, recompute="full")

    def hours(run: Training = run, utilization: float = _REACHED) -> float:
        return 24 * training_time(model, run, card, _TEXT, utilization=utilization).days

    yield hours()
    yield hours(utilization=1), "that is at the peak, which no training reaches"
    yield hours(replace(run, recompute="none")), "the layers are computed again, which takes two more operations"
    yield 8 * hours(), "that is one card; eight of them share the texts"
    yield 60 * hours(), "those are minutes"
    yield hours() / 24, "those are days"
    yield hours(run, 0.4**2), "you took the 40 % twice"
