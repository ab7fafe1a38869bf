"""The graph that llama.cpp computes for a model and a run, as far as it decides what lies in the engine's buffer."""

from collections.abc import Iterator, Mapping

from memcalc import catalogue
from memcalc.errors import InputError, must
from memcalc.formula.choices import Attention, Kept, WindowCache
from memcalc.formula.formats import Format
from memcalc.formula.llama_cpp import Graph, Layer
from memcalc.specs.engines import departures
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

_TURNED = 64
"""Numbers that the engine rotates together at least, before it quantizes them."""

_OF_SIZES = {"query_latent": lambda model: model.query_rank > 0, "two_norms": lambda model: model.layer_norms == 2}
"""Facts that sizes of a model decide."""

_OTHERS = {
    "shared_intermediate": "shared experts",
    "expert_hidden": "experts of another width than the layer",
    "parallel_layers": "layers of two kinds at once",
}


def graph(model: Model, run: Inference) -> Graph:
    """Return what the engine computes of a micro-batch.

    How DeepSeek-V2 and V3 choose groups of experts is left out, which takes less than what attention had before.
    Raises InputError for a family whose graph nobody has read, and for a cache that the engine does not have.

    >>> graph(Model.named("Gemma-2-9B"), Inference(engine="llama.cpp")).layers[:2]
    (Layer(sight='window', block='mlp'), Layer(sight='full', block='mlp'))
    """
    row, fused = _row(model), run.attention != Attention.EAGER
    only_16_bit = "cache_of_16_bit" in row["facts"].split()
    period = int(row["period"] or 1) if model.window_layers else 1
    facts = {"flash" if fused else "eager", *row["facts"].split(), *_of_cache(model, run, fused, only_16_bit)}
    facts |= {fact for fact, has in _OF_SIZES.items() if has(model)} | ({"windows"} if period > 1 else set())
    facts |= {"whole_windows"} if run.window == WindowCache.FULL else set()
    facts |= {"shared"} if run.reserving.shared or run.batch == 1 else set()
    return Graph(frozenset(facts), tuple(_layers(model, period)))


def measured_kinds(model: Model) -> tuple[str, ...]:
    """Return the kinds of layers beside full attention and an MLP that the graph of a family has been measured with.

    >>> measured_kinds(Model.named("Mixtral-8x7B")), measured_kinds(Model.named("DeepSeek-V2-Lite"))
    (('moe_layers',), ('moe_layers', 'latent_layers'))
    """
    facts = next((row["facts"] for row in catalogue.rows("engine_graphs") if row["family"] == model.family), "")
    return ("moe_layers", "latent_layers") if "latent" in facts.split() else ("moe_layers",)


def _row(model: Model) -> Mapping[str, str]:
    rows = {row["family"]: row for row in catalogue.rows("engine_graphs")}
    if model.family not in rows:
        known = ", ".join(rows)
        raise InputError(
            f"prefill must be 'none' for {model.name} on llama.cpp: nobody has measured the graph of its family, "
            f"{model.family!r}, unlike that of {known}."
        )
    row = rows[model.family]
    whole = any(one.engine == "llama.cpp" and one.keeps == Kept.WHOLE_CONTEXT for one in departures(model.family))
    known = {"shared_intermediate"} if "shared_mlp" in row["facts"].split() else set()
    others = [words for field, words in _OTHERS.items() if getattr(model, field) and field not in known]
    others += ["windows"] if model.window_layers and not (row["period"] or whole) else []
    others += ["heads of their own in window layers"] if model.structure.own else []
    if others:
        raise InputError(f"prefill must be 'none' for {model.name} on llama.cpp: nobody has measured {others[0]}.")
    return row


def _layers(model: Model, period: int) -> Iterator[Layer]:
    """Yield the layers: the last of each period looks at the whole context; MLPs stand before experts."""
    for index in range(model.layers):
        sight = "full" if (index + 1) % period == 0 else "window"
        yield Layer(sight, "mlp" if index < model.layers - model.moe_layers else "experts")


def _of_cache(model: Model, run: Inference, fused: bool, only_16_bit: bool) -> Iterator[str]:
    """Yield what the formats of keys and values bring with them."""
    keys, values = run.cache_formats
    if only_16_bit and {keys.name, values.name} - {"FP16", "BF16"}:
        what = "latents" if model.latent_layers else "cache"
        formats = f"FP16 or BF16 with a prefill for {model.name} on llama.cpp, whose {what} nobody measured otherwise"
        raise must("kv_cache", formats, repr(run.kv_cache))
    if not fused and _quantized(values):
        raise InputError(
            f"attention must not be 'eager' with values in {values.name}: llama.cpp reads quantized values in flash "
            "attention alone."
        )
    for name, form in (("keys", keys), ("values", values)):
        if _quantized(form) and model.head_dim % _TURNED == 0:
            yield f"turned_{name}"
        if form.name == "FP32":
            yield f"{name}_of_32_bit"
    yield f"turned_by_{model.head_dim & -model.head_dim}"


def _quantized(form: Format) -> bool:
    return form.name not in ("FP32", "BF16", "FP16")
