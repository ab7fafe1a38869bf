"""Evaluated terms as rows: pandas tables for the notebooks, and pages of text."""

import math
import re
from dataclasses import dataclass, replace
from functools import partial

import pandas
import sympy
from pybtex.database import parse_string
from pybtex.plugin import find_plugin

from memcalc import units
from memcalc.catalogue import bibliography
from memcalc.errors import choice
from memcalc.estimate import training
from memcalc.estimate.questions import breakdown, total
from memcalc.estimate.states import states
from memcalc.estimate.terms import as_needed, terms, values
from memcalc.formula import TERMS, Term
from memcalc.formula.printing import latex, letter, number, text, tinted
from memcalc.formula.symbols import BY_NAME, GLOSSARY, SUMMANDS
from memcalc.formula.term import Values
from memcalc.formula.totals import inference
from memcalc.formula.totals import training as training_sum
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.texts import ENGLISH, chosen, later, tr


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


class TextTable(WholeTable):
    """A table of words, which stand at the left."""

    _constructor = property(lambda self: TextTable)

    def _repr_html_(self) -> str:
        return re.sub("<(t[hd])>", r'<\1 style="text-align: left">', super()._repr_html_())


def by_hand(term: Term | str, model: Model, run: Inference, gpu: Gpu | None = None) -> Worked:
    """Return a term in the order of a calculation by hand: formula, numbers in it, value; of speed, on a card.

    Parameters
    ----------
    term : a term, or the name of one of this run

    Raises InputError if a symbol of the term has no value.

    >>> by_hand("kv_cache", Model.named("LLaMA-7B"), Inference(context=32768)).result
    '17,179,869,184 bytes = 16.00 GiB = 17.18 GB'
    """
    term, known = _plain(term, model, run, gpu)
    value, unit = term.value(known), GLOSSARY[term.symbol].unit
    result = units.amount(value, unit) + (f" = {units.show_both(math.ceil(value))}" if unit == "bytes" else "")
    return Worked(term.latex(), term.latex(known), result)


def _plain(term: Term | str, model: Model, run: Inference, gpu: Gpu | None = None) -> tuple[Term, Values]:
    """Return a term as a model and a run need it, and the value of each of its letters."""
    term = of_run(term, model, run) if isinstance(term, str) else term
    return as_needed(term, model, run, gpu)


def of_run(name: str, model: Model, run: Inference) -> Term:
    """Return the term of a run with this name, a part of one, or their sum; of what a run lacks, the general term."""
    if name in (inference.name, training_sum.name):
        parts = terms(model, run)
        return replace(TERMS[name], expr=sympy.Add(*(part.symbol for part in parts)), parts=parts)
    every = {part.name: part for term in terms(model, run) for part in (*term.every_part.values(), term)}
    return every.get(name) or TERMS[choice("term", name, TERMS)]


@dataclass(frozen=True)
class Needed:
    """Terms as one model and run need them, with the letters that they use.

    Parameters
    ----------
    terms : the terms
    known : letter → its value here
    unit : in which amounts of memory are written
    """

    terms: tuple[Term, ...]
    known: Values
    unit: str = "GiB"

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.terms))

    def _repr_markdown_(self) -> str:
        equations = "\n\n".join(f"$\\displaystyle {_coloured(term)}$" for term in self.terms)
        return f"{equations}\n\n{self.letters._repr_markdown_()}"

    @property
    def letters(self) -> WholeTable:
        """What each letter means, how much it is here, and under which key a config.json has it."""
        table = glossary(*self.terms)
        letters = {name: one for one in GLOSSARY if (name := one.name) in table.index}
        table["here"] = [self._here(letters[name]) for name in table.index]
        wanted = [title for title in ("meaning", "here", "config.json") if title in table]
        return table[wanted].loc[:, (table[wanted] != "").any()]

    def _here(self, of: sympy.Symbol) -> str:
        own = {term.symbol: term for term in self.terms}
        value, unit = own[of].value(self.known) if of in own else self.known.get(of, ""), GLOSSARY[of].unit
        if unit == "bytes" and GLOSSARY[of].derived:
            return units.show(math.ceil(value), self.unit)
        return f"{number(value)} {tr(unit.removesuffix('s') if value == 1 else unit)}".strip() if value != "" else ""


def _coloured(term: Term) -> str:
    """Return the equation of a term: that of a summand in its colour, of others each letter in its own."""
    if term.name in SUMMANDS:
        return tinted(term.latex(), SUMMANDS[term.name].colour)
    return f"{_letter(term.symbol)} = {latex(term.expr, write=_letter)}"


def _letter(one: sympy.Symbol) -> str:
    """Return a letter, in the colour of the summand that it stands for, if it is one."""
    colour = GLOSSARY[one].colour
    return tinted(letter(one), colour) if colour else letter(one)


def needed(model: Model, run: Inference, *names: str, gpu: Gpu | None = None, unit: str = "GiB") -> Needed:
    """Return terms of the formula, in as few letters as a model and a run need, and what these letters mean.

    Parameters
    ----------
    names : of the terms, as `TERMS` has them
    gpu : the card, for terms of speed
    unit : in which amounts of memory are written, "GiB" or "GB"

    Raises InputError if a letter has no value.

    >>> needed(Model.named("LLaMA-7B"), Inference(context=32768), "weights", "mlp")
    M_w = P × B
    P_mlp = 3 × d × d_ff
    """
    pairs = [_plain(name, model, run, gpu) for name in names]
    known = {letter: value for _, its in pairs for letter, value in its.items()}
    return Needed(tuple(term for term, _ in pairs), known, choice("unit", unit, ("GiB", "GB")))


_TITLES = [later("letter"), later("meaning"), later("unit"), later("here")]


class Letters(WholeTable):
    """A table of letters, typeset and each linked to its line in the glossary; text stands at the left."""

    _constructor = property(lambda self: Letters)
    _repr_html_ = None
    _first = "[${written}$]({up}glossary.ipynb#letter-{name})"

    def _repr_markdown_(self) -> str:
        of = {one.name: _letter(one) for one in GLOSSARY}
        head = " | ".join(map(tr, ["letter", *self.columns]))
        up = "" if chosen() == ENGLISH else "../"  # a lesson in another language has a folder of its own
        firsts = (self._first.format(written=of[name], name=name, up=up) for name in self.index)
        lines = (" | ".join([first, *cells]) for first, cells in zip(firsts, self.to_numpy(), strict=True))
        return "\n".join(f"| {line} |" for line in (head, " | ".join([":---"] * (1 + len(self.columns))), *lines))


class Glossary(Letters):
    """The table of all letters, to which those of others are linked."""

    _constructor = property(lambda self: Glossary)
    _first = '<a id="letter-{name}"></a>${written}$'


def glossary(*terms: Term) -> Letters:
    """Return the glossary of exactly the symbols in the terms (of all, if none is given); no column is empty."""
    wanted = {symbol for term in terms for symbol in (term.symbol, *term.symbols)} or GLOSSARY.keys()
    entries = [entry for entry in GLOSSARY.values() if entry.symbol in wanted]
    fields_of = {"letter": "symbol", "meaning": "meaning", "unit": "unit"}  # title of a column → field of an entry
    fields_of |= {"config.json": "config", "ZeRO paper": "zero", "Megatron paper": "megatron"}
    lines = [{title: tr(str(getattr(entry, name))) for title, name in fields_of.items()} for entry in entries]
    table = (Letters if terms else Glossary)(lines).set_index("letter")
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
