"""What one would write without explorers: the same answers with interact, pyplot and print. Only measured."""

from matplotlib import pyplot

from memcalc import Gpu, Inference, Model, Training, breakdown, catalogue, explorers, total
from memcalc.article.claims import VERDICTS, claims
from memcalc.estimate.measured import step

CONTEXTS = [2**power for power in range(7, 21)]


def fit(context):
    _stacked(breakdown(Model.named("LLaMA-7B"), Inference(context=context)), Gpu.named("RTX 4090"))
    print(explorers.fit.frame(context=context).sentence_said)


def weights(weights):
    model = Model.named("Llama-3.1-8B")
    sizes = {name: breakdown(model, Inference(weights=name))["weights"] for name in ("FP16", weights)}
    pyplot.figure(figsize=(7, 2.2))
    pyplot.barh(list(sizes), [size / 2**30 for size in sizes.values()])
    pyplot.xlabel("weights [GiB]")
    pyplot.show()
    print(explorers.weights.frame(weights=weights).sentence_said)


def optimizer(data_parallel):
    run = Training(zero=3, data_parallel=data_parallel)
    _stacked(breakdown(Model.nominal(7_500_000_000), run), Gpu.named("A100 80 GB"))
    print(explorers.optimizer.frame(zero="3", data_parallel=data_parallel).sentence_said)


def activations(context):
    run = Training(context=context, recipe="bf16", attention="eager", activations="transformers")
    _stacked(breakdown(Model.named("LLaMA-7B"), run), Gpu.named("A100 80 GB"))
    print(explorers.activations.frame(context=context).sentence_said)


def kv_cache(context):
    model = Model.named("LLaMA-7B")
    lines = [breakdown(model, Inference(context=one)) for one in CONTEXTS]
    pyplot.figure(figsize=(7, 3.2))
    for term in lines[0]:
        pyplot.loglog(CONTEXTS, [line[term] / 2**30 for line in lines], label=term)
    pyplot.axvline(context, color="black", linestyle=":")
    pyplot.legend()
    pyplot.show()
    print(explorers.kv_cache.frame(context=context).sentence_said)


def hardware(context):
    cards = [card for card in map(Gpu.named, catalogue.names("gpus")) if card.bandwidth]
    pyplot.figure(figsize=(7, 3.9))
    pyplot.scatter([card.capacity / 2**30 for card in cards], [card.bandwidth / 10**9 for card in cards])
    needed = total(Model.named("Llama-3.1-8B"), Inference(context=context))
    pyplot.axvline(needed / 2**30, color="black", linestyle="--")
    pyplot.loglog()
    pyplot.show()
    print(explorers.hardware.frame(context=context).sentence_said)


def article(kind):
    counts = [sum(one.verdict == name and kind in ("all", one.row["kind"]) for one in claims()) for name in VERDICTS]
    pyplot.figure(figsize=(7, 2.6))
    pyplot.barh(VERDICTS, counts)
    pyplot.show()
    print(explorers.article.frame(table="the claims", kind=kind).sentence_said)


def validation(context):
    pyplot.figure(figsize=(7, 3.2))
    pyplot.bar(["sum", "peak"], [size / 2**30 for size in step(context, "keep all")])
    pyplot.show()
    print(explorers.validation.frame(view="a training step", context=context).sentence_said)


def plan(context):
    model, run = Model.named("Gemma-3-27B"), Inference(context=context, weights="Q4_K_M")
    _stacked(breakdown(model, run), Gpu.named("RTX 4090"))
    print(explorers.plan.frame(context=context, weights="Q4_K_M").sentence_said)


def _stacked(terms, gpu):
    pyplot.figure(figsize=(7, 1.6))
    left, card = 0.0, gpu.capacity / 2**30
    for term, count in terms.items():
        pyplot.barh([0], [count / 2**30], left=left, label=term)
        left += count / 2**30
    pyplot.axvline(card, color="black", linestyle=":")
    pyplot.xlim(0, 1.5 * card)
    pyplot.legend()
    pyplot.show()
