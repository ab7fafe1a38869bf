"""What the lessons ask: guesses and exercises, whose answers and known mistakes the formula computes; what is done."""

from memcalc.lessons.check import EXERCISES, GUESSES, check, compare
from memcalc.lessons.progress import progress

__all__ = ["EXERCISES", "GUESSES", "check", "compare", "progress"]
