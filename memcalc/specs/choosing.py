"""How the fields of a training run are checked that take more than a word of a few or a number."""

import re
from functools import cache
from numbers import Real

from memcalc import catalogue
from memcalc.errors import InputError, choice, must, shown, spelled
from memcalc.formula.choices import Targets
from memcalc.formula.formats import Other
from memcalc.formula.glossary import BY_NAME


def dropout(field: str, rate: object) -> object:
    """Return a rate, if it is one."""
    real = isinstance(rate, Real) and not isinstance(rate, bool)
    if not real or not 0 <= rate < 1:  # which no nan is
        raise must(field, "a number from 0 to less than 1", shown(rate))
    return rate


def optimizer(field: str, name: object) -> str:
    """Return the name of an optimizer; one that is known, and not counted, is refused with the nearest that is."""
    try:
        return catalogue.find("optimizers", field, name)["name"]
    except InputError:
        other = spelled(name, {row["name"]: row for row in catalogue.rows("uncounted_optimizers")})
        if not other:
            raise
    nearest = f"the nearest that is counted is {other['instead']}"
    raise InputError(f"{field} {shown(name)} is not counted, because {other['why']}; {nearest}.")


def targets(field: str, value: object) -> str:
    """Return a word of `Targets`, or names of matrices in the order of the tables."""
    if not isinstance(value, str) or not re.search("[,_]", value):
        return choice(field, value, Targets)
    known = _matrices()
    asked = {choice(field, name.strip(), known) for name in value.split(",")}
    return ",".join(name for name in known if name in asked)


@cache
def _matrices() -> tuple[str, ...]:
    """Return the names of the matrices in a layer, as the code of some family has them."""
    two = (row["name"] for row in catalogue.rows("tensors") if row["shape"].count(";") == 1)
    return tuple(
        dict.fromkeys((*catalogue.names("adapted_matrices"), *(name for name in two if name.endswith("_proj"))))
    )


def frozen(field: str, value: object) -> int | str:
    """Return how many layers are frozen, or "embedding" for that alone."""
    if value == "embedding":
        return value
    if type(value) is not int or not 0 <= value <= BY_NAME["frozen_layers"].limit:
        raise must(field, "a number of layers or 'embedding'", shown(value))
    return value


def yes_or_no(field: str, value: object) -> bool | None:
    """Return a truth value, or None where it is left out."""
    if value is not None and not isinstance(value, bool):
        raise must(field, "True or False, or left out", shown(value))
    return value


@cache
def biases() -> tuple[Other, ...]:
    """Return the biases of quantized matrices, which the first pass makes 16-bit again: Linear4bit.forward."""
    places = [(row["group"], row["name"]) for row in catalogue.rows("tensors")]
    inside = (place for place in places if place[0] in ("attention", "mlp") and place[1].endswith("_bias"))
    return tuple(Other(group, name, None, "FP16") for group, name in inside)
