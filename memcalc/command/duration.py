"""How long a training takes, on a command line: for so many tokens, at what share of a card's peak, at what price."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from memcalc import units
from memcalc.command.words import size, value
from memcalc.errors import InputError, must, shown

if TYPE_CHECKING:
    from memcalc.estimate.inference import AnyModel
    from memcalc.estimate.training_time import TrainingTime
    from memcalc.specs.gpu import Gpu
    from memcalc.specs.training import Training

_OPTIONS = {
    "tokens": "tokens on which the model is trained in all, such as 100B: how many days they take",
    "utilization": "the share of the card's peak that is reached, such as 0.4; without it, the days are a bound",
    "card-price": "what an hour of a card costs [US dollars]",
}


def add(command: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = command.add_argument_group("how long it takes")
    for name, meaning in _OPTIONS.items():
        group.add_argument(f"--{name}", metavar="…", type=_read, help=meaning)


def _read(text: str) -> object:
    """Read a number; of tokens, as of parameters, B is a thousand millions."""
    return size(text) or value(text)


def asked(options: argparse.Namespace, model: AnyModel, run: Training, gpu: Gpu) -> TrainingTime | None:
    """Return how long the training takes that a command line describes; None if it does not ask.

    Raises InputError for numbers that make no sense, and for a share or a price of no tokens.
    """
    said = {name: getattr(options, name.replace("-", "_"), None) for name in _OPTIONS}
    if said["tokens"] is None:
        if given := [name for name in said if said[name] is not None]:
            raise InputError(f"tokens must be given with {given[0]}, such as 100B: a training of so many is timed.")
        return None
    from memcalc.estimate.training_time import training_time  # here: SymPy builds many terms

    share = {} if said["utilization"] is None else {"utilization": said["utilization"]}
    return training_time(model, run, gpu, said["tokens"], card_price=said["card-price"], **share)


def refuse(options: argparse.Namespace) -> None:
    """Raise InputError if a command line asks how long a method takes, whose phases nobody has timed."""
    for name in _OPTIONS:
        if (given := getattr(options, name.replace("-", "_"))) is not None:
            raise must(name, "left out with method, for nobody has timed the phases of one", shown(given))


def beside(options: argparse.Namespace, model: AnyModel, run: Training, gpu: Gpu) -> Iterator[str]:
    """Yield the sentence that says how long all tokens take, what they draw and what they cost."""
    if (found := asked(options, model, run, gpu)) is None:
        return
    cards = "this card" if found.cards == 1 else f"{found.cards:,} such cards"
    tokens = f"{options.tokens:,} tokens" if options.tokens > 1 else "a token"
    least = "at least " if options.utilization is None else ""
    many = found.cards > 1
    costs = [f"draw{'' if many else 's'} at most {units.three_digits(found.kilowatt_hours)} kWh"]
    costs = costs if found.kilowatt_hours else []
    costs += [f"cost{'' if many else 's'} {units.dollars(round(found.dollars, 2))}"] if found.dollars else []
    beside = f", in which {'they' if many else 'it'} {' and '.join(costs)}" if costs else ""
    at = f" at {100 * options.utilization:g} % of their peak" if options.utilization else ""
    yield f"For {tokens}, {cards} would take {least}{units.three_digits(found.days)} days{at}{beside}."
