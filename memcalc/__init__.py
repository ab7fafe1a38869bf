"""The GPU memory formula: symbolic, shown, solved, checked and taught."""

from importlib import import_module

from memcalc.errors import InputError
from memcalc.estimate.offload import places, smallest
from memcalc.estimate.questions import Fit, breakdown, crossing, fewest_gpus, fits, largest, total
from memcalc.estimate.split import fair_split, on_cards
from memcalc.estimate.terms import values
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
    "Training",
    "breakdown",
    "crossing",
    "fair_split",
    "fewest_gpus",
    "fits",
    "largest",
    "on_cards",
    "places",
    "smallest",
    "symbol",
    "symbols",
    "total",
    "values",
]

_LATER = {"check": "lessons", "compare": "lessons"} | dict.fromkeys(("explorers", "plots", "tables", "validation"))
"""What shows and teaches → the package that has it, if it is no module itself: loaded when first asked for."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"memcalc.{_LATER[name] or name}")
    return getattr(home, name) if _LATER[name] else home


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
