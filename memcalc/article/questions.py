"""The questions of data/readings.csv: answered, with those that the article's own numbers answer, and in words."""

from __future__ import annotations

from fractions import Fraction

from memcalc import units
from memcalc.article.published import published
from memcalc.article.table3 import cost_of_a_million
from memcalc.errors import InputError, choice
from memcalc.estimate import ask
from memcalc.estimate.ask import Quantity, Question, read_inputs
from memcalc.estimate.scaling import largest_model
from memcalc.estimate.terms import terms
from memcalc.formula.roofline import electricity_cost
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference

_ITSELF = "article2026formula, the claim itself"


def answer(question: str, inputs: str) -> Quantity:
    """Return the answer to a question for inputs such as "model=LLaMA-7B; weights=INT8".

    Parameters
    ----------
    question : one of QUESTIONS
    inputs : name=value, parted by semicolons; after a slash stands what differs in the quantity to divide by

    Raises InputError for a question that is not known.

    >>> answer("to run", "model=LLaMA-7B; context=32768; terms=kv_cache").value
    17179869184
    >>> answer("to run", "model=LLaMA-7B; terms=weights; weights=FP32 / weights=INT4").value
    Fraction(8, 1)
    """
    question = choice("question", question, QUESTIONS)
    above, *changes = map(read_inputs, inputs.split(" / "))
    one, *other = (_answer(question, **above | changed) for changed in ({}, *changes))
    return Quantity(Fraction(one.value) / Fraction(other[0].value), "×", one.terms, one.source) if other else one


def _answer(question: str, model: str = "", **inputs: object) -> Quantity:
    return ask.ask(question, model, inputs, _OF_THE_ARTICLE)


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


def _amount(amount: str) -> Quantity:
    return Quantity(int(units.parse(amount)), "bytes", source=_ITSELF)


def _largest(card: str, heads: str, **fields: object) -> Quantity:
    """Return the largest model of LLaMA's shape that the card holds, with plain or grouped heads."""
    grouped, run = choice("heads", heads, ("plain", "grouped")) == "grouped", Inference(**fields)
    model = largest_model(Gpu.named(card), run, grouped)
    return Quantity(model.parameters, "parameters", terms(model, run))


def _cost(batch: int) -> Quantity:
    """Return the least electricity of a million tokens, for sequences that are written at the same time."""
    return Quantity(Fraction(cost_of_a_million(batch).dollars), "USD", (electricity_cost,))


def _cell(**said: object) -> Quantity:
    """Return a cell of the article's tables, found by what is said of it."""
    cells = (cell for row in published(str(said["table"])).values() for cell in row)
    found = next((cell for cell in cells if all(cell[name] == str(said[name]) for name in said)), None)
    if found is None:
        raise InputError(f"no cell of the article's tables has {', '.join(f'{n} {v}' for n, v in said.items())}.")
    return Quantity(Fraction(found["published"]), found["unit"], source=f"article2026formula, table {said['table']}")


def _price_per_gb(card: str) -> Quantity:
    """Return what a GB costs by the prices and memories of the article's second table."""
    price, memory = (_cell(table=2, subject=card, quantity=name) for name in ("price", "memory"))
    return Quantity(price.value / memory.value, "USD per GB", source=price.source)


def _growth(start: float, end: float, years: int) -> Quantity:
    """Return the growth per year that leads from one number to another [%]."""
    return Quantity(100 * ((end / start) ** (1 / years) - 1), "% a year", source=_ITSELF)


_OF_THE_ARTICLE = {
    "amount": Question(_amount, ("bytes",)),
    "largest model": Question(_largest, None),
    "cost": Question(_cost, ("batch",)),
    "published": Question(_cell, None),
    "price per GB": Question(_price_per_gb, ("subject",)),
    "growth": Question(_growth, ("from", "to", "years")),
}

QUESTIONS = ask.QUESTIONS | _OF_THE_ARTICLE
"""What a reading can ask → how it is answered."""
