"""The exercises of the notebooks: every expected value is computed by the formula, and so are the known mistakes."""

from __future__ import annotations

from memcalc.lessons import lesson0, lesson1, lesson2, lesson3, lesson4, lesson5, lesson6, lesson7, lesson8
from memcalc.lessons.exercise import Exercise

_LESSONS = (lesson0, lesson1, lesson2, lesson3, lesson4, lesson5, lesson6, lesson7, lesson8)

EXERCISES: dict[str, Exercise] = {
    number: exercise for lesson in _LESSONS for number, exercise in lesson.EXERCISES.items()
}
"""Number → exercise; the first digit is the notebook."""
