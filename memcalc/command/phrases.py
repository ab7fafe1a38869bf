"""The phrase book: what the options of other programs are called here, as rows of data/phrases.csv."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.errors import InputError, nearest


@dataclass(frozen=True)
class Phrase(Row):
    """What an option of another program is called here.

    Parameters
    ----------
    command : whose option it is here: "fit" or "train"
    program : who calls it otherwise
    option : how, in each of its spellings, parted by "|"
    ours : the option here; nothing if there is none
    change : how its value changes, nothing if it does not; or why there is no such option
    source, date : where that is said, and when it was looked up
    """

    command: str
    program: str
    option: str
    ours: str = ""
    change: str = ""
    source: str = ""
    date: str = ""

    @property
    def spellings(self) -> list[str]:
        """How the program spells it."""
        return self.option.split("|")


@cache
def book() -> tuple[Phrase, ...]:
    """Return every row of the book.

    >>> [phrase.ours for phrase in book() if "--max-model-len" in phrase.spellings]
    ['--context']
    """
    return tuple(map(Phrase.of_row, catalogue.rows("phrases")))


def plain(arguments: Iterable[str]) -> list[str]:
    """Return the arguments with dashes in the names of options, where many programs have underscores.

    >>> plain(["fit", "my_model", "--kv_cache=Q8_0"])
    ['fit', 'my_model', '--kv-cache=Q8_0']
    """
    return [_dashed(one) if one.startswith("--") else one for one in arguments]


def _dashed(argument: str) -> str:
    name, sign, value = argument.partition("=")
    return name.replace("_", "-") + sign + value


def check(arguments: Iterable[str], command: str, known: Sequence[str]) -> None:
    """Raise InputError for the options that the command does not know, with what they are called here.

    Parameters
    ----------
    arguments : what stands behind the command
    known : the options of the command

    >>> check(["Llama-2-7B", "--max-model-len", "4096"], "fit", ["--context"])
    Traceback (most recent call last):
    memcalc.errors.InputError: --max-model-len is vLLM's; here it is --context.
    """
    strange = [_meant(option, command, known) for option in _options(arguments) if option not in known]
    if strange:
        raise InputError(" ".join(dict.fromkeys(strange)))


def _options(arguments: Iterable[str]) -> Iterator[str]:
    """Yield what looks like an option; a negative number is a value."""
    for argument in arguments:
        if argument == "--":
            return
        if re.match(r"-{1,2}[a-zA-Z]", argument):
            yield argument.partition("=")[0]


def _meant(option: str, command: str, known: Sequence[str]) -> str:
    """Return what an unknown option is called here, in a sentence."""
    found = [phrase for phrase in book() if option in phrase.spellings]
    here = [phrase for phrase in found if phrase.command == command] or found
    if here:
        return " ".join(_translated(option, command, here))
    if near := nearest(option, {one: one for one in known}) or _begun(option, known):
        return f"{command} has no option {option}; the nearest is {' or '.join(near)}."
    theirs = {one: phrase for phrase in book() if phrase.command == command for one in phrase.spellings}
    if similar := nearest(option, {one: one for one in theirs}):
        return f"{command} has no option {option}. {_meant(similar[0], command, known)}"
    return f"{command} has no option {option}; `python -m memcalc {command} --help` lists those that it has."


def _begun(option: str, known: Sequence[str]) -> list[str]:
    """Return the few options of which one with a single dash is the beginning.

    >>> _begun("-w", ["--weights", "--window", "--context"]), _begun("--w", ["--weights"])
    (['--weights', '--window'], [])
    """
    letters = re.fullmatch(r"-([a-z]+)", option)
    found = [one for one in known if letters and one.startswith(f"--{letters[1]}")]
    return found if len(found) <= _FEW else []


_FEW = 4
"""So many options may begin so, for them to be named."""


def _translated(option: str, command: str, phrases: list[Phrase]) -> Iterator[str]:
    """Yield a sentence for each option of ours, with the programs that call it so."""
    for ours, change in dict.fromkeys((phrase.ours, phrase.change) for phrase in phrases):
        which = [phrase for phrase in phrases if (phrase.ours, phrase.change) == (ours, change)]
        *others, last = dict.fromkeys(_whose(phrase.program) for phrase in which)
        whose = f"{', '.join(others)}{' and ' if others else ''}{last}"
        other = f" of the command {which[0].command}" if which[0].command != command else ""
        here = f"here it is {ours}{other}{f', {change}' if change else ''}"
        yield f"{option} is {whose}; {here if ours else change}."


def _whose(program: str) -> str:
    return f"{program}'" if program.endswith("s") else f"{program}'s"


def table(command: str, width: int) -> str:
    """Return what others call the options of a command, a line or more for each of ours."""
    ours = dict.fromkeys(phrase.ours for phrase in book() if phrase.command == command and phrase.ours)
    column = max(map(len, ours), default=0) + 4
    fill = {"width": max(width, column + 30), "subsequent_indent": " " * column, "break_on_hyphens": False}
    return "\n".join(textwrap.fill(f"  {one:<{column - 2}}{_others(command, one)}", **fill) for one in ours)


def _others(command: str, ours: str) -> str:
    named = {}
    for phrase in book():
        if (phrase.command, phrase.ours) == (command, ours):
            named.setdefault(phrase.program, []).extend(phrase.spellings)
    return "; ".join(f"{program} {', '.join(dict.fromkeys(options))}" for program, options in named.items())
