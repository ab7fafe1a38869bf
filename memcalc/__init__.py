"""The GPU memory formula: symbolic, shown, solved, checked and taught."""

from importlib import import_module
from typing import TYPE_CHECKING

from memcalc.errors import InputError

if TYPE_CHECKING:
    from memcalc.catalogue import language
    from memcalc.estimate.beside import Together, parts_of, together
    from memcalc.estimate.engine import Pool, pool
    from memcalc.estimate.offload import places, smallest
    from memcalc.estimate.part import Part
    from memcalc.estimate.peak import Peak, peak
    from memcalc.estimate.questions import Fit, crossing, fewest_gpus, fits, largest
    from memcalc.estimate.split import fair_split, on_cards
    from memcalc.estimate.terms import breakdown, total, values
    from memcalc.estimate.training_time import TrainingTime, training_time
    from memcalc.formula import TERMS
    from memcalc.formula.symbols import symbol, symbols
    from memcalc.specs.gpu import Gpu
    from memcalc.specs.inference import Inference
    from memcalc.specs.model import Model
    from memcalc.specs.training import Training

__version__ = "0.1.0"

__all__ = [
    "TERMS",
    "Fit",
    "Gpu",
    "Inference",
    "InputError",
    "Model",
    "Part",
    "Peak",
    "Pool",
    "Together",
    "Training",
    "TrainingTime",
    "breakdown",
    "crossing",
    "fair_split",
    "fewest_gpus",
    "fits",
    "language",
    "largest",
    "on_cards",
    "parts_of",
    "peak",
    "places",
    "pool",
    "smallest",
    "symbol",
    "symbols",
    "together",
    "total",
    "training_time",
    "values",
]

_HOMES = {
    "estimate.beside": ("Together", "parts_of", "together"),
    "estimate.engine": ("Pool", "pool"),
    "estimate.offload": ("places", "smallest"),
    "estimate.part": ("Part",),
    "estimate.peak": ("Peak", "peak"),
    "estimate.split": ("fair_split", "on_cards"),
    "estimate.questions": ("Fit", "crossing", "fewest_gpus", "fits", "largest"),
    "estimate.terms": ("breakdown", "total", "values"),
    "estimate.training_time": ("TrainingTime", "training_time"),
    "formula": ("TERMS",),
    "formula.symbols": ("symbol", "symbols"),
    "specs.gpu": ("Gpu",),
    "specs.inference": ("Inference",),
    "specs.model": ("Model",),
    "specs.training": ("Training",),
    "catalogue": ("language",),
    "lessons": (
        *("brief", "check", "compare", "exercise", "export", "guess_again", "predict", "progress", "questions"),
        *("take_home", "then_and_now"),
    ),
}
"""Module → the names that it has: loaded when first asked for, because SymPy is slow, and not everything needs it."""

_LATER = {name: home for home, names in _HOMES.items() for name in names} | dict.fromkeys(
    ("estimate", "explorers", "formula", "plots", "specs", "tables", "validation"), ""
)
"""Each name → the module that has it, if it is no package or module itself."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"memcalc.{_LATER[name] or name}")
    found = globals()[name] = getattr(home, name) if _LATER[name] else home
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
