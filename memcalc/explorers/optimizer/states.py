"""The training states of a run as a picture needs them: of one parameter, on each card, and all together."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import sympy

from memcalc import Model, Training, values
from memcalc.errors import must, shown
from memcalc.estimate.states import states
from memcalc.explorers.controls import model_of
from memcalc.explorers.words import line_of
from memcalc.formula.choices import Layout
from memcalc.formula.optimizer import M_1, P, T, n_c, n_o
from memcalc.formula.sharding import P_1, N_d
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.term import Term, Values
from memcalc.specs.model import NominalModel
from memcalc.texts import later, tr
from memcalc.units import show

_SIZES = {"m": 10**6, "million": 10**6, "b": 10**9, "billion": 10**9, "t": 10**12, "trillion": 10**12}

_SIZED = rf"\s*(\d{{1,9}}(?:\.\d{{1,9}})?)\s*({'|'.join(_SIZES)})\b(?:\s*parameters)?\s*"

_PAIR = sympy.Min(2, N_d)  # which is 2 wherever something is shared


def model_or_size(text: str) -> Model | NominalModel:
    """Return the model of a name, of the text of a config.json, or of a size alone.

    Raises InputError for what is none of them.

    >>> model_or_size("7.5 billion parameters").parameters, model_or_size("llama-7b").name
    (7500000000, 'LLaMA-7B')
    """
    sized = re.fullmatch(_SIZED, text, re.IGNORECASE) if isinstance(text, str) else None
    if sized:
        return Model.nominal(int(Fraction(sized[1]) * _SIZES[sized[2].lower()]))
    if isinstance(text, str) and text.lstrip()[:1].isdigit():
        raise must("model", tr("a name, or a size such as 7.5 billion parameters"), shown(text))
    return model_of(text)


@dataclass(frozen=True)
class Part:
    """Some of the bytes of one parameter: a number that training keeps of it.

    Parameters
    ----------
    word : what the number is
    term : to which summand it belongs
    each : how many bytes it has; of what is stored in blocks, on average
    """

    word: str
    term: str
    each: Fraction

    @property
    def called(self) -> str:
        """The word in the reader's language."""
        return tr(self.word)


@dataclass(frozen=True, eq=False)
class States:
    """What a run keeps of each parameter, and which of it the cards share."""

    model: Model | NominalModel
    run: Training

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Weights, gradients and optimizer, as one card keeps them; raises InputError where that makes no sense."""
        return states(self.model, self.run)

    @cached_property
    def known(self) -> Values:
        """The values of all letters, among them a card's share, one state of the optimizer, and the counters."""
        known = values(self.model, self.run)
        parts = {part.symbol: part for term in self.terms for part in term.every_part.values()}
        missing = [letter for letter in (P_1, M_1, T) if letter in parts and letter not in known]
        return known | {letter: parts[letter].value(known) for letter in missing}

    @cached_property
    def kept(self) -> dict[str, int]:
        """Term → what one card keeps [bytes]."""
        return {term.name: term.exact(self.known) for term in self.terms}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The bytes of one parameter, from the floor of a card up."""
        each = {name: Fraction(self.known[symbol(f"bytes_per_{name}")]) for name in ("weight", "gradient", "master")}
        state = Fraction(self.known[M_1]) / (self.known[P_1] if self.shared("optimizer") else self.known[P])
        found = [Part(name, f"{name}s", each[name]) for name in (later("weight"), later("gradient"))]
        found.append(Part(later("master copy"), "optimizer", each["master"]))
        states = filter(None, self.run.optimizer_spec.states.split("|"))
        return tuple(part for part in (*found, *(Part(word, "optimizer", state) for word in states)) if part.each)

    @property
    def bytes_each(self) -> Fraction:
        """What all cards together keep of one parameter [bytes]."""
        return sum(part.each for part in self.parts)

    @cached_property
    def whole(self) -> dict[str, int]:
        """Term → what all cards together keep, once [bytes]."""
        each = {term.name: sum(part.each for part in self.parts if part.term == term.name) for term in self.terms}
        return {name: int(size * self.model.parameters) for name, size in each.items()}

    @cached_property
    def stages(self) -> dict[str, int]:
        """Term → the stage of ZeRO from which on it is shared: each stage shares one more, the last kept first."""
        return {term.name: place for place, term in enumerate(reversed(self.terms), 1)}

    def shared(self, term: str) -> bool:
        """Return whether the cards share a term out."""
        return self.run.stage >= self.stages[term]

    def toggled(self, term: str) -> dict[str, str]:
        """Return the setting in which a term is shared if it was not, and is not if it was."""
        stage = self.stages[term]
        return {"zero": str(stage - 1 if self.run.zero >= stage else stage)}

    def formula(self) -> list[dict[str, object]]:
        """Return the lines of the formula: what one card keeps, in GB as in the paper, and how large its share is."""
        *others, optimizer = (term.simplified(self.known) for term in self.terms)
        line = line_of([*others, self._spelled_out(optimizer)], self.known, "training")
        in_gb = {f"={name}": f"{tr(BY_NAME[name].word)} {show(size, 'GB')}" for name, size in self.kept.items()}
        in_gb |= {line["letter"]: show(sum(self.kept.values()), "GB")}
        in_gb |= {str(M_1): show(self.known[M_1], "GB")} if str(M_1) in line["numbers"] else {}
        return [line | {"numbers": line["numbers"] | in_gb}, *self._share()]

    def _spelled_out(self, optimizer: Term) -> Term:
        """Return what the optimizer keeps in bytes of a number; a state of uneven bytes stays a letter."""
        even = self.run.optimizer_spec.layout == Layout.FULL
        written = optimizer.expanded(frozenset({P, P_1, T} if even else {P, P_1, T, M_1}))
        absent = {n_o: 0} if not self.known[n_o] else {}
        absent |= {n_c: 0, T: 0} if not self.known[T] else {}
        number = P_1 if self.shared("optimizer") else P
        return replace(optimizer, expr=sympy.collect(written.subs(absent), number), parts=())

    def _share(self) -> list[dict[str, object]]:
        """Return the line of a card's share; none if nothing is shared, or if each tensor is counted by itself."""
        found = [part for part in self.terms[-1].every_part.values() if part.symbol == P_1]
        plain = [replace(part, expr=part.expr.xreplace({_PAIR: sympy.Integer(2)}), parts=()) for part in found]
        return [line_of([part], self.known) for part in plain if part.expr.free_symbols == {P, N_d}]
