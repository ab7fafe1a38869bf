"""Exercises of notebook 5, hardware, and its guess."""

from fractions import Fraction

import sympy

from memcalc import Gpu, Inference, Model, pool, symbol, units
from memcalc.estimate.speed import fastest, time_of_places
from memcalc.formula.roofline import decode_time, read_cache
from memcalc.formula.weights import active
from memcalc.lessons.task import EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, guess, longest, task, weights_of
from memcalc.texts import tr


@guess(
    "5.1",
    "ms",
    asks="On an RTX 4090, a token of Llama-3.1-8B takes at least 16 ms. How long does it take on a DGX Spark?",
    matters="For each token the card reads all [weights] and the [cache|kv_cache] once. The DGX Spark reads slowly, "
    "and that it has room for much more changes nothing.",
)
def _on_the_larger_card() -> Answers:
    model, run = Model.named("Llama-3.1-8B"), Inference(8192)
    small, large = Gpu.named("RTX 4090"), Gpu.named("DGX Spark")
    before, right = (1000 / fastest(model, run, card).decode for card in (small, large))
    yield right
    yield before, "that is as long as on the RTX 4090; but it is the bandwidth that counts, and the two differ in it"
    yield before * small.capacity / large.capacity, "more memory reads nothing faster; look at the pipe, not at the box"
    yield before * large.capacity / small.capacity, "what is read is the same, however large the box around it is"
    yield before**2 / right, "that is the other way round: the DGX Spark has the thinner pipe"


@guess(
    "5.2",
    "GiB",
    asks="A Mac with the chip M2 Ultra is sold with 192 GB. How much of that can a model on its GPU use, if nobody "
    "changes a setting?",
    matters="Apple writes GB and means GiB, and by default the GPU may take three quarters of them.",
)
def _part_of_a_mac() -> Answers:
    mac = Gpu.named("M2 Ultra 192 GB")
    all_of_it, decimal = (units.to_bytes(mac.marketed_gb, unit) for unit in ("GiB", "GB"))
    yield mac.capacity
    yield all_of_it, "that is the whole memory, and the system keeps a part of it from the GPU"
    yield decimal, "that is all of it, with a GB for a billion bytes; the system keeps a part of it from the GPU"
    yield all_of_it // 2, "processor and graphics share it, but not half and half"


@task(
    "5.1",
    "MiB",
    asks="PyTorch counts what tensors take, here 12.55 GiB (allocated), and what its allocator has taken from the card "
    "for them, 13.10 GiB (reserved). Driver and libraries take the CUDA context, 0.45 GiB. How many MiB does "
    "nvidia-smi show for this program?",
    hint="The tool sees what was taken from the card. One of the three is a part of another.",
    solution="(13.10 + 0.45) * 1024",
    because="The tensors lie in the reserved memory; the rest of it waits for new ones.",
    matters="So nvidia-smi tells what is gone from the card, and not what your tensors need.",
    goal="tell apart what tensors take, what the allocator reserves and what the driver reports",
)
def _monitor() -> Answers:
    allocated, reserved, context = (units.to_bytes(gib, "GiB") for gib in ("12.55", "13.10", "0.45"))  # of the task
    whole = reserved + context
    yield whole
    yield allocated, "those are your tensors alone; the card also holds what the allocator keeps, and the context"
    yield reserved, "the CUDA context comes on top; no counter of PyTorch has it"
    yield allocated + context, "the allocator keeps what tensors gave back, and nvidia-smi sees what it reserved"
    yield allocated + whole, "the allocated memory is a part of the reserved; you counted it twice"
    yield whole * 1000 // 1024, "a GiB has 1,024 MiB, and you took 1,000"


_PARAMETERS, _BITS, _MEASURED, _CARD = 27_400_000_000, Fraction("4.85"), 40, Gpu.named("RTX 4090")
"""What the task of exercise 5.2 gives: the model, bits for each parameter, tokens per second, and the card."""


@task(
    "5.2",
    "percent",
    asks="A model has 27.4 billion parameters, in a file of 4.85 bits each. A card reads 1,008 GB/s and computes 165 "
    "trillion operations per second. It writes 40 tokens per second. How many percent of the bound is that? Leave out "
    "the cache, and count every weight.",
    hint="How many bytes is the file? How often in a second can the card read it? One of the numbers is not needed.",
    solution="100 * 40 * 27.4 * 10**9 * 4.85 / 8 / (1008 * 10**9)",
    because="The card can read the file 60.7 times in a second. By arithmetic alone it would be 3,000 times.",
    matters="That is what programs usually reach, and the reason to plan with half of the bound.",
    goal="compute a bound on the tokens per second, and say why it is not a prediction",
)
def _efficiency() -> Answers:
    right = _share_of_bound(_BITS)
    operations = round(_CARD.bf16_tflops) * 10**12  # a second, rounded as in the task
    by_cores = 100 * _MEASURED * 2 * _PARAMETERS / operations  # a weight is multiplied and added
    yield right
    yield right / 100, "that is a share of one; the question asks for percent"
    yield 100 - right, "that is what is missing to the bound"
    yield 100 * _MEASURED / right, "that is the bound itself, not the share of it that was measured"
    yield 10_000 / right, "that is the bound as a share of what was measured; turn it round"
    yield _share_of_bound(8 * _BITS), "you took bits for bytes, and nothing is faster than its bound"
    yield by_cores, "you took the arithmetic; for one text the cores wait for the memory, and more of them do not help"
    yield _share_of_bound(4), "the file has 4.85 bits for each weight, and you took 4"
    yield _share_of_bound(16), "that is the model in 16 bits, and nothing is faster than its bound"


def _share_of_bound(bits: int | Fraction) -> float:
    """Return what is measured in percent of the bound; cache and input embedding are left out."""
    neglected = {read_cache.symbol: 0, symbol("embedding_tables"): 1, symbol("positions"): 0}
    known = {active.symbol: _PARAMETERS, symbol("bytes_per_weight"): sympy.Rational(bits) / 8}
    seconds = decode_time.expr.xreplace(neglected | known | {symbol("bandwidth"): _CARD.bandwidth})
    return float(100 * _MEASURED * seconds)


@task(
    "5.3",
    "tokens",
    asks="The Mac of your guess has 192 GiB, and its GPU may use the part that you have found there. Llama-3.1-70B has "
    "BF16 [weights] and an FP16 [cache|kv_cache]. How many tokens of context fit at most?",
    hint="The part is three quarters. What the weights, of 70,553,706,496 parameters, leave of it is divided by the "
    "cache of one token: 80 layers, 8 stored pairs of 128 numbers, and two bytes for each.",
    solution="(192 * 3/4 * 2**30 - 2 * 70,553,706,496) / (80 * 8 * 128 * (2 + 2))",
    because="The weights leave 12.6 GiB, and a token takes 320 KiB.",
    matters="It would write fewer than six tokens per second, because it must read 144 GiB for each.",
    goal="solve for the longest context that fits",
)
def _unified() -> Answers:
    model, run, mac = Model.named("Llama-3.1-70B"), Inference(weights="BF16"), Gpu.named("M2 Ultra 192 GB")
    token, weights = cache_of(model, run, context=1), weights_of(model, run)
    all_of_it, decimal = (units.to_bytes(mac.marketed_gb, unit) for unit in ("GiB", "GB"))
    yield longest(model, run, mac)
    yield (all_of_it - weights) // token, "unified memory is not all the GPU's; by default it gets 75 %"
    yield (decimal - weights) // token, "the Mac has 192 GiB, not GB, and by default the GPU gets 75 % of them"
    yield (decimal * 3 // 4 - weights) // token, "the Mac has 192 GiB, and you took 192 GB"
    yield mac.capacity // token, "you gave all of it to the cache; the weights need their place first"
    yield (mac.capacity - weights) // cache_of(model, run, context=1, kv_heads=model.heads), EVERY_HEAD
    yield longest(model, run, mac, kv_cache="INT8"), "your cache is in INT8, or has keys alone"
    yield longest(model, run, mac, weights="INT8"), "your weights are in INT8"
    yield model.trained_context, "that is what the model was trained for; the question is what fits"


_LOG = "5.98 GiB"
"""What the log of exercise 5.4 gives for the pool."""


@task(
    "5.4",
    "people",
    asks="vLLM serves Llama-3.1-8B on an RTX 4090 and writes in its log: “Available KV cache memory: 5.98 GiB”. The "
    "model has 32 layers with 8 stored pairs of 128 numbers, and the [cache|kv_cache] is in BF16. How many people with "
    "4,096 tokens each can it serve at once?",
    hint="What does one token take, in KiB? And 4,096 of them? Only whole people count.",
    solution="11",
    because="A token takes 128 KiB, so 4,096 of them take 0.5 GiB, and 5.98 / 0.5 is 11.96: eleven whole people.",
    matters="The twelfth has to wait until one of the others is done, although the log speaks of a card with 24 GB.",
    goal="say how many people an engine can serve at once",
)
def _people_at_once() -> Answers:
    model, run = Model.named("Llama-3.1-8B"), Inference(4096, engine="vLLM", kv_cache="BF16")
    found, card = pool(model, run, size=_LOG), Gpu.named("RTX 4090")
    people = found.low // found.request
    yield people
    yield people + 1, "the last of them would not have room for all of their tokens; round down"
    yield found.low * model.kv_heads // (found.request * model.heads), EVERY_HEAD
    yield (
        2 * found.low // found.request,
        tr("{why}; or a number takes two bytes", why=tr(ONE_OF_TWO)),
    )
    yield card.capacity // found.request, "that is the whole card; weights and steps have taken their part already"
    yield found.tokens[0], "that is how many tokens the pool holds; divide by those of a person"
    yield found.low // found.request * model.layers, "that is one layer; each has a cache of its own"


_PARTS, _HOST, _SPEED = {"card": 20 * 10**9, "cpu": 20 * 10**9}, 50, "24 GB at 1000 GB/s"
"""What exercise 5.5 gives: bytes on the card and in the memory of the CPU, and how fast both are read [GB/s]."""


@task(
    "5.5",
    "tokens per second",
    asks="A file of 40 GB is too large for a card of 24 GB. So half of its layers lie on the card, which reads 1,000 "
    "GB/s, and half in the memory of the CPU, which reads 50. How many tokens per second can it write at most?",
    hint="A token passes the layers one after the other, so the times add up. How long does each half take?",
    solution="1 / (20/1000 + 20/50)",
    because="The half on the card takes 20 ms and the other half 400, which makes 420 ms for a token.",
    matters="The slow half sets the pace: a card that reads twice as fast would write hardly 2 % more.",
    goal="say what it costs to keep a part of a model in the memory of the CPU",
)
def _half_in_the_cpu() -> Answers:
    card, whole = Gpu.of(_SPEED), sum(_PARTS.values())
    fast, slow = card.bandwidth, units.to_bytes(_HOST, "GB")
    yield 1 / time_of_places(_PARTS, card, slow)
    yield (fast + slow) / 2 / whole, "speeds do not average; add the times of the two halves"
    yield fast / whole, "that would be all of it on the card, where it has no room"
    yield slow / whole, "that would be all of it in the memory of the CPU"
    yield fast / _PARTS["card"], "that is the half on the card alone; then comes the other half"
    yield slow / _PARTS["cpu"], "that is the half in the memory of the CPU alone; the card takes its time too"
    yield (fast + slow) / whole, "the two do not read at the same time: a token passes one after the other"
    yield (
        1000 * time_of_places(_PARTS, card, slow),
        "those are the milliseconds of a token; how many go into a second?",
    )
