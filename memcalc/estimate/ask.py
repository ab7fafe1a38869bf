"""Ask: what the formula or the data say to a quantity, a model and inputs, each of which may stand in a table."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import sympy

from memcalc import catalogue, units
from memcalc.errors import InputError, choice, shown, whole
from memcalc.estimate import states, training
from memcalc.estimate.speed import fastest, time_of_a_token
from memcalc.estimate.terms import in_numbers, terms, values
from memcalc.formula import TERMS, Term
from memcalc.formula.formats import Format, block
from memcalc.formula.printing import text
from memcalc.formula.quantization import matrix_bytes
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training

Run = Inference | Training

Inputs = Mapping[str, object]
"""A field of the run, of the model where it was changed, or what a question has of its own → its value."""


@dataclass(frozen=True)
class Quantity:
    """What the formula or a table of data gives.

    Parameters
    ----------
    value : the number; for some quantities a set of names, or a formula
    unit : "bytes", "×", "tokens" and so on
    terms : the terms of the formula that gave it
    source : where it comes from, if not from terms
    """

    value: object
    unit: str
    terms: tuple[Term, ...] = ()
    source: str = ""

    @property
    def sources(self) -> list[str]:
        """The sources of the terms, one by one, or the source of the number."""
        parts = [part for term in self.terms for part in term.source.split("; ")]
        return list(dict.fromkeys(parts + ([self.source] if self.source else [])))

    @property
    def cell(self) -> dict[str, object]:
        """The value and its unit as two cells of a table: bytes whole, other numbers to four digits."""
        value = self._in_words or (
            int(self.value) if self.value == int(self.value) else float(f"{float(self.value):.4g}")
        )
        return {"value": value, "unit": self.unit}

    @property
    def _in_words(self) -> str:
        """What is no number: a set, or a formula."""
        if isinstance(self.value, frozenset):
            return ", ".join(map(str, sorted(self.value)))
        return text(self.value) if isinstance(self.value, sympy.Basic) and not self.value.is_number else ""

    def __str__(self) -> str:
        if self._in_words:
            return self._in_words
        if self.unit == "bytes" and self.value >= 1024:  # what is smaller is a parameter, not a model
            return units.show_both(self.value)
        if self.unit == "parameters":
            return f"{self.value / 10**9:.1f} billion parameters"
        number = f"{self.value:,}" if isinstance(self.value, int) else f"{float(self.value):,.4g}"
        return f"{number} {self.unit}".replace(" ×", "×").rstrip()


QUANTITIES = {row["name"]: row for row in catalogue.rows("measured_quantities")}
"""Quantity that can be measured → its row, which says which of the QUESTIONS it is, and with which inputs."""


@dataclass(frozen=True)
class Question:
    """How a question is answered: from a model and its run, or from inputs alone.

    `own` names the inputs that are the question's, and not those of a run; without a run each of them must be there.
    None takes any.
    """

    answer: Callable[..., Quantity]
    own: tuple[str, ...] | None = ()
    run: type[Run] | None = None


def ask(quantity: str, model: str, inputs: Inputs, further: Mapping[str, Question] | None = None) -> Quantity:
    """Return what the formula or the data say.

    Parameters
    ----------
    quantity : a name in QUANTITIES or QUESTIONS, or one of the `further` questions
    model : as named in data/models.csv; "" if the inputs say it, or need none
    inputs : whole numbers named like fields of a model change the model; what the question does not know is of the run

    Raises InputError for a name that is not known, or inputs that make no sense.

    >>> ask("kv_cache", "Llama-3-8B", {"context": 8192, "engine": "transformers"}).value
    1073741824
    """
    questions = QUESTIONS | (further or {})
    quantity = choice("quantity", quantity, [*QUANTITIES, *questions])
    if quantity in QUANTITIES:
        row = QUANTITIES[quantity]
        quantity, inputs = row["question"], read_inputs(row["usual"]) | _checked(row, model, inputs)
    question, inputs = questions[quantity], {**({"model": model} if model else {}), **inputs}
    if question.run is not None:
        of_run = {name: value for name, value in inputs.items() if name not in ("model", *question.own)}
        asked = model_and_run(inputs.get("model") or inputs.get("parameters", ""), of_run, question.run is Training)
        return question.answer(*asked, *map(inputs.get, question.own))
    if question.own is None:
        return question.answer(**inputs)
    for name in inputs:
        choice("input", name, question.own)
    return question.answer(*(_given(inputs, name) for name in question.own))


def read_inputs(line: str) -> dict[str, object]:
    """Return the inputs of a line by name; numbers and truth values are read, all else stays text.

    Raises InputError for what is no pair, and for a name that the line has twice.

    >>> read_inputs("model=LLaMA-7B; context=4096; sequence_parallel=True")
    {'model': 'LLaMA-7B', 'context': 4096, 'sequence_parallel': True}
    """
    pairs = [pair.partition("=") for pair in line.split(";") if pair.strip()]
    for name, equals, _ in pairs:
        if not equals:
            raise InputError(f"inputs must be pairs such as context=8192; batch=2, not {shown(name)}.")
    for name, count in Counter(name.strip().casefold() for name, *_ in pairs).items():
        if count > 1:
            raise InputError(f"inputs must say each thing once, not {name} {count} times.")
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(word: str) -> str | float | bool:
    if word in ("True", "False"):
        return word == "True"
    if re.fullmatch(r"-?\d{1,18}", word):
        return int(word)
    return float(word) if re.fullmatch(r"\d*\.\d+", word) else word


def written(inputs: Inputs) -> str:
    """Return inputs as they stand in a line, which `read_inputs` understands.

    >>> written({"context": 8192, "engine": "transformers"})
    'context=8192; engine=transformers'
    """
    return "; ".join(f"{name}={value}" for name, value in inputs.items())


_COUNTS = [name for name in Model.declared if name in BY_NAME]
_OF_INFERENCE, _OF_TRAINING = (list(kind.declared) for kind in (Inference, Training))
_KNOWN = [*dict.fromkeys((*_OF_INFERENCE, *_OF_TRAINING, *_COUNTS, "format", "rows", "columns", "gpu"))]


def _checked(row: Mapping[str, str], model: str, inputs: Inputs) -> dict[str, object]:
    """Return the inputs of what can be measured: each is known, and none is guessed that the quantity needs."""
    needed = row["needs"].split()
    inputs = {choice("input", name, _KNOWN): value for name, value in inputs.items()}
    for names in needed:
        _given(inputs, *names.split("|"))
    if "gpu" in inputs:
        Gpu.named(inputs["gpu"])
    if "gpu" not in needed:  # bytes do not depend on the card
        inputs.pop("gpu", None)
    if "rows" in needed and model:
        raise InputError(f"model must be left out of the row of one matrix, not {shown(model)}.")
    if not needed and (model or inputs):
        said = f"{shown(model)} and {list(inputs)}"
        raise InputError(f"model and inputs must be left out of {row['name']}, not {said}.")
    return inputs


def _given(inputs: Inputs, *names: str) -> object:
    """Return the first of these inputs that there is; raise InputError if there is none."""
    for name in names:
        if name in inputs:
            return inputs[name]
    wanted, said = " or ".join(f"{name}=…" for name in names), ", ".join(inputs) or "nothing"
    raise InputError(f"inputs must say {wanted}, for nothing is guessed; they say {said}.")


def model_and_run(model: str | int, inputs: Inputs, trained: bool) -> tuple[Model, Run]:
    """Return the model with its changes, and the run: of training if asked for, or if an input is known there alone.

    Parameters
    ----------
    model : as named in data/models.csv, or a size alone [parameters]

    >>> model_and_run("Llama-3-8B", {"context": 64, "kv_heads": 1}, trained=False)[0].kv_heads
    1
    """
    trained = trained or any(key in _OF_TRAINING and key not in {*_OF_INFERENCE, *_COUNTS} for key in inputs)
    known = _OF_TRAINING if trained else _OF_INFERENCE
    for key in inputs:
        choice("input", key, [*known, *(_COUNTS if isinstance(model, str) else ())])
    words = {key for key in known if isinstance(inputs.get(key), str)}  # window: tokens of a model, or how a run counts
    counts = {key: value for key, value in inputs.items() if key in _COUNTS and key not in words}
    run = {key: value for key, value in inputs.items() if key not in counts}
    specified = replace(Model.named(model), **counts) if isinstance(model, str) else Model.nominal(model)
    return specified, (Training if trained else Inference)(**run)


def _memory(model: Model, run: Run, named: str | None = None, size: int | None = None) -> Quantity:
    """Return the sum of some terms of a run, or of all; a size is the number of parameters that a name says."""
    known, parts = values(model, run), {term.name: term for term in terms(model, run)}
    names = named.split("+") if named else [*parts]
    for name in names:
        if name not in parts:
            choice("term", name, TERMS)
            raise InputError(f"quantity {name!r} is no part of this run, which has {', '.join(parts)}.")
    counted = tuple(parts[name] for name in names)
    known = known if size is None else {**known, symbol("parameters"): size}
    return Quantity(sum(term.exact(known) for term in counted), "bytes", counted)


def _saved(model: Model, run: Training) -> Quantity:
    """Return what is kept for the backward pass, with the copies of the weights in 16 bit."""
    copies = any(term.name == "weight_copies" for term in terms(model, run))
    return _memory(model, run, "activations" + "+weight_copies" * copies)


def _layer(model: Model, run: Training) -> Quantity:
    """Return what a second layer adds to one; of those with and without a window or experts, those without and with."""
    alike = {name: getattr(model, name) for name in ("full_layers", "window_layers", "latent_layers")}
    feeds = {"dense_layers": 0, "moe_layers": 0}
    feed = "moe_layers" if model.moe_layers else "dense_layers"
    kind = next((kind for kind, number in alike.items() if number), None)
    if kind is None:
        raise InputError(f"quantity layer_activations must be of a model with attention alone, not {model.name}.")
    one, two = (replace(model, **dict.fromkeys(alike, 0) | feeds | {kind: n, feed: n}) for n in (1, 2))
    found = _saved(two, run)
    return replace(found, value=found.value - _saved(one, run).value)


def _head(model: Model, run: Training) -> int:
    known, tensors = model.values | run.values, training.saved_tensors(model, run)
    return sum(tensor.bytes(known) for tensor in tensors if tensor.place in ("head", "loss"))


def _training(model: Model, run: Training) -> int:
    return _memory(model, run, "weights+optimizer").value + _stepped(model, run)


def _stepped(model: Model, run: Training) -> int:
    from memcalc.estimate.peak import step_peak  # here: SymPy builds many terms for training

    return step_peak(model, run)


def _peak(model: Model, run: Training) -> Quantity:
    from memcalc.estimate.peak import peak  # here: SymPy builds many terms for training

    return replace(_memory(model, run), value=peak(model, run).bytes)


def _instead(named: str, found: Callable[[Model, Training], int]) -> Question:
    """Return the question for what `found` counts instead of the sum of these terms."""
    return Question(lambda model, run: replace(_memory(model, run, named), value=found(model, run)), run=Training)


def _offloaded(model: Model, run: Training, _size: int | None) -> Quantity:
    """Return what all cards together keep in the memory of the CPU."""
    elsewhere = sum(states.places(model, run)["cpu"].values()) if run.off_card else 0
    return Quantity(elsewhere * run.sharing_cards, "bytes", terms(model, replace(run, activations="none")))


def _decode(model: Model, run: Inference, gpu: str | None, card: str | None) -> Quantity:
    asked, term = Gpu.named(gpu or card), time_of_a_token(model, run)
    if term is None:
        raise InputError("weights must be named for a speed, such as 'Q4_K_M': files do not say what a token reads.")
    rate = fastest(model, run, asked).decode
    if rate is None:
        raise InputError(f"gpu must be one whose bandwidth is known, not {asked.name}.")
    return Quantity(Fraction(rate), "tokens/s", (term,))


def _power(model: Model, run: Training, name: str, letter: str) -> Quantity:
    """Return the power of a symbol with which a term grows."""
    (term,) = _memory(model, run, name).terms
    return Quantity(sympy.degree(term.expanded(), symbol(letter)), "", (term,))


def _matrix(name: str, *sides: object) -> Quantity:
    blocks = {row["name"]: row for row in catalogue.rows("ggml_types")}
    name = choice("format", name, [*catalogue.names("formats"), *blocks])
    rows, columns = (whole(side, size, 1, 10**6) for side, size in zip(("rows", "columns"), sides, strict=True))
    if name not in blocks:
        found = matrix_bytes(sympy.Integer(rows), sympy.Integer(columns), Format.named(name))
        return Quantity(found, "bytes", source=catalogue.find("formats", "format", name)["source"])
    numbers, size = block(name)
    if columns % numbers:
        raise InputError(f"columns must be a multiple of {numbers}, the block of {name}, not {columns:,}.")
    return Quantity(rows * columns // numbers * size, "bytes", source=blocks[name]["source"])


def _card(name: str, value: str) -> Quantity:
    unit = {"marketed_gb": "GB", "reported_mib": "bytes", "bandwidth_gbs": "GB/s", "price_usd": "USD"}
    number = getattr(Gpu.named(name), choice("value", value, unit))
    number = units.to_bytes(number, "MiB") if value == "reported_mib" else number
    return Quantity(number, unit[value], source=_source_of(name))


def _sizes(name: str) -> Quantity:
    cards = Gpu.sold_as(name)
    return Quantity(frozenset(card.marketed_gb for card in cards), "GB", source=_source_of(cards[0].name))


def _source_of(card: str) -> str:
    return "{source} (retrieved {retrieved})".format_map(catalogue.find("gpus", "gpu", card))


def _fewest_bits() -> Quantity:
    types = {Fraction(int(row["bytes"]) * 8, int(row["elements"])): row for row in catalogue.rows("ggml_types")}
    return Quantity(min(types), "bits", source=types[min(types)]["source"])


def _code_bits(name: str) -> Quantity:
    """Return the bits of one number in a format, without what is kept beside it."""
    row = catalogue.find("formats", "format", name)
    return Quantity(Fraction(row["code_bits"] or row["bits"]), "bits", source=row["source"])


def _count(name: str, value: str) -> Quantity:
    model, value = Model.named(name), choice("value", value, [*_COUNTS, "trained_context"])
    unit = "tokens" if value == "trained_context" else value.split("_")[-1]
    return Quantity(getattr(model, value), unit, source=model.source)


def _terms(kinds: str) -> Quantity:
    """Return the names of the terms of LLaMA-7B's runs of these kinds."""
    runs = {"inference": Inference(), "training": Training()}
    chosen = [terms(Model.named("LLaMA-7B"), runs[choice("runs", kind, runs)]) for kind in kinds.split("+")]
    found = {term.name: term for several in chosen for term in several}
    return Quantity(frozenset(found), "terms", tuple(found.values()))


def _formula(term: str = "", model: str = "", **symbols: object) -> Quantity:
    """Return a term as a formula, for a model with what it lacks left out, and with these symbols set."""
    found = in_numbers(TERMS[term], Model.named(model), Inference())[0] if model else TERMS[term]
    numbers = {symbol(one): sympy.Integer(to) if isinstance(to, int) else symbol(to) for one, to in symbols.items()}
    return Quantity(found.expr.xreplace(numbers), "formula", (found,))


QUESTIONS = {
    "to run": Question(_memory, ("terms", "parameters"), Inference),
    "to train": Question(_memory, ("terms", "parameters"), Training),
    "to recompute": _instead("activations", training.peak_of_recomputation),
    "saved": Question(_saved, run=Training),
    "saved by a layer": Question(_layer, run=Training),
    "saved by the head": _instead("activations", _head),
    "peak of a step": _instead("gradients+activations", _stepped),
    "peak of training": _instead("weights+gradients+optimizer+activations", _training),
    "peak of a run": Question(_peak, run=Training),
    "offloaded": Question(_offloaded, ("parameters",), Training),
    "tokens per second": Question(_decode, ("gpu", "card"), Inference),
    "power": Question(_power, ("term", "symbol"), Training),
    "matrix": Question(_matrix, ("format", "rows", "columns")),
    "card": Question(_card, ("card", "value")),
    "sizes": Question(_sizes, ("card",)),
    "fewest bits": Question(_fewest_bits),
    "bits of a code": Question(_code_bits, ("format",)),
    "count": Question(_count, ("model", "value")),
    "terms": Question(_terms, ("runs",)),
    "formula": Question(_formula, None),
}
"""What can be asked → how it is answered."""
