"""Answers: what the formula or the data say to a question, with inputs that stand in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from fractions import Fraction

import sympy

from memcalc import catalogue, units
from memcalc.article.quantities import Quantity, read
from memcalc.article.table1 import published
from memcalc.article.table3 import cost_of_a_million
from memcalc.errors import InputError, choice
from memcalc.estimate.scaling import largest_model
from memcalc.estimate.speed import fastest
from memcalc.estimate.terms import terms, values
from memcalc.estimate.training import peak_of_recomputation, places
from memcalc.formula import TERMS
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training

Inputs = Mapping[str, object]

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
    ask = QUESTIONS[choice("question", question, QUESTIONS)]
    above, _, changes = inputs.partition(" / ")
    one = ask(read(above))
    if not changes:
        return one
    other = ask(read(above) | read(changes))
    return Quantity(Fraction(one.value) / Fraction(other.value), "×", one.terms, one.source)


def _asked(inputs: Inputs, kind: type, *others: str) -> tuple[Model | NominalModel, Inference | Training]:
    """Return the model and the run that the inputs describe; `others` are inputs of the question itself.

    Without a name the model is a mere size. Raises InputError for an input that belongs to none of them.
    """
    counts, choices = ({field.name for field in fields(which)} for which in (Model, kind))
    unknown = inputs.keys() - counts - choices - {"model", "parameters", *others}
    if unknown:
        choice("input", min(unknown), [*counts, *choices, *others])
    run = kind(**{name: value for name, value in inputs.items() if name in choices})
    if "model" not in inputs:
        return Model.nominal(inputs["parameters"]), run
    changed = {name: value for name, value in inputs.items() if name in counts - choices}
    return replace(Model.named(inputs["model"]), **changed), run


def _memory(inputs: Inputs, kind: type) -> Quantity:
    """Return the sum of some terms of a run, or of all; `parameters` beside a model is the size in its name."""
    model, run = _asked(inputs, kind, "terms")
    known, parts = values(model, run), {term.name: term for term in terms(model, run)}
    if "parameters" in inputs:
        known = {**known, symbol("parameters"): inputs["parameters"]}
    wanted = inputs["terms"].split("+") if "terms" in inputs else parts
    counted = tuple(parts[choice("term", name, parts)] for name in wanted)
    return Quantity(sum(term.exact(known) for term in counted), "bytes", counted)


def _to_run(inputs: Inputs) -> Quantity:
    return _memory(inputs, Inference)


def _to_train(inputs: Inputs) -> Quantity:
    return _memory(inputs, Training)


def _to_recompute(inputs: Inputs) -> Quantity:
    """Return the activations of full recomputation at their peak."""
    model, run = _asked({**inputs, "recompute": "full"}, Training)
    term = next(term for term in terms(model, run) if term.name == "activations")
    return Quantity(peak_of_recomputation(model, run), "bytes", (term,))


def _offloaded(inputs: Inputs) -> Quantity:
    """Return what all cards together keep in the memory of the CPU."""
    model, run = _asked(inputs, Training)
    elsewhere = 0 if run.offload == "none" else sum(places(model, run)["cpu"].values())
    return Quantity(elsewhere * run.data_parallel, "bytes", terms(model, replace(run, activations="none")))


def _amount(inputs: Inputs) -> Quantity:
    return Quantity(int(units.parse(inputs["bytes"])), "bytes", source=_ITSELF)


def _card(inputs: Inputs) -> Quantity:
    """Return what data/gpus.csv says of a card."""
    card, name = Gpu.named(inputs["card"]), inputs["value"]
    unit = {"marketed_gb": "GB", "reported_mib": "bytes", "bandwidth_gbs": "GB/s", "price_usd": "USD"}
    value = getattr(card, choice("value", name, unit))
    value = units.to_bytes(value, "MiB") if name == "reported_mib" else value
    return Quantity(value, unit[name], source=_source_of_card(card.name))


def _source_of_card(name: str) -> str:
    row = catalogue.find("gpus", "gpu", name)
    return f"{row['source']} (retrieved {row['retrieved']})"


def _sizes(inputs: Inputs) -> Quantity:
    """Return the sizes in which cards of a name are sold."""
    cards = Gpu.sold_as(inputs["card"])
    return Quantity(frozenset(card.marketed_gb for card in cards), "GB", source=_source_of_card(cards[0].name))


def _largest(inputs: Inputs) -> Quantity:
    """Return the largest model of LLaMA's shape that the card holds, with plain or grouped heads."""
    grouped = choice("heads", inputs["heads"], ("plain", "grouped")) == "grouped"
    run = Inference(**{name: value for name, value in inputs.items() if name not in ("card", "heads")})
    model = largest_model(Gpu.named(inputs["card"]), run, grouped)
    return Quantity(model.parameters, "parameters", terms(model, run))


def _decode(inputs: Inputs) -> Quantity:
    speed = fastest(*_asked(inputs, Inference, "card"), Gpu.named(inputs["card"]))
    return Quantity(Fraction(speed.decode), "tokens/s", (TERMS["decode_time"],))


def _cost(inputs: Inputs) -> Quantity:
    """Return the least electricity of a million tokens, for sequences that are written at the same time."""
    return Quantity(Fraction(cost_of_a_million(inputs["batch"]).dollars), "USD", (TERMS["decode_time"],))


def _bits(inputs: Inputs) -> Quantity:
    """Return the fewest bits per weight of the types in data/ggml_types.csv."""
    types = {Fraction(int(row["bytes"]) * 8, int(row["elements"])): row for row in catalogue.rows("ggml_types")}
    return Quantity(min(types), "bits", source=types[min(types)]["source"])


def _code_bits(inputs: Inputs) -> Quantity:
    """Return the bits of one number in a format, without what is kept beside it."""
    row = catalogue.find("formats", "format", inputs["format"])
    return Quantity(Fraction(row["code_bits"] or row["bits"]), "bits", source=row["source"])


def _count(inputs: Inputs) -> Quantity:
    """Return a count of a model's architecture, or the context that it was trained for."""
    model, name = Model.named(inputs["model"]), inputs["value"]
    unit = "tokens" if name == "trained_context" else name.split("_")[-1]
    return Quantity(getattr(model, name), unit, source=model.source)


def _published(inputs: Inputs) -> Quantity:
    """Return a cell of the article's tables, found by what the inputs say of it."""
    rows = published(str(inputs["table"])).values()
    cells = (cell for row in rows for cell in row if all(cell[name] == str(inputs[name]) for name in inputs))
    cell = next(cells, None)
    if cell is None:
        raise InputError(f"no cell of the article's tables has {', '.join(f'{n} {v}' for n, v in inputs.items())}.")
    return Quantity(Fraction(cell["published"]), cell["unit"], source=f"article2026formula, table {inputs['table']}")


def _price_per_gb(inputs: Inputs) -> Quantity:
    """Return what a GB costs by the prices and memories of the article's second table."""
    price, memory = (_published({"table": 2, **inputs, "quantity": name}) for name in ("price", "memory"))
    return Quantity(price.value / memory.value, "USD per GB", source=price.source)


def _growth(inputs: Inputs) -> Quantity:
    """Return the growth per year that leads from one number to another [%]."""
    factor = Fraction(inputs["to"]) / Fraction(inputs["from"])
    return Quantity(100 * (float(factor) ** (1 / inputs["years"]) - 1), "% a year", source=_ITSELF)


def _terms(inputs: Inputs) -> Quantity:
    """Return the names of the terms of LLaMA-7B's runs of the kinds that the inputs name."""
    kinds = {"inference": Inference(), "training": Training()}
    chosen = [terms(Model.named("LLaMA-7B"), kinds[name]) for name in inputs["runs"].split("+")]
    found = {term.name: term for several in chosen for term in several}
    return Quantity(frozenset(found), "terms", tuple(found.values()))


def _formula(inputs: Inputs) -> Quantity:
    """Return a term as a formula, for a model with what it lacks left out, and with what the inputs set."""
    term = TERMS[choice("term", inputs["term"], TERMS)]
    if "model" in inputs:
        term = term.simplified(values(Model.named(inputs["model"]), Inference()))
    changes = {name: value for name, value in inputs.items() if name in BY_NAME}
    numbers = {
        symbol(name): sympy.Integer(value) if isinstance(value, int) else symbol(value)
        for name, value in changes.items()
    }
    return Quantity(term.expr.xreplace(numbers), "formula", (term,))


def _degree(inputs: Inputs) -> Quantity:
    """Return the power of a symbol with which a term of a training run grows."""
    model, run = _asked(inputs, Training, "term", "symbol")
    term = next(term for term in terms(model, run) if term.name == inputs["term"])
    return Quantity(sympy.degree(term.expanded(), symbol(inputs["symbol"])), "", (term,))


QUESTIONS: dict[str, Callable[[Inputs], Quantity]] = {
    "to run": _to_run,
    "to train": _to_train,
    "to recompute": _to_recompute,
    "offloaded": _offloaded,
    "amount": _amount,
    "card": _card,
    "sizes": _sizes,
    "largest model": _largest,
    "tokens per second": _decode,
    "cost": _cost,
    "fewest bits": _bits,
    "bits of a code": _code_bits,
    "count": _count,
    "published": _published,
    "price per GB": _price_per_gb,
    "growth": _growth,
    "terms": _terms,
    "formula": _formula,
    "power": _degree,
}
"""Name → what is computed."""
