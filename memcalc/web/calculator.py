"""The calculator: one sentence asks whether a model fits some cards, one answers; and what a reader can take along."""

import io
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace

from memcalc import Gpu, Inference, Model
from memcalc.catalogue import names
from memcalc.command import answers, tables
from memcalc.command.models import meant
from memcalc.errors import must
from memcalc.estimate.code import arguments
from memcalc.estimate.inference import as_published
from memcalc.estimate.ways import ways
from memcalc.explorers.controls import Menu, Number, Picker, Value, known, model_of, numbers_of
from memcalc.explorers.frame import Explorable, Frame, Setting
from memcalc.explorers.marks import LAYOUTS, Marks
from memcalc.explorers.plan import ADAPTERS, RECOMPUTE, SHARED, TASKS, adapters_of, frame_of
from memcalc.explorers.plan.cards import draw_cards
from memcalc.explorers.plan.run import CARDS, Plan, answering, trained
from memcalc.formula.symbols import SUMMANDS
from memcalc.specs.inference import AUTO
from memcalc.specs.run import weights_formats
from memcalc.units import show

DROPPED = "/dropped/"
"""The folder in which a worker has the files that a reader gave it; their bytes stay in the browser."""

FILES = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K", "FP8", "AWQ-INT4-g128", "NF4-double")
"""The formats of the files that people download most, of which the table says which fit."""

_WISH = "I would like to {task}"
_ANSWER = (
    "I would like {model} to {task}, for {batch} people at a time with up to {context} tokens each, [weights] in "
    "{weights} and a [cache] in {kv_cache}, on {cards} × {gpu}. Will it fit?"
)
_MEMORY = " on texts of {context} tokens, {batch} on each card at once, {recompute},"
_TRAIN = " with the recipe {recipe} and the [optimizer] {optimizer}, on {cards} × {gpu}"


@dataclass(frozen=True)
class AnyPicker(Picker):
    """A search in the names of the models, a config.json of one's own, or a file that was dropped on the page."""

    def allowed(self, name: str, value: object) -> str:
        """Return what names a model; raise InputError for what does not."""
        if isinstance(value, str) and value.startswith(DROPPED):
            meant_by(value)
            return value
        return super().allowed(name, value)


class Calculator(Explorable):
    """An explorer that tells how to ask the same in Python, and not how to open it in a notebook."""

    def data(self, setting: Setting, width: int = LAYOUTS[-1], hints: bool = True) -> dict[str, object]:
        """Return the frame of a setting as the page reads it; raise InputError where there is none."""
        data = super().data(setting, width, hints)
        return data | {"code": data["code"].rpartition("\n")[0]}


def meant_by(text: str) -> Model:
    """Return the model of a name, of the text of a config.json, or of a file that lies in `DROPPED`.

    Raises InputError for what is none of these, and for a way out of that folder.
    """
    if not text.startswith(DROPPED):
        return model_of(text)
    path, folder = os.path.normpath(text), os.path.normpath(DROPPED)
    if folder not in (path, os.path.dirname(path)) or not os.path.exists(path):
        raise must("model", "dropped on this page again, which has forgotten the file", repr(os.path.basename(path)))
    return replace(meant(path), name=os.path.basename(path))


def will_it_fit(
    *,
    width: int = 860,
    task: str = "answer",
    model: str = "Llama-3.1-8B",
    gpu: str = "RTX 4090",
    cards: str = "1",
    batch: int = 1,
    context: int = 2**13,
    weights: str = AUTO,
    kv_cache: str = "FP16",
    recipe: str = "mixed",
    optimizer: str = "AdamW",
    zero: str = "all states",
    recompute: str = "layers computed again",
    lora_rank: int = 16,
) -> Frame:
    """Show a model on the cards that a reader has, and what nobody counts on top of it.

    >>> calculator.frame(model="Llama-3.1-70B", gpu="24 GB", cards="2", weights="Q4_K_M").sentence_said[:49]
    'It fits: 1.30 GiB stay free on each of 2 cards, a'
    """
    given = dict(locals())
    chosen = _plan(given)
    marks = Marks(width)
    card, end = draw_cards(marks, chosen)
    frame = frame_of(marks, end, chosen, card, _sentence(chosen, task))
    return replace(frame, guess=None, hints=(), code=_python(given["model"], chosen))


def _plan(given: Mapping[str, Value]) -> Plan:
    """Return the plan that the controls describe."""
    model, gpu, count = meant_by(given["model"]), Gpu.of(given["gpu"]), int(given["cards"])
    run = {"context": given["context"]}
    if given["task"] == TASKS[0]:
        weights = as_published(model, Inference(weights=given["weights"])).weights
        run |= {"weights": weights, "kv_cache": given["kv_cache"]}
        return answering(model, gpu, count, 1, given["batch"], **run)
    run |= {name: given[name] for name in ("batch", "recipe", "optimizer")}
    run |= {"recompute": RECOMPUTE[given["recompute"]], **adapters_of(given["task"], given["lora_rank"])}
    return trained(model, gpu, count, SHARED.index(given["zero"]), **run)


def _sentence(chosen: Plan, task: str) -> str:
    """Return the sentence of the controls that act."""
    if chosen.answers:
        return _ANSWER
    wish = f"{_WISH} of {{model}}" + (" of rank {lora_rank}" if task in ADAPTERS else "")
    shared = ", which share {zero}" if chosen.cards > 1 else ""
    return f"{wish}{'' if chosen.unknown else _MEMORY}{_TRAIN}{shared}. Will it fit?"


def _python(model: str, chosen: Plan) -> str:
    """Return the lines of Python that give the verdict."""
    called, run = arguments(chosen.model, chosen.run, shown=("context", "batch")).split(", ", 1)
    if model.startswith("{"):
        called = 'Model.from_config("config.json")'
    kind = type(chosen.run).__name__
    own = chosen.gpu.name not in names("gpus")
    gpu = f"Gpu.{'of' if own else 'named'}({chosen.gpu.name!r})"
    lines = (f"model = memcalc.{called}", f"run = memcalc.{kind}{run.removeprefix(kind)}")
    return "\n".join(["import memcalc", "", *lines, f"memcalc.fits(model, run, memcalc.{gpu})"])


def beside(state: Setting) -> dict[str, object]:
    """Return what stands beside the answer for a state: the command line with its answer, and what would help.

    Raises InputError for values that are not allowed, or make no sense together.
    """
    given = calculator.setting(state)
    chosen = _plan(given)
    model, run, gpu = chosen.model, chosen.run, chosen.gpu
    out = io.StringIO()
    with redirect_stdout(out):
        answers.print_fit(model, run, gpu)
    found = ways(model, run, gpu) if chosen.answers else ()
    steps = [{"said": way.sentence, "state": _changed(given, run, way.run)} for way in found]
    terms = [[SUMMANDS[name].word, size, show(size)] for name, size in chosen.memory.items()]
    terms += [
        ["needed", chosen.fit.needed, show(chosen.fit.needed)],
        [gpu.name, gpu.capacity, show(gpu.capacity)],
    ]
    return {"command": _command(given, chosen), "printed": out.getvalue().rstrip("\n"), "steps": steps, "terms": terms}


def formats(state: Setting) -> dict[str, object]:
    """Return a table of the files in which the model may lie on these cards, as cells, as Markdown and as CSV."""
    chosen = _plan(calculator.setting(dict(state) | {"task": TASKS[0]}))
    run = replace(chosen.run, weights=AUTO)
    usual = chosen.run.weights
    listed = list(dict.fromkeys([usual, *FILES]))
    rows = [row for row in tables.rows_of(chosen.model, run, [chosen.gpu.name], listed) if not row.refused]
    cells = [[row.weights, row.needed, row.margin, row.fits, row.largest_context] for row in rows]
    return {"rows": cells, "markdown": tables.as_markdown(rows), "csv": tables.as_csv(rows)}


def _changed(given: Setting, before: Inference, after: Inference) -> dict[str, Value]:
    """Return the controls that lead from one run to another; nothing where no control does."""
    fields = {"context": "context", "batch": "batch", "weights": "weights", "kv_cache": "kv_cache"}
    differ = {name for name in after.declared if getattr(after, name) != getattr(before, name)}
    changed = {fields[name]: getattr(after, name) for name in differ & fields.keys()}
    if "tensor_parallel" in differ:
        changed["cards"] = str(after.tensor_parallel)
    return changed if len(changed) == len(differ) else {}


def _command(given: Setting, chosen: Plan) -> str:
    """Return the command line that gives the same answer."""
    run, usual = chosen.run, type(chosen.run)()
    model = "config.json" if given["model"].startswith("{") else os.path.basename(given["model"])
    question = "fit" if chosen.answers else "train"
    differing = [name for name in run.declared if getattr(run, name) != getattr(usual, name) or name == "context"]
    options = [f"--{name.replace('_', '-')} {_word(getattr(run, name))}" for name in differing]
    return " ".join(["python -m memcalc", question, _word(model), _word(chosen.gpu.name), *options])


def _word(value: object) -> str:
    text = str(value)
    return text if all(sign.isalnum() or sign in "-_./+" for sign in text) else f'"{text}"'


def _own() -> dict[str, object]:
    """Return the controls that the calculator alone has, or words otherwise."""
    models = known("model")
    cards = tuple(number for number in CARDS if number <= 16)
    return {
        "model": AnyPicker(models.label, models.table, models.group, models.own, meant_by),
        "task": Menu("what the cards do", TASKS),
        "cards": Menu("number of cards", tuple(map(str, cards))),
        "weights": Menu("format of the weights", (AUTO, *weights_formats()), ("B",)),
        "recipe": Menu("recipe: bytes of each number", tuple(names("recipes")), ("B", "B_g")),
        "optimizer": Menu("optimizer", tuple(names("optimizers"))),
        "zero": Menu("what the cards share", SHARED),
        "recompute": Menu("activations", tuple(RECOMPUTE)),
        "lora_rank": Number("rank of the adapters", 1, 256, letter="r", grid=(1, 2, 4, 8, 16, 32, 64, 128, 256)),
        "batch": numbers_of("batch"),
    }


calculator = Calculator(
    will_it_fit,
    _ANSWER,
    {
        "a 70B on two 24 GB cards": {"model": "Llama-3.1-70B", "gpu": "24 GB", "cards": "2", "weights": "Q4_K_M"},
        "an 8B on a laptop": {"model": "Llama-3.1-8B", "gpu": "8 GB", "weights": "Q4_K_M"},
        "fine-tuning an 8B": {"model": "Llama-3.1-8B", "gpu": "24 GB", "task": "train QLoRA adapters"}
        | {"recipe": "bf16", "context": 2048},
    },
    _own(),
)
