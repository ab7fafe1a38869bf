"""What one would write without explorers: the same answers with interact, pyplot and print. Only measured."""

from matplotlib import pyplot

from memcalc import catalogue, explorers
from memcalc.article.claims import VERDICTS, claims
from memcalc.estimate.questions import breakdown, total
from memcalc.explorers.weights import for_one_token
from memcalc.plots import activations as activation_figures
from memcalc.plots import weights as weights_figures
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training


def will_it_fit(model, gpu, context, batch, weights, kv_cache):
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    _terms_on_a_card(breakdown(Model.named(model), run), gpu)
    state = {"context": context, "batch": batch, "weights": weights, "kv_cache": kv_cache}
    print(explorers.fit.frame(model=model, gpu=gpu, **state).said)


def plan(model, gpu, **state):
    names = ("context", "batch", "weights", "kv_cache", "overhead")
    run = Inference(**{name: state[name] for name in names}, tensor_parallel=int(state["cards"]))
    _terms_on_a_card(breakdown(Model.named(model), run), gpu)
    print(explorers.plan.frame(model=model, gpu=gpu, **state).said)


def _terms_on_a_card(terms, gpu):
    pyplot.figure(figsize=(7, 1.6))
    left, card = 0.0, Gpu.named(gpu).capacity / 2**30
    for term, count in terms.items():
        pyplot.barh([0], [count / 2**30], left=left, label=term)
        left += count / 2**30
    pyplot.axvline(card, color="black", linestyle=":")
    pyplot.xlim(0, 1.5 * card)
    pyplot.xlabel("memory [GiB]")
    pyplot.legend()
    pyplot.show()


def cache_against_context(kv_heads, context, batch, kv_cache):
    frame = explorers.kv_cache.frame(kv_heads=kv_heads, context=context, batch=batch, kv_cache=kv_cache)
    _lines_against_context(frame, ("kv_cache", "weights", "here", "crossing"))


def audit(kind, verdict):
    counts = [sum(one.verdict == name and kind in ("all", one.row["kind"]) for one in claims()) for name in VERDICTS]
    pyplot.figure(figsize=(7, 2.6))
    pyplot.barh(VERDICTS, counts)
    pyplot.xlabel("claims")
    pyplot.show()
    print(explorers.article.frame(kind=kind, verdict=verdict).said)


def sum_and_peak(context, activations):
    frame = explorers.validation.frame(context=context, activations=activations)
    _lines_against_context(frame, [name for name in frame.shapes if name != "number"])


def kept_for_backward(context, batch, code, recompute, attention):
    state = {"context": context, "batch": batch, "code": code, "recompute": recompute, "attention": attention}
    frame = explorers.activations.frame(**state)
    pyplot.figure(figsize=(7, 2.1))
    for place, row in activation_figures.PLACES.items():
        pyplot.fill(*zip(*frame.shapes[place] or [(0, 0)], strict=True), label=row["word"])
    for card in ("RTX 4090", "A100 80 GB"):
        pyplot.axvline(Gpu.named(card).capacity / 2**30, color="black", linestyle=":")
    pyplot.xlim(0, 120)
    pyplot.xlabel("kept for the backward pass [GiB]")
    pyplot.legend()
    pyplot.show()
    print(frame.said)


def states_on_a_card(zero, data_parallel, recipe, optimizer):
    run = Training(zero=int(zero), data_parallel=data_parallel, recipe=recipe, optimizer=optimizer)
    pyplot.figure(figsize=(7, 2))
    left = 0.0
    for term, count in breakdown(Model.nominal(7_500_000_000), run).items():
        pyplot.barh([0], [count / 1e9], left=left, label=term)
        left += count / 1e9
    pyplot.xlim(0, 180)
    pyplot.xlabel("training states on one card [GB]")
    pyplot.legend()
    pyplot.show()
    state = {"zero": zero, "data_parallel": data_parallel, "recipe": recipe, "optimizer": optimizer}
    print(explorers.optimizer.frame(**state).said)


def cards_for_a_model(model, gpu, context, batch, weights, kv_cache):
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    cards = [card for card in map(Gpu.named, catalogue.names("gpus")) if card.bandwidth]
    pyplot.figure(figsize=(7, 3.9))
    pyplot.scatter([card.capacity / 2**30 for card in cards], [card.bandwidth / 10**9 for card in cards])
    pyplot.axvline(total(Model.named(model), run) / 2**30, color="black", linestyle="--")
    pyplot.loglog()
    pyplot.xlabel("what a program can use [GiB]")
    pyplot.ylabel("bandwidth of the memory [GB/s]")
    pyplot.show()
    state = {"context": context, "batch": batch, "weights": weights, "kv_cache": kv_cache}
    print(explorers.hardware.frame(model=model, gpu=gpu, **state).said)


def stored_weights(model, weights):
    spec, run = Model.named(model), Inference(weights=weights)
    sizes = {
        "by name": spec.parameters * weights_figures.bits_of_the_name(weights) / 8,
        "as stored": breakdown(spec, run)["weights"],
        "one token passes": for_one_token(spec, run),
    }
    pyplot.figure(figsize=(7, 2.2))
    pyplot.barh(list(sizes), [size / 2**30 for size in sizes.values()])
    pyplot.xlabel("weights [GiB]")
    pyplot.show()
    print(explorers.weights.frame(model=model, weights=weights).said)


def _lines_against_context(frame, names):
    pyplot.figure(figsize=(7, 3.2))
    for name in names:
        pyplot.plot(*zip(*frame.shapes[name], strict=True), label=name)
    pyplot.loglog()
    pyplot.xlabel("context [tokens]")
    pyplot.ylabel("memory [GiB]")
    pyplot.legend()
    pyplot.show()
    print(frame.said)
