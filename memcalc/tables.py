"""Evaluated terms as rows: pandas tables for the notebooks, and pages of text."""

import math
from dataclasses import dataclass
from functools import partial

import pandas
from pybtex.database import parse_string
from pybtex.plugin import find_plugin

from memcalc import units
from memcalc.catalogue import bibliography
from memcalc.estimate import training
from memcalc.estimate.questions import breakdown, total
from memcalc.estimate.states import states
from memcalc.estimate.terms import in_numbers, values
from memcalc.formula import TERMS, Term
from memcalc.formula.printing import text
from memcalc.formula.symbols import BY_NAME, GLOSSARY
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training


@dataclass(frozen=True)
class Worked:
    """A term worked by hand: the formula, the numbers in it, the bytes, the units."""

    formula: str
    substituted: str
    result: str

    def _repr_markdown_(self) -> str:
        return f"$\\displaystyle {self.formula}$\n\n$\\displaystyle {self.substituted}$\n\n= **{self.result}**"


class WholeTable(pandas.DataFrame):
    """A table that a notebook shows whole: no cell is cut, however long."""

    _constructor = property(lambda self: WholeTable)
    __repr__ = pandas.option_context("display.max_colwidth", None)(pandas.DataFrame.__repr__)
    _repr_html_ = pandas.option_context("display.max_colwidth", None)(pandas.DataFrame._repr_html_)


def by_hand(term: Term, model: Model, run: Inference, gpu: Gpu | None = None) -> Worked:
    """Return the term in the order of a calculation by hand: formula, numbers in it, value; of speed, on a card.

    Raises InputError if a symbol of the term has no value.

    >>> from memcalc.formula import TERMS
    >>> by_hand(TERMS["kv_cache"], Model.named("LLaMA-7B"), Inference(context=32768)).result
    '17,179,869,184 bytes = 16.00 GiB = 17.18 GB'
    """
    term, known = in_numbers(term, model, run, gpu)
    value, unit = term.value(known), GLOSSARY[term.symbol].unit
    result = units.amount(value, unit) + (f" = {units.show_both(math.ceil(value))}" if unit == "bytes" else "")
    return Worked(term.latex(), term.latex(known), result)


def glossary(*terms: Term) -> WholeTable:
    """Return the glossary of exactly the symbols in the terms (of all, if none is given); no column is empty."""
    wanted = {symbol for term in terms for symbol in (term.symbol, *term.symbols)} or GLOSSARY.keys()
    entries = [entry for entry in GLOSSARY.values() if entry.symbol in wanted]
    fields_of = {"letter": "symbol", "meaning": "meaning", "unit": "unit"}  # title of a column → field of an entry
    fields_of |= {"config.json": "config", "ZeRO paper": "zero", "Megatron paper": "megatron"}
    lines = [{title: str(getattr(entry, name)) for title, name in fields_of.items()} for entry in entries]
    table = WholeTable(lines).set_index("letter")
    return table.loc[:, (table != "").any()]  # a column in which no symbol has a name says nothing


def memory(model: Model, run: Inference) -> pandas.DataFrame:
    """Return the memory of each term and their total, in bytes and in both units."""
    terms = pandas.Series(breakdown(model, run) | {"total": total(model, run)}, name="bytes", dtype=object)
    columns = {"bytes": "{:,}".format, "GiB": units.show, "GB": partial(units.show, unit="GB")}
    return pandas.DataFrame({name: terms.map(write) for name, write in columns.items()}).rename_axis("term")


def bytes_per_parameter(*choices: tuple[str, str]) -> pandas.DataFrame:
    """Return what the training states take for one parameter, for pairs of a recipe and an optimizer [bytes].

    Raises InputError for a name that is not in data/recipes.csv or data/optimizers.csv, and for an optimizer that needs
    matrices.

    >>> bytes_per_parameter(("mixed", "AdamW"))["optimizer states"].item()
    '4 + 4'
    """
    lines = [_summands(Training(recipe=recipe, optimizer=optimizer)) for recipe, optimizer in choices]
    return pandas.DataFrame(lines).set_index(["recipe", "optimizer"])


def _summands(run: Training) -> dict[str, str]:
    """Return what one parameter of a model takes that is so large that counters and tables weigh nothing."""
    model = Model.nominal(2**40)
    known, terms = values(model, run), states(model, run)
    parts = {part.name: part for term in terms for part in (term, *term.every_part.values())}
    each = {name: [parts[name].exact(known) / model.parameters] for name in ("weights", "gradients", "master_weights")}
    each["optimizer_states"] = [parts["one_state"].exact(known) / model.parameters] * run.optimizer_spec.moments
    shown = {BY_NAME[name].word: " + ".join(f"{size:.4g}" for size in sizes) or "0" for name, sizes in each.items()}
    return {"recipe": run.recipe, "optimizer": run.optimizer, **shown, "sum": f"{sum(map(sum, each.values())):.4g}"}


def saved_tensors(model: Model, run: Training) -> WholeTable:
    """Return every tensor that the backward pass needs: where, its shape in symbols, and its bytes on one card.

    A tensor of a layer stands there once, however many layers there are.
    """
    known = values(model, run)
    lines = [
        {"per": tensor.per, "place": tensor.place, "tensor": tensor.name, "shape": " × ".join(map(text, tensor.shape))}
        | {"bytes each": tensor.bytes_each, "bytes": f"{tensor.bytes(known):,}"}
        for tensor in training.saved_tensors(model, run)
    ]
    return WholeTable(lines)


@dataclass(frozen=True)
class Page:
    """A text in Markdown, which a notebook shows as a page."""

    text: str

    def __repr__(self) -> str:
        return self.text

    _repr_markdown_ = __repr__


def formulas() -> Page:
    """Return every term: its formula, what it means, when it holds, and its source.

    >>> "**weights**: Every parameter is held once" in formulas().text
    True
    """
    return Page("\n\n---\n\n".join(map(_entry, TERMS.values())))


def _entry(term: Term) -> str:
    fits_a_line = len(str(term)) <= 90  # of a projector; text wraps
    formula = f"$$\n{term.latex()}\n$$" if fits_a_line else f"`{term}`"
    return f"**{term.name}**: {term.meaning}\n\n{formula}\n\n*Holds:* {term.holds}. *Source:* {term.source}."


def references() -> Page:
    """Return every source of the bibliography after its key, by author.

    >>> "**vaswani2017attention**: Ashish Vaswani, Noam Shazeer" in references().text
    True
    """
    entries = parse_string(bibliography(), "bibtex")
    style, markdown = find_plugin("pybtex.style.formatting", "plain")(), find_plugin("pybtex.backends", "markdown")()
    lines = (f"**{entry.key}**: {entry.text.render(markdown)}" for entry in style.format_bibliography(entries))
    return Page("\n\n".join(line.replace("\n", " ") for line in lines))
