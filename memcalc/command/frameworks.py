"""The files of DeepSpeed and FSDP on a command line, and what is said beside the answer to them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memcalc.errors import InputError
from memcalc.units import show

if TYPE_CHECKING:
    from memcalc.estimate.inference import AnyModel
    from memcalc.specs.frameworks import Settings
    from memcalc.specs.gpu import Gpu
    from memcalc.specs.run import Run

_FILES = {
    "deepspeed": "its JSON or YAML file; what the command line says too counts in place of it",
    "fsdp": 'the JSON or YAML file of accelerate or the Trainer, or words such as "full_shard auto_wrap"',
}
"""Option → what is read from it."""


def add(command: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = command.add_argument_group("what a file says")
    for name, meaning in _FILES.items():
        group.add_argument(f"--{name}", metavar="…", help=meaning)


def with_files(said: Mapping[str, object], options: argparse.Namespace) -> dict[str, object]:
    """Return the fields of a run that the command line or its file says; what both say is the command line's.

    Raises InputError for a file that cannot be used, and for both files at once.
    """
    found = _settings(said, options)
    return {**(found.fields if found else {}), **said}


def in_vain(said: Mapping[str, object], options: argparse.Namespace) -> list[dict[str, str]]:
    """Return what of a file has no effect, and why."""
    found = _settings(said, options)
    return [{"key": key, "why": why} for key, why in found.idle.items()] if found else []


def beside(
    said: Mapping[str, object], options: argparse.Namespace, model: AnyModel, run: Run, gpu: Gpu
) -> Iterator[str]:
    """Yield the sentences that stand after the answer: what a file says in vain, and what paged states do."""
    if "paged" in str(said.get("optimizer", "")).casefold():
        yield from _paged(model, run, gpu)
    yield from of_files(said, options)


def of_files(said: Mapping[str, object], options: argparse.Namespace) -> Iterator[str]:
    """Yield what a file says in vain, in a sentence."""
    if idle := {one["key"]: one["why"] for one in in_vain(said, options)}:
        from memcalc.specs.frameworks import in_words

        yield in_words(_name(options), idle)


def _paged(model: AnyModel, run: Run, gpu: Gpu) -> Iterator[str]:
    """Say what is left on a card when the states of an optimizer give way, as those of bitsandbytes do."""
    from memcalc.estimate.training_ways import without_states

    states, rest = without_states(model, run)
    if states:
        helps = " and the run fits" if rest <= gpu.capacity < rest + states else ""
        moved = f"if all {show(states)} of them go to CPU memory, which takes time, the peak is {show(rest)}{helps}"
        yield f"Paged states count as if they stayed on the card: {moved}."


def _name(options: argparse.Namespace) -> str:
    return Path(options.deepspeed).name if options.deepspeed else f"--fsdp {Path(options.fsdp).name}"


def _settings(said: Mapping[str, object], options: argparse.Namespace) -> Settings | None:
    """Return what the file says, less what the command line overrules; None without a file."""
    asked = [name for name in _FILES if getattr(options, name, None) is not None]
    if not asked:
        return None
    from memcalc.specs import frameworks  # here, because most command lines name no file
    from memcalc.specs.training import Training

    if len(asked) > 1:
        raise InputError("deepspeed and fsdp share the same states out: give one of them.")
    found = frameworks.of_fsdp(options.fsdp) if asked == ["fsdp"] else _of_deepspeed(options)
    checked = {name: Training.declared[name].check(name, value) for name, value in said.items()}
    own = {name: Training.declared[name].check(name, value) for name, value in found.fields.items()}
    return frameworks.overruled(frameworks.Settings(own, found.keys, found.idle), checked)


def _of_deepspeed(options: argparse.Namespace) -> Settings:
    """Return what its file says; the model is read first where an automatic bucket depends on its hidden size."""
    from memcalc.specs.frameworks import AUTO, of_deepspeed

    found = of_deepspeed(options.deepspeed)
    if found.idle.get("zero_optimization.reduce_bucket_size") != AUTO:
        return found
    from memcalc.command.models import meant

    return of_deepspeed(options.deepspeed, getattr(meant(options.model, options.tag), "hidden", 0))
