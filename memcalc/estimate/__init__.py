"""Which terms a run has, and what follows: bytes, verdicts, inverse questions, bounds of speed, advice."""

from memcalc.estimate.engine import Pool, pool
from memcalc.estimate.questions import Fit, crossing, fewest_gpus, fits, largest
from memcalc.estimate.terms import breakdown, terms, total, values

__all__ = [
    "Fit",
    "Pool",
    "breakdown",
    "crossing",
    "fewest_gpus",
    "fits",
    "largest",
    "pool",
    "terms",
    "total",
    "values",
]
