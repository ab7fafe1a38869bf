"""The claims of the article: each with a verdict that is computed from its readings, or rests on evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import groupby
from operator import itemgetter

from memcalc import Gpu, Inference, InputError, Model, catalogue, fits, units
from memcalc.article.compare import EITHER, said, units_of
from memcalc.article.published import table_of
from memcalc.article.table3 import cost_of_a_million
from memcalc.errors import choice, shown
from memcalc.estimate import ask
from memcalc.estimate.ask import Quantity, Question, read_inputs
from memcalc.estimate.scaling import largest_model
from memcalc.estimate.terms import terms
from memcalc.formula.roofline import decode_time

VERDICTS = ("holds", "holds only in GB", "holds only in GiB", "holds under assumption", "not checkable", "wrong")
"""From the best to the worst."""

FINDINGS = {
    "confirmed": "holds",
    "confirmed if": "holds under assumption",
    "contradicted": "wrong",
    "no source": "not checkable",
    "opinion": "not checkable",
}
"""What data/evidence.csv says of a claim → the verdict."""

_ITSELF = "article2026formula, the claim itself"


@dataclass(frozen=True)
class Statement:
    """A row of data/readings.csv: a quantity, a relation, and what the article says."""

    row: Mapping[str, str]

    @cached_property
    def quantity(self) -> Quantity:
        """The left side, computed."""
        return answer(self.row["question"], self.row["inputs"])

    @cached_property
    def units(self) -> frozenset[str]:
        """The units, GB or GiB, in which the statement is true: both where they do not matter, none if it is false."""
        return units_of(self.quantity, self.row["relation"], self.row["published"])

    def __str__(self) -> str:
        found = said(self.quantity, self.row["relation"], self.row["published"])
        return f"{in_words(self.row['question'], self.row['inputs'])}: {found}"


@dataclass(frozen=True)
class Reading:
    """One way to understand a claim: what it assumes, which is nothing for the plain one, and what must all be true."""

    assumption: str
    statements: tuple[Statement, ...]

    @cached_property
    def units(self) -> frozenset[str]:
        """The units in which all statements are true."""
        return EITHER.intersection(*(statement.units for statement in self.statements))

    @property
    def decisive(self) -> Statement:
        """The first statement that is false, or the first of all."""
        return next((statement for statement in self.statements if not statement.units), self.statements[0])

    @property
    def verdict(self) -> str:
        """What this reading says of the claim."""
        if not self.units:
            return "wrong"
        if self.assumption:
            return "holds under assumption"
        return "holds" if self.units == EITHER else f"holds only in {min(self.units)}"


@dataclass(frozen=True, repr=False)
class Claim:
    """A claim of the article, with its readings and what is known of it from elsewhere.

    >>> claim("C022").verdict
    'holds only in GiB'
    """

    row: Mapping[str, str]
    readings: tuple[Reading, ...]
    evidence: Mapping[str, str] | None

    @cached_property
    def reading(self) -> Reading | None:
        """The reading that counts: the first that is true, or else the first; None if the formula has no say."""
        return next((reading for reading in self.readings if reading.units), next(iter(self.readings), None))

    @cached_property
    def verdict(self) -> str:
        """The worse of what the formula and the evidence say."""
        found = [self.reading.verdict] if self.reading else []
        found += [FINDINGS[self.evidence["finding"]]] if self.evidence else []
        return max(found, key=VERDICTS.index)

    @property
    def assumption(self) -> str:
        """What must be assumed for the claim to hold."""
        if self.verdict != "holds under assumption":
            return ""
        named = [self.reading and self.reading.assumption, self.evidence and self.evidence["assumption"]]
        one_unit = self.reading and len(self.reading.units) == 1
        return "; ".join(filter(None, named)) + (f", in {min(self.reading.units)}" if one_unit else "")

    @property
    def _others(self) -> tuple[tuple[str, Statement], ...]:
        """The false statements of the readings that do not count, the plain one first, each with what it assumes."""
        others = [reading for reading in self.readings if reading is not self.reading]
        return tuple((one.assumption, said) for one in others for said in one.statements if not said.units)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What bears on the verdict: the statements of the reading that counts, then the false ones of the others."""
        return (*(self.reading.statements if self.reading else ()), *(said for _, said in self._others))

    @property
    def why(self) -> str:
        """The assumption, what each statement comes to, what is known from elsewhere, and a remark.

        >>> claim("C028").why.partition(", 13 billion")[0], "if the cache is in FP16: to run" in claim("C028").why
        ('to run LLaMA-13B', True)
        """
        assumed, found = f"if {self.assumption}" if self.assumption else "", self.evidence and self.evidence["found"]
        counts = map(str, self.reading.statements) if self.reading else ()
        others = (f"{f'if {assumed}' if assumed else 'as it stands'}: {said}" for assumed, said in self._others)
        parts = (assumed, *counts, *others, found, self.row["remark"])
        return "; ".join(part.rstrip(".") for part in parts if part) + "."

    @property
    def source(self) -> str:
        """Where the value comes from: the sources of the terms, and of the evidence."""
        parts = [part for statement in self.statements for part in statement.quantity.sources]
        return "; ".join(dict.fromkeys([*parts, *self._cited]))

    @property
    def _cited(self) -> list[str]:
        return ["{source} ({source_date}, {how} {retrieved})".format_map(self.evidence)] if self.evidence else []

    def __repr__(self) -> str:
        return f"{self.row['id']}: {self.row['claim']} ({self.verdict})"

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.row['id']}** · {self.row['claim']}."]
        for reading in self.readings:
            steps = [f"- {'✓' if statement.units else '✗'} {statement}" for statement in reading.statements]
            title = f"If {reading.assumption}:" if reading.assumption else "As it stands:"
            lines += [f"{title}\n\n" + "\n".join(steps)]
        lines += [f"{self.evidence['found']}. Source: {cited}." for cited in self._cited]
        lines += [f"{self.row['remark']}."] if self.row["remark"] else []
        return "\n\n".join([*lines, f"Verdict: **{self.verdict}**."])

    @property
    def line(self) -> dict[str, object]:
        """The claim as a row of the audit."""
        decisive = self.reading and self.reading.decisive
        line = {name: self.row[name] for name in ("id", "claim", "kind")}
        line |= decisive.quantity.cell if decisive else {"value": "", "unit": ""}
        line |= {"verdict": self.verdict, "why": self.why, "source": self.source}
        line |= {name: self.row[name] for name in ("section", "published")}
        return line | {name: decisive.row[name] if decisive else "" for name in ("question", "inputs")}


@cache
def claims() -> tuple[Claim, ...]:
    """Return every claim of data/claims.csv, with its readings and its evidence."""
    evidence = {row["claim"]: row for row in catalogue.rows("evidence")}
    readings = {row["id"]: () for row in catalogue.rows("claims")}
    for (name, assumption), alike in groupby(catalogue.rows("readings"), itemgetter("claim", "assumption")):
        readings[name] += (Reading(assumption, tuple(map(Statement, alike))),)
    return tuple(Claim(row, readings[row["id"]], evidence.get(row["id"])) for row in catalogue.rows("claims"))


def claim(number: str | int) -> Claim:
    """Return the claim with a number such as "C022" or 22; another raises InputError."""
    known = {one.row["id"]: one for one in claims()}
    digits = str(number).upper().removeprefix("C")
    name = f"C{int(digits):03}" if digits.isdecimal() else number
    if name not in known:
        raise InputError(f"claim must be one of {min(known)} to {max(known)}, not {shown(number)}.")
    return known[name]


def table(kind: str = "", verdict: str = ""):
    """Return every claim with its verdict, the reason and the source, or those of one kind or verdict alone."""
    lines = everything = table_of([one.line for one in claims()])
    for name, value in {"kind": kind, "verdict": verdict}.items():
        if value:
            lines = lines[lines[name] == choice(name, value, everything[name].unique())]
    return lines


def answer(question: str, inputs: str) -> Quantity:
    """Return the answer to one of QUESTIONS; after a slash the inputs say what differs in the quantity to divide by.

    Raises InputError for a question that is not known, and as `ask` does.

    >>> answer("to run", "model=LLaMA-7B; terms=weights; weights=FP32 / weights=INT4").value
    Fraction(8, 1)
    """
    question = choice("question", question, QUESTIONS)
    above, *changes = map(read_inputs, inputs.split(" / "))
    one, *other = (ask.ask(question, "", above | changed, _OF_THE_ARTICLE) for changed in ({}, *changes))
    return Quantity(Fraction(one.value) / Fraction(other[0].value), "×", one.terms, one.source) if other else one


def in_words(question: str, inputs: str) -> str:
    """Return in words what is asked.

    >>> in_words("to run", "model=LLaMA-7B; parameters=7000000000; context=32768; terms=weights / weights=INT4")
    'to run LLaMA-7B, 7 billion parameters, context 32,768, weights, against weights INT4'
    """
    parts = [", ".join(_said(*pair) for pair in read_inputs(part).items()) for part in inputs.split(" / ")]
    return f"{question} {', against '.join(parts)}".rstrip()


_WORDS = {
    "marketed_gb": "memory as sold",
    "reported_mib": "memory that the driver reports",
    "bandwidth_gbs": "bandwidth",
    "price_usd": "price",
}


def _said(name: str, value: object) -> str:
    if name in ("model", "card"):
        return str(value)
    if name in ("value", "terms", "term", "symbol"):
        return _WORDS.get(value, value.replace("_", " ").replace("+", " and "))
    if name == "activations":
        return "without activations" if value == "none" else f"counted as in {value.capitalize()}"
    if name == "parameters":
        return f"{value / 10**9:g} billion parameters" if value > 1 else "1 parameter"
    number = f"{value:,}" if isinstance(value, int) and name not in ("year", "table") else value
    return f"{name.replace('_', ' ')} {number}"


def _largest(card: str, heads: str, **fields: object) -> Quantity:
    grouped, run = choice("heads", heads, ("plain", "grouped")) == "grouped", Inference(**fields)
    model = largest_model(Gpu.named(card), run, grouped)
    return Quantity(model.parameters, "parameters", terms(model, run))


def _served(model: Model, run: Inference, card: str) -> Quantity:
    """Return what a run needs of a card with what its engine takes there, at the upper end of what is known."""
    return Quantity(fits(model, run, Gpu.named(card)).needed, "bytes", terms(model, run))


def _cell(**said: object) -> Quantity:
    """Return a cell of the article's tables, found by what is said of it."""
    cells = (cell for cell in catalogue.rows("article") if all(cell[name] == str(said[name]) for name in said))
    found = next(cells, None)
    if found is None:
        raise InputError(f"no cell of the article's tables has {', '.join(f'{n} {v}' for n, v in said.items())}.")
    return Quantity(Fraction(found["published"]), found["unit"], source=f"article2026formula, table {said['table']}")


def _price_per_gb(card: str) -> Quantity:
    """Return what a GB costs by the prices and memories of the article's second table."""
    price, memory = (_cell(table=2, subject=card, quantity=name) for name in ("price", "memory"))
    return Quantity(price.value / memory.value, "USD per GB", source=price.source)


def _growth(start: float, end: float, years: int) -> Quantity:
    return Quantity(100 * ((end / start) ** (1 / years) - 1), "% a year", source=_ITSELF)


_OF_THE_ARTICLE = {
    "amount": Question(lambda amount: Quantity(int(units.parse(amount)), "bytes", source=_ITSELF), ("bytes",)),
    "largest model": Question(_largest, None),
    "to serve": Question(_served, ("card",), Inference),
    "cost": Question(lambda batch: Quantity(cost_of_a_million(batch).dollars, "USD", (decode_time,)), ("batch",)),
    "published": Question(_cell, None),
    "price per GB": Question(_price_per_gb, ("subject",)),
    "growth": Question(_growth, ("from", "to", "years")),
}

QUESTIONS = ask.QUESTIONS | _OF_THE_ARTICLE
"""What a reading can ask → how it is answered."""
