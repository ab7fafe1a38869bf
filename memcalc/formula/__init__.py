"""The formula: each module gives the terms that its name says, each written once as a SymPy expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from memcalc.errors import choice

if TYPE_CHECKING:
    from memcalc.formula.term import Term

MODULES = (
    "in_files",
    "weights",
    "sharding",
    "optimizer",
    "lora",
    "kv_cache",
    "inverse",
    "roofline",
    "training_time",
    "engine_step",
    "overhead",
    "totals",
)
"""Modules with terms that are the same for every run; `totals.examples` gives those that depend on the code.

Of a name that two have, the later one is the general term: that of files stands for it where nothing else is known.
"""


class _Terms(Mapping):
    """Name → term; built when first asked for, because SymPy takes as long for all terms as for its own import."""

    @cached_property
    def _terms(self) -> dict[str, Term]:
        from memcalc.formula.term import Term

        modules = [import_module(f"{__name__}.{name}") for name in MODULES]
        every = [term for module in modules for term in vars(module).values() if isinstance(term, Term)]
        return {term.name: term for term in (*modules[-1].examples(), *every)}

    def __getitem__(self, name: str) -> Term:
        return self._terms[name if name in self._terms else choice("term", name, self._terms)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)


TERMS: Mapping[str, Term] = _Terms()
"""Name → term; an unknown name raises InputError with the nearest ones."""

__all__ = ["TERMS", "Term"]


def __getattr__(name: str) -> object:
    if name != "Term":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.term").Term  # here, because formats and choices do without SymPy
