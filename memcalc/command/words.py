"""What people type: counts with K and commas, sizes such as 7B, and the slots of llama.cpp."""

import argparse
import re
from collections.abc import Mapping
from fractions import Fraction

from memcalc.errors import InputError, must, whole
from memcalc.formula.glossary import BY_NAME
from memcalc.specs.engines import Engine

_GROUPED = re.compile(r"\d{1,3}(,\d{3}){1,5}")
_THOUSANDS = re.compile(r"(?P<number>\d{1,9}(\.\d{1,9})?)\s?(?P<letter>[km])")
_LETTERS = {"k": 1024, "m": 1024**2}
"""Counts are of tokens and sequences, whose round numbers are powers of two: 32K is 32,768."""

_SIZE = re.compile(r"(?P<number>\d{1,6}(\.\d{1,9})?)\s*(?P<letter>[mbt])")
_OF_PARAMETERS = {"m": 10**6, "b": 10**9, "t": 10**12}


def value(text: str) -> object:
    """Read a number or a truth value; what is neither goes on as text, and the field itself says what is allowed.

    >>> value("32K"), value("4,096"), value("1 M"), value("0.1"), value("true"), value("Q4_K_M")
    (32768, 4096, 1048576, 0.1, True, 'Q4_K_M')
    """
    plain = text.strip().lower()
    if _GROUPED.fullmatch(plain):
        return int(plain.replace(",", ""))
    if short := _THOUSANDS.fullmatch(plain):
        number = Fraction(short["number"]) * _LETTERS[short["letter"]]
        return int(number) if number.denominator == 1 else text
    for read in (int, float, {"true": True, "false": False}.__getitem__):
        try:
            return read(plain)
        except (ValueError, KeyError):
            pass
    return text


def size(text: str) -> int | None:
    """Return the number of parameters that a size such as "7B" means; None for what is none.

    >>> size("7B"), size("1.5b"), size("Llama-2-7B")
    (7000000000, 1500000000, None)
    """
    found = _SIZE.fullmatch(text.strip().lower())
    return int(Fraction(found["number"]) * _OF_PARAMETERS[found["letter"]]) if found else None


def in_gb(text: str) -> str:
    """Return the memory of a card with its unit, which is GB where none is said.

    >>> in_gb("24"), in_gb("24GiB")
    ('24 GB', '24GiB')
    """
    return f"{text} GB" if re.fullmatch(r"\s*[\d.,]+\s*", text) else text


def model_and_cards(options: argparse.Namespace) -> tuple[str, list[str]]:
    """Return which model and which cards a command line names, with options or without.

    Raises InputError if no model is named, or cards stand in both ways.
    """
    said = [*([] if options.model is None else [options.model]), *options.gpu]
    model = options.named_model
    if model is None:
        if not said:
            example = f'python -m memcalc {options.command} Llama-3.1-8B "RTX 4090"'
            raise InputError(f"model must be named, as in `{example}`; `python -m memcalc list models` lists names.")
        model, *said = said
    if said and options.named_gpu:
        raise InputError(f"gpu must be named once, not as {said[0]!r} and as {options.named_gpu[0]!r}.")
    return model, said or options.named_gpu


def with_slots(said: Mapping[str, object], slots: object, total_context: object) -> dict[str, object]:
    """Return the fields of a run, of which llama.cpp's words say context and batch.

    Parameters
    ----------
    said : the fields that the user gave
    slots : sequences at the same time, as its -np; None if nothing is said
    total_context : tokens of all slots together, as its -c; None if nothing is said

    llama.cpp fills the tokens up to whole blocks of its cache, and then each slot has its share of them.
    Raises InputError if the same is said twice, or a slot would have no token.

    Source: ggml2026llama, src/llama-context.cpp, commit 001d906: n_ctx_seq.

    >>> with_slots({"engine": "llama.cpp"}, 4, 1024)
    {'engine': 'llama.cpp', 'batch': 4, 'context': 256}
    """
    run = dict(said)
    if slots is not None:
        _once("batch", "slots", run)
        run["batch"] = whole("slots", slots, 1, BY_NAME["batch"].limit)
    if total_context is not None:
        _once("context", "total-context", run)
        tokens = whole("total-context", total_context, 1, BY_NAME["context"].limit)
        block = Engine.named(run.get("engine", "none")).block
        several = whole("batch", run.get("batch", 1), 1, BY_NAME["batch"].limit)
        run["context"] = -(-tokens // block) * block // several
        if not run["context"]:
            raise must("total-context", f"at least a token for each of {several:,} slots", tokens)
    return run


def _once(field: str, other: str, said: Mapping[str, object]) -> None:
    if field in said:
        raise InputError(f"{field} and {other} say the same in other words: give one of them.")
