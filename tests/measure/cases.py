"""What is measured: a quantity of a model under its inputs, and which code measures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from memcalc.estimate import measured


@dataclass(frozen=True)
class Case:
    """One amount to measure.

    Parameters
    ----------
    quantity : as named in memcalc/data/measured_quantities.csv
    model : as named in memcalc/data/models.csv
    inputs : what else decides it, by the names of a run's and a model's fields
    libraries : distributions whose versions the row names, if they are not those of the section
    """

    quantity: str
    model: str
    inputs: Mapping[str, str | int | float]
    libraries: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """The inputs as they stand in a row."""
        return measured.written(self.inputs)


@dataclass(frozen=True)
class Section:
    """Cases that one module measures with `measure(case)`, saying how in `HOW` (quantity → sentence).

    Parameters
    ----------
    letter : with which the ids of its rows begin
    module : of this package; it imports the libraries
    libraries : distributions that the module imports; where one is missing, or has another version than one that
        stands behind ==, the section is left out
    cases : in the order of their ids: new ones go to the end, for the ids of rows stay
    suffix : with which the ids end
    table : of tests/data, where its rows stand; "" for memcalc/data/measured.csv
    """

    letter: str
    module: str
    libraries: tuple[str, ...]
    cases: tuple[Case, ...]
    suffix: str = ""
    table: str = ""

    def versions(self, case: Case | None = None) -> str:
        """Return the libraries of a case, or all, with their versions; nothing if one of them is not there."""
        found = []
        for name, _, wanted in (library.partition("==") for library in (case and case.libraries) or self.libraries):
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                return ""
            if wanted and found[-1] != f"{name} {wanted}":
                return ""
        return ", ".join(found)

    def load(self) -> ModuleType:
        """Import the module, and with it the libraries."""
        return import_module(f"measure.{self.module}")

    def numbered(self) -> Iterator[tuple[str, Section, Case]]:
        """Yield the id of each row, this section, and the case."""
        for number, case in enumerate(self.cases, start=1):
            yield f"{self.letter}{number:03}{self.suffix}", self, case
