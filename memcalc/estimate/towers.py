"""Towers that see or hear, beside a language model that is trained: what is known of them, and what is not."""

from dataclasses import replace

from memcalc.formula import in_files
from memcalc.formula.sharding import N_d
from memcalc.formula.term import Term
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.texts import both, tr

_IN_FILES = ("file_vision", "file_audio", "file_speech", "file_projector")


def terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    """Return the term for the weights of towers, where the files of a model tell them; they are not trained.

    >>> terms(Model.named("Gemma-3-4B"), Training())
    ()
    """
    if not _in_files(model):
        return ()
    shared = in_files.towers.expr / N_d if run.stage == 3 else in_files.towers.expr
    holds = "towers that are frozen, in the format of their files; a trained one has gradients and states too"
    return (replace(in_files.towers, expr=shared, holds=holds),)


def unknown(model: Model | NominalModel) -> list[str]:
    """Return what of a model's files is not counted in training, in words.

    >>> unknown(Model.named("Llama-3.1-8B"))
    []
    """
    kept = tr("what towers keep of pictures and sound, and their states if they are trained")
    left = getattr(model, "ignored", ())
    read = tr("what {keys} of the file stands for", keys=both(left))
    return [*([kept] if _in_files(model) else []), *([read] if left else [])]


def _in_files(model: Model | NominalModel) -> bool:
    return any(getattr(model, part, 0) for part in _IN_FILES)
