"""What all questions of a lesson are as widgets, and how what is said of an answer becomes the words of a card."""

import anywidget
import ipywidgets
from traitlets import Dict

from memcalc.explorers.page import spoken
from memcalc.explorers.words import plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.lessons.check import Feedback
from memcalc.lessons.page import style
from memcalc.lessons.task import Task
from memcalc.texts import tr


class Question(anywidget.AnyWidget):
    """A question with what is said of its answer; `question` is what the page must know of it."""

    _css = style()

    question = Dict(help="its name and words").tag(sync=True)
    told = Dict(help="what is said of the answer").tag(sync=True)

    def __init__(self, name: str, task: Task, **more: object):
        self.task = task
        colours = {of: entry.colour for of, entry in SUMMANDS.items()}
        said = {"says": words(tr(task.says)), "asks": words(tr(task.asks))}
        super().__init__(question={"name": name, "colours": colours, "texts": spoken(self._esm), **said, **more})
        self.on_msg(self._take)

    def __repr__(self) -> str:
        said = " ".join(filter(None, (plain(self.question[part]) for part in ("says", "asks"))))
        return f"{self.question['name']}: {said}".removesuffix(": ")

    def _take(self, _widget: object, said: dict, _buffers: object) -> None:
        try:
            self._hear(said)
        except Exception as fault:  # the page would show nothing of it
            self.told = {"problem": fault_of_ours(fault)}
            raise


def fault_of_ours(fault: Exception) -> str:
    """Say that a program failed where nobody did anything wrong."""
    return tr("A fault of memcalc, not of yours: {fault}.", fault=f"{type(fault).__name__}: {fault}")


class Printed(ipywidgets.VBox):
    """A box that is in print what its `repr` says, whole."""

    def _repr_mimebundle_(self, **how: object) -> dict[str, object]:
        return {**super()._repr_mimebundle_(**how), "text/plain": repr(self)}  # which a box would cut


def parted(feedback: Feedback) -> tuple[str, str]:
    """Return what is said of an answer in two parts: how it is, and why."""
    if feedback.kind == "unread":
        return tr("I cannot read that."), sentence(feedback.sentence)
    head, _, why = feedback.sentence.partition(": ")
    if feedback.right or not why:
        return feedback.sentence, ""
    return tr("{head}, but I know this one.", head=head) if feedback.kind == "known" else f"{head}.", sentence(why)


def sentence(text: str) -> str:
    """Return a text with a capital letter."""
    return text[:1].upper() + text[1:]


def noted(*problems: str) -> list[str]:
    """Return problems as a line of a card; none if there are none."""
    return [" ".join(filter(None, problems))] if any(problems) else []
