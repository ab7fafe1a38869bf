"""The exercises of the notebooks: every expected value is computed by the formula, and so are the known mistakes."""

from memcalc.lessons.check import EXERCISES, check, compare

__all__ = ["EXERCISES", "check", "compare"]
