"""Exercises of notebook 5, hardware, and its guess."""

from fractions import Fraction

import sympy

from memcalc import Gpu, Inference, Model, symbol, units
from memcalc.formula.roofline import decode_time, read_cache
from memcalc.formula.weights import active
from memcalc.lessons.task import EVERY_HEAD, Answers, cache_of, guess, longest, task, weights_of


@guess(
    "5.1",
    "GiB",
    asks="How much of an M2 Ultra's 192 GB can a model on the GPU use, if nobody changes a setting?",
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
    asks="On the Mac of the beginning, the GPU has three quarters of 192 GiB. Llama-3.1-70B has BF16 [weights] and an "
    "FP16 [cache|kv_cache]. How many tokens of context fit at most?",
    hint="The cell above asks largest for the longest context; ask it with this model and this machine. By hand: what "
    "the weights leave, divided by the cache of one token, with 80 layers, 8 key-value heads and 128 numbers in each.",
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
