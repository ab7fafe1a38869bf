"""What an explorer says: sentences with the words of terms marked, and formulas with the numbers under the letters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import sympy

from memcalc import Gpu, Inference, Model, Training
from memcalc.estimate.terms import as_needed
from memcalc.formula import numeric
from memcalc.formula.mathml import mathml
from memcalc.formula.plain import plain as plain_term
from memcalc.formula.printing import number
from memcalc.formula.symbols import BY_NAME, GLOSSARY, SUMMANDS
from memcalc.formula.term import Term, Values
from memcalc.specs.model import NominalModel
from memcalc.texts import tr
from memcalc.units import amount, show

Words = Sequence[str | Mapping[str, str]]
"""Pieces of a sentence: plain text, the word of a term, the verdict, or the place of a control."""

_MOST_LETTERS = 16  # of a term in a formula

_PIECE = re.compile(r"\{(\w+)\}|\[([^]|]+)(?:\|(\w+))?\]|\*([^*]+)\*")


def words(template: str) -> Words:
    """Return the pieces of a sentence.

    `{name}` is the place of a control, `[word]` the word of a term, `[word|name]` one that is spelled otherwise, and
    `*what counts*` is the verdict, or what should be seen first.

    >>> words("with [weights] in {weights}")
    ['with ', {'word': 'weights', 'of': 'weights'}, ' in ', {'control': 'weights'}]
    >>> plain(words("*It fits*: the [cache] takes 1 GiB"))
    'It fits: the cache takes 1 GiB'
    """
    named = {entry.word: name for name, entry in SUMMANDS.items()}
    pieces, end = [], 0
    for match in _PIECE.finditer(template):
        pieces.append(template[end : match.start()])
        control, word, name, strong = match.groups()
        pieces.append(
            {"control": control}
            if control
            else {"strong": strong}
            if strong
            else {"word": word, "of": name or named[word]}
        )
        end = match.end()
    return [piece for piece in (*pieces, template[end:]) if piece]


def plain(pieces: Words) -> str:
    """Return a sentence without its marks."""
    return "".join(
        piece if isinstance(piece, str) else piece.get("word") or piece.get("strong", "…") for piece in pieces
    )


def spelled(symbol: sympy.Symbol, value: object) -> str:
    """Return the value of a letter as it stands below it: bytes with their unit, all else as a number."""
    entry = GLOSSARY[symbol]
    if entry.unit == "bytes" and entry.derived:
        return show(Fraction(value))
    if entry.derived and entry.unit:
        return amount(value, entry.unit)
    return number(value) if isinstance(value, (int, Fraction)) else number(float(value))


def formula(
    model: Model | NominalModel,
    run: Inference | Training,
    terms: Iterable[Term],
    gpu: Gpu | None = None,
    left: str = "",
) -> list[dict[str, object]]:
    """Return a line of a formula: what is added up, each summand with the letters of its term and its value.

    Parameters
    ----------
    terms : the summands
    left : the name in the glossary of what they add up to; without it, the line is that of a single term
    """
    terms = list(terms)
    worked = [as_needed(term, model, run, gpu) for term in terms]
    known = {letter: value for _, numbers in worked for letter, value in numbers.items()}
    return [line_of([term for term, _ in worked], known, left)]


def line_of(terms: Sequence[Term], known: Values, left: str = "") -> dict[str, object]:
    """Return a line of a formula for terms, simplified or not, and the values of their letters."""
    whole = BY_NAME[left].symbol if left else terms[0].symbol
    sizes = {term.name: term.value(known) for term in terms}
    letters = {letter: term for term in terms for letter in numeric.arguments(_readable(term))}
    numbers = {
        letter.name: spelled(letter, known.get(letter, sizes.get(term.name))) for letter, term in letters.items()
    }
    numbers[whole.name] = spelled(whole, sum(sizes.values()))
    if left:
        words_of = {term.name: tr(BY_NAME[term.name].word) for term in terms}
        numbers |= {
            f"={name}": f"{word} {spelled(BY_NAME[name].symbol, sizes[name])}".strip()
            for name, word in words_of.items()
        }
    summands = [{"of": term.name, "math": mathml(_readable(term), numbers=True)} for term in terms]
    return {"letter": whole.name, "left": mathml(whole), "summands": summands, "numbers": numbers}


def _readable(term: Term) -> sympy.Expr:
    """Return the expression of a term, or its letter where that has too many letters to be read at a glance."""
    written = sum(1 for part in sympy.preorder_traversal(term.expr) if part.is_Symbol)
    return term.expr if written <= _MOST_LETTERS else term.symbol


def letters_of(term: Term, known: Values) -> str:
    """Return the letters of a term that has values, for the shapes that stand for it.

    >>> from memcalc import TERMS, Inference, Model, values
    >>> letters_of(TERMS["weights"], values(Model.named("LLaMA-7B"), Inference()))
    'M_w P B'
    """
    return " ".join(letter.name for letter in (term.symbol, *plain_term(term, known).symbols))


def meanings(lines: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Return what each letter of some lines means: as the glossary has it, or the line itself."""
    lines = list(lines)
    used = {letter for line in lines for letter in (line["letter"], *line["numbers"])}
    own = {letter: meaning for line in lines for letter, meaning in line.get("meanings", {}).items()}
    return own | {
        symbol.name: tr(entry.meaning) + (f" [{tr(entry.unit)}]" if entry.unit else "")
        for symbol, entry in GLOSSARY.items()
        if symbol.name in used
    }
