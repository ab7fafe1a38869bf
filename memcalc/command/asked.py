"""What is asked: of which model and cards, and whether for one card, several together, or several in a table."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from memcalc.command import duration, methods
from memcalc.command.answers import on_one, print_pool, run_of
from memcalc.command.words import model_and_cards
from memcalc.errors import InputError, must
from memcalc.specs.inference import Inference
from memcalc.specs.training import Training

if TYPE_CHECKING:
    from memcalc.estimate.inference import AnyModel


def answer(options: argparse.Namespace) -> None:
    """Answer the question of a command line."""
    options.model, options.gpu = model_and_cards(options)
    if options.kind is Inference and (options.cards or options.formats):
        from memcalc.command import tables

        return tables.answer(options)
    if getattr(options, "table", None):
        raise InputError("table must be left out, unless cards or formats are to be compared.")
    methods.asked(options)
    run = run_of(options)  # first, because that needs no SymPy
    if getattr(options, "pool", None):
        return print_pool(options, run)
    _of_cards(run, options)


def _of_cards(run: Inference | Training, options: argparse.Namespace) -> None:
    """Answer for the cards that are named."""
    if not options.gpu:
        raise InputError('gpu must name a card, such as "RTX 4090", or its size, such as "24 GB".')
    from memcalc.command.models import format_said, meant
    from memcalc.specs.gpu import each

    for text in options.gpu:
        if form := format_said(text):
            raise must("gpu", "a card", f"{text!r}, which is a format of weights: --weights {form}")
    model, cards = meant(options.model, options.tag), [one for text in options.gpu for one in each(text)]
    if isinstance(run, Inference):
        return _generating(model, run, cards, options)
    if len(cards) > 1:
        run = _on_all(run, cards)
    if methods.asked(options):
        from memcalc.command import phases

        duration.refuse(options)
        return phases.answer(model, methods.of(run, options), cards[0], options)
    on_one(model, run, cards[0], options)


def _on_all(run: Training, cards: list[str]) -> Training:
    """Return the run on so many equal cards: unless its degrees say more, each works on other sequences.

    >>> _on_all(Training(tensor_parallel=2), ["H100"] * 8).data_parallel
    4
    """
    if len({*cards}) > 1:
        raise must("gpu", "equal cards for a training, such as '4x H100', each with its share", " and ".join(cards))
    once = replace(run, data_parallel=1).cards
    every = len(cards) // once if run.data_parallel == 1 else run.data_parallel
    if every * once != len(cards):
        said = f"{run.cards:,} equal cards, or one that stands for them, as the options under several cards say"
        raise must("gpu", said, f"{len(cards):,} of {cards[0]}")
    return replace(run, data_parallel=every)


def _generating(model: AnyModel, run: Inference, cards: list[str], options: argparse.Namespace) -> None:
    """Answer for cards that share the model out; of equal ones that divide each layer, one stands for all."""
    from memcalc.estimate.inference import as_published

    run = as_published(model, run)
    if len(cards) == 1:
        if options.tensor_split:
            raise must("tensor-split", "left out for a single card", repr(options.tensor_split))
        return on_one(model, run, cards[0], options)
    from memcalc.command.several import print_divided, shared_out
    from memcalc.specs.gpu import Gpu

    found = shared_out(model, run, [Gpu.of(card) for card in cards], options.tensor_split)
    if isinstance(found, Inference):
        return on_one(model, found, cards[0], options)
    if options.explain:
        raise InputError("explain must be left out with several cards, which hold what it says of one.")
    print_divided(found, options.json)
