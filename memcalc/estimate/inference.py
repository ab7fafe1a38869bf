"""A run that generates text: its terms from top to bottom, and what decides each of them.

What few runs ask for is imported where it is asked for, because SymPy takes time to build it.
"""

from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from memcalc import catalogue
from memcalc.checkpoints import Stack
from memcalc.errors import InputError, must
from memcalc.estimate.degrees import check_degrees
from memcalc.formula.choices import End, Family, Kept, WindowCache
from memcalc.formula.formats import Format, Other, whole_blocks
from memcalc.formula.kv_cache import L_full, L_win, W, kv_cache, of_every_head, with_residual, with_whole_rope
from memcalc.formula.lineage import lineage
from memcalc.formula.overhead import inference_overhead
from memcalc.formula.parallelism import on_one_card, tensor_on_one_card
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.tensors import Tensor, present
from memcalc.formula.term import Term, Values
from memcalc.formula.weights import weights
from memcalc.specs.engines import departures
from memcalc.specs.inference import ALL, AUTO, OFFLOAD, USUAL, Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.stored import Stored, published
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel
from memcalc.texts import later, tr

AnyModel = Model | NominalModel | WeighedModel
"""What a question can be asked of."""


def terms(model: AnyModel, run: Inference) -> tuple[Term, ...]:
    """Return the terms of a run that generates text, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.nominal(7 * 10**9), Inference(overhead="low"))]
    ['weights', 'overhead']
    """
    run = resolved(model, run)
    parts = list(held_in("gpu", model, run))
    if run.prefill != "none":
        from memcalc.estimate.prefill import prefill

        parts.append(prefill(model, run))
    if run.overhead != End.NONE:
        parts.append(inference_overhead)
    return tuple(parts)


def held_in(place: str, model: AnyModel, run: Inference) -> tuple[Term, ...]:
    """Return the terms for the model and its cache, as they lie in a place: "gpu" or "cpu".

    Parameters
    ----------
    run : with formats that are known

    >>> held_in("cpu", Model.named("LLaMA-7B"), Inference(weights="Q4_0", kv_cache="FP16", engine="llama.cpp"))
    (M_w = M_cpu, M_kv = 0)
    """
    weights, *cache = _weights_and_cache(model, run)
    parts = (weights, *_beside(model, run), *_adapters(model, run), *cache, *_draft_cache(run))
    if not run.off_card or isinstance(model, NominalModel):
        return parts if place == "gpu" else ()
    from memcalc.estimate.placement import Placed

    windows = window_values(model, run) if isinstance(model, Model) else {}
    return tuple(map(Placed(place, model, run, stack_in(model, run), windows).term, parts))


def _weights_and_cache(model: AnyModel, run: Inference) -> list[Term]:
    if isinstance(model, WeighedModel):
        return _of_unknown(model, run)
    return [_of_a_size(run)] if isinstance(model, NominalModel) else [_weights(model, run), _cache(model, run)]


def placed_values(model: AnyModel, run: Inference) -> Values:
    """Return what is known of the weights layer by layer alone: what lies in CPU memory, or on one of several cards."""
    if run.weights == AUTO and isinstance(model, Model) and _in_stages(model, run):
        from memcalc.estimate.placement import fullest_stage

        return {symbol("stage_weights"): fullest_stage(model.stack, run.pipeline_parallel)}
    if not run.off_card or isinstance(model, NominalModel):
        return {}
    from memcalc.estimate.placement import weights

    held = weights(model, run, stack_in(model, run))
    return {symbol("cpu_weights"): held["cpu"], symbol("copied_weights"): held["copied"]}


def _in_stages(model: Model, run: Inference) -> bool:
    """Return whether cards divide the layers of a model, of which its files tell what each takes."""
    return run.pipeline_parallel > 1 == max(run.tensor_parallel, run.expert_parallel) and model.stack is not None


def stack_in(model: AnyModel, run: Inference) -> Stack:
    """Return what the model stores, layer by layer, in the formats of a run that are known."""
    from memcalc.estimate.placement import stack

    return stack(model, run, None if run.weights == AUTO else format_in(model, run.weights))


AnyRun = TypeVar("AnyRun", Inference, Training)


def resolved(model: AnyModel, run: AnyRun) -> AnyRun:
    """Return the run with the formats that the file of the model says, where the run leaves them to it.

    Raises InputError if that file has a format that is not known.

    >>> resolved(Model.named("LLaMA-7B"), Inference(kv_cache="FP8")).weights
    'FP16'
    """
    left_open = isinstance(run, Inference) and AUTO in (run.weights, run.kv_cache)
    return _resolved(_own(model), _in_files(model), run) if left_open else run


def as_published(model: AnyModel, run: AnyRun) -> AnyRun:
    """Return the run in the format in which its maker publishes a model, where it names none and its engine has that.

    For an engine that reads files of its own alone, it is the format that comes nearest.

    >>> as_published(Model.named("gpt-oss-20b"), Inference()).weights
    'MXFP4'
    >>> as_published(Model.named("DeepSeek-R1"), Inference(engine="llama.cpp")).weights
    'Q8_0'
    """
    publishes = getattr(model, "published", "")
    if not isinstance(run, Inference) or run.weights != AUTO or not publishes or _own(model) is not None:
        return run
    had = run.reserving.has_format("weights", publishes)
    return replace(run, weights=publishes if had else run.reserving.converted(publishes) or AUTO)


@lru_cache(maxsize=1024)
def _resolved(stored: Stored | None, in_files: bool, run: Inference) -> Inference:
    weights, kv_cache = (stored.weights, stored.cache) if stored else ("", "")
    if run.weights == AUTO and stored and stored.problem and not in_files:
        raise InputError(stored.problem)
    said = {"weights": weights or USUAL, "kv_cache": kv_cache or USUAL}
    if in_files:
        del said["weights"]  # they take what they take
    try:
        return replace(run, **{field: form for field, form in said.items() if getattr(run, field) == AUTO})
    except InputError as problem:  # a format that the engine does not have
        raise InputError(f"{problem} It is what the file of the model says.") from None


def _in_files(model: AnyModel) -> bool:
    """Return whether the bytes of the weights are known from the headers of files."""
    return getattr(model, "file_weights", 0) > 0


def taken(model: AnyModel, run: Inference) -> str:
    """Return what was taken from the file of the model, in sentences; "" if the run takes nothing from it."""
    stored, publishes = _own(model), getattr(model, "published", "")
    if run.weights != AUTO and (kept := _kept_blocks(model, run.weights)) and kept not in run.weights:
        said = _KEEP_EXPERTS if model.moe_layers else _KEEP_MLPS
        return tr(said, weights=run.weights, model=model.name, kept=kept)
    if publishes and stored is None and run.weights in (AUTO, publishes, run.reserving.converted(publishes)):
        return _of_published(model, run)
    if _in_files(model) and run.weights == AUTO:
        unknown = getattr(model, "unknown", "")
        whole = tr(" Every layer is counted with the whole context: {why}", why=unknown) if unknown else ""
        asked = run.kv_cache == AUTO and stored is not None and stored.cache
        cache = tr(" The cache is in {cache}, as config.json says.", cache=stored.cache) if asked else ""
        return tr("The weights take what the headers of their files say.") + cache + whole
    if stored is None or AUTO not in (run.weights, run.kv_cache):
        return ""
    if resolved(model, run).weights != stored.weights:
        return stored.sentence
    from memcalc.specs.kept import in_model

    return " ".join(filter(None, (stored.sentence, in_model(stored, model).sentence)))


def _of_published(model: Model, run: Inference) -> str:
    """Say whether a run counts a model as its maker publishes it."""
    if run.weights == model.published:
        return published(model.published).sentence
    of = {"model": model.name, "published": model.published, "engine": run.engine}
    if run.weights != AUTO:
        return tr(_NEAREST, weights=run.weights, **of)
    said = _COUNTS_THAT if run.reserving.has_format("weights", model.published) else _HAS_NOT_THAT
    return tr(said, usual=USUAL, **of)


_KEEP_EXPERTS = later(
    "{weights} files of {model} keep its experts in {kept}, as its maker stores them, because llama.cpp quantizes "
    "nothing a second time unless it is told to."
)
_KEEP_MLPS = later(
    "{weights} files of {model} keep its MLPs in {kept}, as its maker stores them, because llama.cpp quantizes nothing "
    "a second time unless it is told to."
)
_COUNTS_THAT = later("Counted in {usual}; {model} is published in {published}, and weights={published} counts that.")
_HAS_NOT_THAT = later("Counted in {usual}; {model} is published in {published}, which {engine} does not have.")
_NEAREST = later("{model} is published in {published}; {weights} is what {engine} has that comes nearest.")


def _own(model: AnyModel) -> Stored | None:
    return getattr(model, "stored", None)


def _stored(model: AnyModel) -> Stored | None:
    """Return what the file of a model says of its format; of a model without one, how its maker publishes it."""
    own, publishes = _own(model), getattr(model, "published", "")
    return published(publishes) if publishes and own is None else own


def departed(model: Model, run: Inference) -> frozenset[Kept]:
    """Return what the engine of a run keeps otherwise than the model needs.

    >>> [*departed(Model.named("Falcon-40B"), Inference(engine="transformers"))]
    ['every head']
    """
    return frozenset(one.keeps for one in departures(model.family) if one.engine == run.reserving.kind)


def window_values(model: Model, run: Inference) -> Values:
    """Say how many layers keep the whole context, and how many of the newest tokens the others keep.

    Source: xiao2023streamingllm, for sinks and recent tokens.
    """
    if run.recent and (model.window_layers or model.latent_layers or not model.full_layers):
        other = "whose attention is latent" if model.latent_layers else "which has no attention"
        why = "which has a window of its own" if model.window_layers else other
        raise InputError(f"recent must be 0 for {model.name}, {why}, not {run.recent:,}.")
    if run.recent:
        return {L_full: 0, L_win: model.full_layers, W: run.sinks + run.recent}
    whole = run.window == WindowCache.FULL or Kept.WHOLE_CONTEXT in departed(model, run)
    if whole and model.structure.own:
        return {W: BY_NAME["window"].limit}
    if whole:  # a window that nobody makes use of
        return {L_full: model.full_layers + model.window_layers, L_win: 0}
    return {}


def _of_a_size(run: Inference) -> Term:
    """Return the weights of a size without architecture, at the bits of most matrices of their format."""
    run.refuse_without_architecture(prefill="none", **{field: getattr(Inference, field) for field in OFFLOAD})
    if run.plain:
        return weights
    of_most = "every weight at the bits of most matrices, though embeddings and some matrices keep more"
    return replace(weights, meaning="Every parameter is held once, at the bytes that most of them have.", holds=of_most)


def _of_unknown(model: WeighedModel, run: Inference) -> list[Term]:
    """Return the terms of a model whose architecture is not known: its weights, and its cache if the files tell it."""
    from memcalc.formula.in_files import file_weights, told_cache

    what = "a model of unknown architecture"
    run.refuse_without_architecture(what, weights=AUTO, prefill="none", recent=0)
    run.reserving.check_files(model.file_kind)
    if run.cache_formats[0].residual:
        raise InputError(f"kv_cache must not be {run.kv_cache} for {what}.")
    return [file_weights] if model.untold else [file_weights, told_cache]


def _beside(model: AnyModel, run: Inference) -> list[Term]:
    """Return the terms of a draft model, and of what files hold beside theirs, as far as the engine loads it."""
    if not run.drafted and not any(getattr(model, part, 0) for part in _PARTS):
        return []
    from memcalc.formula.in_files import draft, draft_model, towers

    terms = {"towers": (towers, _PARTS[:-1]), "draft": (draft, _PARTS[-1:])}
    held = [name for name, (_, parts) in terms.items() if any(getattr(model, part, 0) for part in parts)]
    found = [terms[name][0] for name in held if getattr(run, name)]
    if draft in found and run.drafted:
        raise InputError("draft must be False with a draft_model, for the files have draft layers of their own.")
    return [*found, draft_model] if run.drafted else found


def _draft_cache(run: Inference) -> list[Term]:
    if not run.drafted:
        return []
    from memcalc.formula.in_files import draft_cache

    return [draft_cache]


def _adapters(model: AnyModel, run: Inference) -> list[Term]:
    """Return the term of the adapters; InputError for a model of which it is not known where they would be."""
    if not run.loras:
        return []
    if not isinstance(model, Model):
        raise must("loras", "0 for a model whose matrices are not known", f"{run.loras:,}")
    if model.experts and run.reserving.kind == "vLLM":
        raise must("loras", "0 for experts in vLLM, whose room for adapters is not counted", f"{run.loras:,}")
    if run.off_card and run.gpu_layers != ALL:
        raise must("loras", "0 with layers in CPU memory, with which their adapters lie", f"{run.loras:,}")
    from memcalc.formula.lora import adapters_beside

    return [adapters_beside(model.structure, run.lora_targets, run.divided)]


_PARTS = ("file_vision", "file_audio", "file_speech", "file_projector", "file_draft")


def _weights(model: Model, run: Inference) -> Term:
    check_degrees(model, run)
    if run.weights == AUTO and _in_files(model):
        run.reserving.check_files(model.file_kind)
        if run.divided and _in_stages(model, run):
            from memcalc.formula.in_files import stage_weights

            return stage_weights
        if run.divided:
            such = "'Q4_K_M'" if model.file_kind == "GGUF" else "'BF16'"
            why = "for what each card holds of its files is known of whole layers alone (pipeline_parallel)"
            raise InputError(f"weights must be named with more than one card, such as {such}, {why}.")
        from memcalc.formula.in_files import file_weights

        return file_weights
    form = format_in(model, run.weights)
    if form.family == Family.PLAIN and not form.others:
        return on_one_card(in_structure(weights, model.structure)) if run.divided else weights
    return stored_weights(model, form, run.divided)


def format_in(model: Model, name: str) -> Format:
    """Return the format of this name, with what the file of the model says of single tensors if it is that file's."""
    stored = _stored(model)
    if stored is None or stored.weights != name:
        form, kept = _of_family(Format.named(name), model.family), _kept_blocks(model, name)
        return _keeping(form, kept, present(model.structure, model.absent)) if kept else form
    from memcalc.specs.kept import in_model

    return in_model(stored, model).form


@lru_cache(maxsize=256)
def _of_family(form: Format, family: str) -> Format:
    """Return a mix as it is for a family, for some of which llama.cpp has rules of their own."""
    if form.family != Family.GGUF:
        return form
    from memcalc.formula.quantization import own_rules

    return replace(form, architecture=next((one for one in lineage(family) if one in own_rules()), ""))


def _kept_blocks(model: AnyModel, name: str) -> str:
    """Return the format of the model's own files if llama.cpp has blocks of it, which a file of a mix keeps; else "".

    Source: ggml2026llama, conversion/gpt_oss.py and src/llama-quant.cpp: "requantizing from type mxfp4 is disabled".
    """
    stored = _stored(model)
    own = stored.weights if stored else ""
    blocks = own in catalogue.names("ggml_types") and Format.named(own).family == Family.GROUPS
    return own if blocks and Format.named(name).family == Family.GGUF else ""


@lru_cache(maxsize=256)
def _keeping(form: Format, kept: str, tensors: tuple[Tensor, ...]) -> Format:
    """Return a mix of which some tensors stay in the format that the model's own files have for them."""
    from memcalc.formula.quantization import shrinks

    own = Format.named(kept)
    places = {(tensor.group, tensor.name): None for tensor in tensors if shrinks(tensor, own)}
    return replace(form, others=tuple(Other(group, name, None, kept) for group, name in places))


def stored_weights(model: Model, form: str | Format, divided: bool) -> Term:
    """Return the term for weights with scales or in blocks, whole or `divided` between cards."""
    from memcalc.formula.quantization import weights_in

    tensors = present(model.structure, model.absent)
    return weights_in(form, tuple(map(tensor_on_one_card, tensors)) if divided else tensors)


def _cache(model: Model, run: Inference) -> Term:
    keys, values = run.cache_formats
    if keys.cache == "latent":
        if not model.latent_layers or keys != values:
            raise InputError(f"kv_cache must not be {run.kv_cache} for {model.name}, whose attention is not latent.")
        return on_one_card(with_whole_rope()) if run.divided else with_whole_rope()
    numbers = {
        "head_dim": model.head_dim if model.full_layers + model.window_layers else 0,
        "kv_rank + rope_dim": model.kv_rank + model.rope_dim if model.latent_layers else 0,
    }
    for name, count in numbers.items():
        for form in (keys, values):
            if not whole_blocks(count, form):
                raise InputError(f"kv_cache must have blocks that divide {name} = {count:,}, unlike {form.name}.")
    if keys.residual and model.structure.own:
        raise InputError(f"kv_cache must not be {keys.name} for {model.name}, whose window layers have other heads.")
    term = with_residual(keys.residual) if keys.residual else in_structure(kv_cache, model.structure)
    if Kept.EVERY_HEAD in departed(model, run) and model.kv_heads > 1:  # a single one is kept as it is
        term = of_every_head(term)
    return on_one_card(term) if run.divided else term
