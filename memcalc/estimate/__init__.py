"""Which terms a run has, and what follows: bytes, verdicts, inverse questions, bounds of speed, advice."""

from memcalc.estimate.questions import Fit, breakdown, crossing, fewest_gpus, fits, largest, total
from memcalc.estimate.terms import terms, values

__all__ = ["Fit", "breakdown", "crossing", "fewest_gpus", "fits", "largest", "terms", "total", "values"]
