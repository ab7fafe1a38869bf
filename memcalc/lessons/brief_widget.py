"""The brief in Jupyter: a person is chosen once and asks one question in each lesson; its picture opens on demand."""

from collections.abc import Callable, Mapping

from traitlets import Unicode

from memcalc import explorers
from memcalc.errors import choice, whole
from memcalc.explorers.plan import ADAPTERS, RECOMPUTE, SHARED
from memcalc.explorers.widget import Explorer
from memcalc.lessons.briefs import BRIEFS, LESSONS, Brief, question
from memcalc.lessons.page import script
from memcalc.lessons.progress import progress
from memcalc.lessons.question import Printed, Question, noted
from memcalc.lessons.record import chosen_brief, remember
from memcalc.lessons.task import Task
from memcalc.lessons.widgets import Answered
from memcalc.texts import later, tr

_ASKS = later("One brief runs through all lessons. Whose questions would you like to answer?")
_CHANGED = later("You can choose another at any time; what you have answered stays.")


class Chooser(Question):
    """The choice of a brief, which is kept."""

    _esm = script("brief")

    chosen = Unicode(help="the name of the brief; empty before one is chosen")

    def __init__(self):
        offered = [
            {"brief": brief} | {name: tr(Brief.named(brief).row[name]) for name in ("title", "who")} for brief in BRIEFS
        ]
        super().__init__(tr("Your brief"), Task("", tuple, asks=_ASKS), briefs=offered)
        self.chosen = chosen_brief()
        self._tell("")

    def choose(self, brief: str) -> None:
        """Choose a brief; raise InputError for an unknown one."""
        self.chosen = choice("brief", brief, BRIEFS)
        self._tell(remember("choices", "brief", brief, True))

    def _tell(self, problem: str) -> None:
        said = f"{tr(Brief.named(self.chosen).row['who'])} {tr(_CHANGED)}" if self.chosen else ""
        self.told = {"chosen": self.chosen, "said": said, "note": noted(problem)}

    def _hear(self, said: Mapping[str, object]) -> None:
        self.choose(str(said.get("choose", "")))


class Asked(Answered):
    """What the chosen brief asks in a lesson."""

    def __init__(self, number: str, hear: Callable[[str], None]):
        name, _, lesson = number.partition(".")
        self._passed_on = hear
        also = [["picture", tr("try it in the picture")], ["other", tr("choose another brief")]]
        said = later("{brief}, your brief: lesson {lesson}")
        title = tr(said, brief=tr(Brief.named(name).row["title"]), lesson=lesson)
        called = tr("Brief of lesson {lesson}", lesson=lesson)
        super().__init__("briefs", number, called, question(number), title=title, also=also)

    def after(self) -> str:
        """Say in how many lessons the brief is answered."""
        done = [answered for lesson in progress().lessons for answered in lesson.brief.values()]
        return tr("The brief is answered in {done} of {all} lessons.", done=sum(done), all=len(done))

    def _hear(self, said: Mapping[str, object]) -> None:
        wishes = [wish for wish in ("picture", "other") if said.get(wish)]
        if wishes:
            self._passed_on(wishes[0])
        else:
            super()._hear(said)


class BriefOfLesson(Printed):
    """The choice of a brief, or what the chosen one asks in a lesson, with its picture on demand."""

    def __init__(self, lesson: str):
        self.lesson, self.chooser = lesson, Chooser()
        self.asked = self.picture = None
        super().__init__()
        self.chooser.observe(self._show, "told")
        self._show()

    def __repr__(self) -> str:
        if self.asked:
            return repr(self.asked)
        said = tr("Your brief of lesson {lesson}", lesson=self.lesson) if self.lesson else tr("Your brief")
        titles = ", ".join(tr(Brief.named(brief).row["title"]) for brief in BRIEFS)
        return f"{said}: {titles}. {tr(_ASKS)}"

    def _show(self, _change: object = None) -> None:
        if self.lesson and self.chooser.chosen:
            self.asked, self.picture = Asked(f"{self.chooser.chosen}.{self.lesson}", self._hear), None
            self.children = [self.asked]
        else:
            self.children = [self.chooser]

    def _hear(self, wish: str) -> None:
        if wish == "other":
            self.asked = self.picture = None
            self.children = [self.chooser]
        elif not self.picture:
            self.picture = picture(Brief.named(self.chooser.chosen), self.lesson)
            self.children = [self.asked, self.picture]


def picture(brief: Brief, lesson: str) -> Explorer:
    """Return the explorer of a lesson with the model, the card and the run of a brief."""
    row, run = brief.row, brief.run
    answering = {"model": row["model"], "context": run.context, "batch": run.batch}
    formats = {"weights": run.weights, "kv_cache": run.kv_cache}
    card = {"gpu": row["gpu"]}
    if lesson in ("2", "3", "7"):
        return _trained(brief, row["model"])
    if lesson == "8":
        return _trained(brief, row["plan_model"]) if row["plan"] == "train" else _answering(brief)
    made = {
        "0": lambda: explorers.fit(**answering, **formats, **card),
        "1": lambda: explorers.weights(model=row["model"], weights=run.weights),
        "4": lambda: explorers.kv_cache(**answering, kv_cache=run.kv_cache),
        "5": lambda: explorers.hardware(**answering, **formats, **card),
        "6": lambda: explorers.article(cell=row["cell"]),
    }
    return made[lesson]()


def _answering(brief: Brief) -> Explorer:
    """Return the explorer of plans with what a brief wishes for, on the cards that it has; its rubric judges it."""
    (model, wish), run = brief.plan, brief.run
    wished = {"model": model.name, "batch": wish.batch, "context": wish.context}
    return explorers.plan(**wished, gpu=brief.row["gpu"], weights=run.weights, kv_cache=run.kv_cache)


def _trained(brief: Brief, model: str) -> Explorer:
    """Return the explorer of plans with the training of a brief, and a rubric that judges it."""
    training = brief.training
    task = next((task for task, base in ADAPTERS.items() if base == training.base_weights), "train all weights")
    computed = next(words for words, policy in RECOMPUTE.items() if policy == training.recompute)
    return explorers.plan(
        task=task if training.lora_rank else "train all weights",
        model=model,
        gpu=brief.row["gpu"],
        cards=str(training.data_parallel),
        context=training.context,
        batch=training.batch,
        recipe=training.recipe,
        optimizer=training.optimizer,
        zero=SHARED[training.zero],
        recompute=computed,
        lora_rank=training.lora_rank or 16,
    )


def brief(lesson: int | None = None) -> BriefOfLesson:
    """Return the choice of a brief, or what the chosen one asks in a lesson.

    Parameters
    ----------
    lesson : its number; without it, the choice alone

    Raises InputError for a lesson in which no brief asks anything.
    """
    if lesson is None:
        return BriefOfLesson("")
    return BriefOfLesson(str(whole("lesson", lesson, 0, len(LESSONS) - 1)))
