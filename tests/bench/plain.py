"""What one would write without memcalc.widgets: the same answers with interact, pyplot and print. Only measured."""

from matplotlib import pyplot

from memcalc import audit_scenes, reality_scenes, scenes, weights_figures, weights_scenes
from memcalc.claims import VERDICTS, claims
from memcalc.evaluate import breakdown
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.runs import Inference


def will_it_fit(model, gpu, context, batch, weights, kv_cache):
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    pyplot.figure(figsize=(7, 1.6))
    left, card = 0.0, Gpu.named(gpu).capacity / 2**30
    for term, count in breakdown(Model.named(model), run).items():
        pyplot.barh([0], [count / 2**30], left=left, label=term)
        left += count / 2**30
    pyplot.axvline(card, color="black", linestyle=":")
    pyplot.xlim(0, 1.5 * card)
    pyplot.xlabel("memory [GiB]")
    pyplot.legend()
    pyplot.show()
    state = {"context": context, "batch": batch, "weights": weights, "kv_cache": kv_cache}
    print(scenes.will_it_fit(model=model, gpu=gpu, **state).said)


def cache_against_context(kv_heads, context, batch, kv_cache):
    frame = scenes.cache_against_context(kv_heads=kv_heads, context=context, batch=batch, kv_cache=kv_cache)
    _lines_against_context(frame, ("kv_cache", "weights", "here", "crossing"))


def audit(kind, verdict):
    counts = [sum(one.verdict == name and kind in ("all", one.row["kind"]) for one in claims()) for name in VERDICTS]
    pyplot.figure(figsize=(7, 2.6))
    pyplot.barh(VERDICTS, counts)
    pyplot.xlabel("claims")
    pyplot.show()
    print(audit_scenes.audit(kind=kind, verdict=verdict).said)


def sum_and_peak(context, activations):
    frame = reality_scenes.sum_and_peak(context=context, activations=activations)
    _lines_against_context(frame, [name for name in frame.shapes if name != "number"])


def stored_weights(model, weights):
    spec, run = Model.named(model), Inference(weights=weights)
    sizes = {
        "by name": spec.parameters * weights_figures.bits_of_the_name(weights) / 8,
        "as stored": breakdown(spec, run)["weights"],
        "one token passes": weights_scenes.for_one_token(spec, run),
    }
    pyplot.figure(figsize=(7, 2.2))
    pyplot.barh(list(sizes), [size / 2**30 for size in sizes.values()])
    pyplot.xlabel("weights [GiB]")
    pyplot.show()
    print(weights_scenes.stored_weights(model=model, weights=weights).said)


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
