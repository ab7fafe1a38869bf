"""The GPU memory formula: symbolic, shown, solved, checked and taught."""

from memcalc.accounting import values
from memcalc.errors import InputError
from memcalc.evaluate import Fit, breakdown, crossing, fewest_gpus, fits, largest, total
from memcalc.formula import TERMS
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.runs import Inference
from memcalc.training import Training

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
    "fewest_gpus",
    "fits",
    "largest",
    "total",
    "values",
]
