"""The explorers, as tests open them."""

from memcalc import explorers

EXPLORERS = [getattr(explorers, name) for name in explorers.__all__]
"""All of them, in the order of the lessons."""
