"""What all questions of a lesson are as widgets, and how what is said of an answer becomes the words of a card."""

import anywidget
import ipywidgets
from traitlets import Dict

from memcalc.explorers.words import plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.lessons.check import Feedback
from memcalc.lessons.page import style
from memcalc.lessons.task import Task


class Question(anywidget.AnyWidget):
    """A question with what is said of its answer; `question` is what the page must know of it."""

    _css = style()

    question = Dict(help="its name and words").tag(sync=True)
    told = Dict(help="what is said of the answer").tag(sync=True)

    def __init__(self, name: str, task: Task, **more: object):
        self.task = task
        colours = {of: entry.colour for of, entry in SUMMANDS.items()}
        said = {"says": words(task.says), "asks": words(task.asks)}
        super().__init__(question={"name": name, "colours": colours, **said, **more})
        self.on_msg(self._take)

    def __repr__(self) -> str:
        said = " ".join(filter(None, (plain(self.question[part]) for part in ("says", "asks"))))
        return f"{self.question['name']}: {said}".removesuffix(": ")

    def _take(self, _widget: object, said: dict, _buffers: object) -> None:
        try:
            self._hear(said)
        except Exception as fault:  # the page would show nothing of it
            self.told = {"problem": f"A fault of memcalc, not of yours: {type(fault).__name__}: {fault}."}
            raise


class Printed(ipywidgets.VBox):
    """A box that is in print what its `repr` says, whole."""

    def _repr_mimebundle_(self, **how: object) -> dict[str, object]:
        return {**super()._repr_mimebundle_(**how), "text/plain": repr(self)}  # which a box would cut


def parted(feedback: Feedback) -> tuple[str, str]:
    """Return what is said of an answer in two parts: how it is, and why."""
    if feedback.kind == "unread":
        return "I cannot read that.", sentence(feedback.sentence)
    head, _, why = feedback.sentence.partition(": ")
    if feedback.right or not why:
        return feedback.sentence, ""
    return f"{head}, but I know this one." if feedback.kind == "known" else f"{head}.", sentence(why)


def sentence(text: str) -> str:
    """Return a text with a capital letter."""
    return text[:1].upper() + text[1:]


def noted(*problems: str) -> list[str]:
    """Return problems as a line of a card; none if there are none."""
    return [" ".join(filter(None, problems))] if any(problems) else []
