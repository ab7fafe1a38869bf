"""The line of Python that gives a result, so that whoever sees a picture or a table can go on from it."""

from collections.abc import Sequence

from memcalc.catalogue import names
from memcalc.estimate.inference import resolved
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training


def code(model: Model | NominalModel, run: Inference | Training, term: str = "", shown: Sequence[str] = ()) -> str:
    """Return the line of Python that gives the memory of a run, or of one term of it.

    Parameters
    ----------
    model : of the catalogue, a size, or one of a config.json; if some fields were changed, the line says which
    run : its fields stand in the line unless they are as usual
    term : a name in `breakdown`, or "total"; without it, the whole breakdown
    shown : fields of the run that stand in the line even if they are as usual

    >>> code(Model.named("LLaMA-7B"), Inference(context=4096, weights="INT8"), "kv_cache")
    "breakdown(Model.named('LLaMA-7B'), Inference(context=4096, weights='INT8'))['kv_cache']"
    """
    question, place = ("total", "") if term == "total" else ("breakdown", f"[{term!r}]" if term else "")
    return f"{question}({arguments(model, run, shown)}){place}"


def arguments(model: Model | NominalModel, run: Inference | Training, shown: Sequence[str] = ()) -> str:
    """Return a model and a run as the arguments of a question.

    >>> arguments(Model.named("LLaMA-7B"), Inference(context=4096))
    "Model.named('LLaMA-7B'), Inference(context=4096)"
    """
    usual = type(run)()
    if getattr(model, "stored", None) is None:  # then "auto" is the usual format by another name
        run, usual = resolved(model, run), resolved(model, usual)
    return f"{_model(model)}, {type(run).__name__}({_changes(run, usual, shown)})"


def _model(model: Model | NominalModel) -> str:
    if isinstance(model, NominalModel):
        return f"Model.nominal({model.parameters})"
    if model.file_weights:
        return f"Model.from_checkpoint({model.name!r})"
    if model.name not in names("models"):
        return "Model.from_config('config.json')"
    named = f"Model.named({model.name!r})"
    changes = _changes(model, Model.named(model.name))
    return f"replace({named}, {changes})" if changes else named


def _changes(spec: Model | Inference | Training, usual: Model | Inference | Training, shown: Sequence[str] = ()) -> str:
    """Return the fields of a spec that are not as usual or to be shown, as arguments."""
    pairs = ((name, getattr(spec, name), getattr(usual, name)) for name in spec.declared)
    return ", ".join(f"{name}={value!r}" for name, value, default in pairs if value != default or name in shown)
