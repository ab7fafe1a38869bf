"""Which tensors of a model a file means by the names of modules, and how the model is stored with them.

The names of modules are rows of data/modules.csv. Patterns are never evaluated: what is understood of a regular
expression becomes texts with stars, and what is not is said.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import cache, cached_property, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, shown
from memcalc.formula.choices import Family
from memcalc.formula.formats import Format, Other
from memcalc.formula.places import AS_BUILT, places
from memcalc.formula.quantization import shrinks
from memcalc.formula.tensors import ONCE, Tensor, n_mlp, present
from memcalc.specs.model import Model
from memcalc.specs.stored import Stored
from memcalc.texts import cached, later, tr

MOST_STARS, MOST_ALTERNATIVES = 1_000, 64
"""Patterns with stars that are looked up in a hundred layers, and texts that one regular expression may stand for."""

MOST_LAYERS, MOST_RULES = 1_000, 100
"""Layers in which modules are looked up by their names, and formats that a file may give in turn."""

LONGEST = 1_000
"""Characters of a pattern that is read."""


class InModel(NamedTuple):
    """How one model is stored.

    Parameters
    ----------
    form : its format, with the tensors that have another
    sentence : which those are, and which patterns of the file name nothing that is counted; "" if there is none
    """

    form: Format
    sentence: str = ""


@cached
def in_model(stored: Stored, model: Model) -> InModel:
    """Return how a model is stored whose file says this of its format.

    Raises InputError if there are too many layers, or too many formats in turn, for names to be looked up.

    >>> kept = Stored("FP8-128x128", width="BF16", kept=("lm_head", "model.layers.0.mlp"))
    >>> in_model(kept, Model.named("LLaMA-7B")).form.others[0]
    Other(group='mlp', tensor='up_proj', number=2, form='BF16')
    """
    base, rules = _base(stored), _rules(stored, model)
    others = tuple(_others(base, rules, stored.width, model)) if rules else ()
    names = _all_names(model) if rules else frozenset()
    unmatched = [pattern for _, patterns in rules for pattern in patterns.unmatched(names)]
    said = filter(None, (_in_words(others, base, model), _nothing(unmatched)))
    return InModel(replace(base, others=others), " ".join(said))


def _rules(stored: Stored, model: Model) -> list[tuple[str, "Patterns"]]:
    """Return the formats of a file in turn, each with the patterns of the modules that have it."""
    said = [(form, patterns) for form, patterns in ((stored.width, stored.kept), *stored.others) if patterns]
    turns = [
        (form, tuple(pattern for _, patterns in turn for pattern in patterns))
        for form, turn in groupby(said, key=itemgetter(0))
    ]
    if turns and (model.layers > MOST_LAYERS or len(turns) > MOST_RULES):
        most = f"with at most {MOST_RULES:,} formats in turn and {MOST_LAYERS:,} layers"
        found = f"{len(turns):,} and {model.layers:,}, so name a format with weights, such as weights='FP16'"
        raise InputError(f"modules that config.json names must be looked up {most}, not {found}.")
    stars, rules = MOST_STARS * 100 // max(100, model.layers), []
    for form, patterns in turns:
        rules.append((form, Patterns.of(patterns, stars)))
        stars -= len(rules[-1][1].stars)
    return rules


def _in_words(others: tuple[Other, ...], base: Format, model: Model) -> str:
    """Say which tensors have another format than most: a whole part of the model by its name alone."""
    shrunk = {(one.group, one.name) for one in present(model.structure, model.absent) if not _stays(one, base)}
    parts: dict[str, dict[str, list[Other]]] = {}
    for other in others:
        parts.setdefault(other.form, {}).setdefault(other.group, []).append(other)
    said = []
    for form, groups in parts.items():
        words = [_part(group, found, {name for of, name in shrunk if of == group}) for group, found in groups.items()]
        said.append(tr("In {format}: {parts}.", format=form, parts="; ".join(words)))
    return " ".join(said)


def _part(group: str, found: list[Other], shrunk: set[str]) -> str:
    """Say which tensors of a group were found: all that a format would shrink, or some, and how many."""
    whole = {other.tensor for other in found if other.number is None}
    part = tr(_WORDS[group])
    if shrunk and shrunk <= whole:
        return part if shrunk != {"lm_head"} else tr("the output layer")
    counted = ", ".join(f"{other.number or tr('all')} {other.tensor}" for other in found)
    return tr("{tensors} of {part}", tensors=counted, part=part)


_WORDS = {
    "embedding": later("the embedding"),
    "attention": later("the attention"),
    "window_attention": later("the attention with a window"),
    "sharing_attention": later("the attention that shares keys and values"),
    "window_sharing_attention": later("the attention with a window that shares keys and values"),
    "latent_attention": later("the latent attention"),
    "indexer": later("the indexer"),
    "mamba": later("the state space"),
    "mamba2": later("the state space"),
    "delta": later("the delta rule"),
    "short_conv": later("the convolution"),
    "linear_attention": later("the linear attention"),
    "mlp": later("the MLP"),
    "wide_mlp": later("the wide MLP"),
    "expert": later("the experts"),
    "router": later("the router and the shared experts"),
    "norms": later("the norms"),
}
"""Group of tensors → what it is called, as it stands in a sentence."""


def _nothing(unmatched: list[str]) -> str:
    """Say which patterns name nothing."""
    if not unmatched:
        return ""
    others = tr(", nor any of {count:,} more that the file names", count=len(unmatched) - 1) if unmatched[1:] else ""
    return tr("Nothing that is counted here is called {name}{others}.", name=shown(unmatched[0]), others=others)


def _base(stored: Stored) -> Format:
    """Return the format of most matrices, with the width of what it leaves as it is."""
    form, width = Format.named(stored.weights), Format.named(stored.width)
    keeps = (form.keeps - {"embedding"}) | {"embed_tokens"} if stored.head else form.keeps
    return replace(form, keeps=keeps, rest=int(width.bits))


def _others(base: Format, rules: list[tuple[str, "Patterns"]], width: str, model: Model) -> Iterator[Other]:
    """Yield the tensors that the rules name, the first rule first, unless they stay as they are anyway."""
    for tensor in present(model.structure, model.absent):
        units = _units(tensor, model)
        named = (next((form for form, names in rules if names.match(unit)), "") for unit in units)
        counts = Counter(named) if len(tensor.shape) > 1 else {}
        for form, count in counts.items():
            if form and not (form == width and _stays(tensor, base)):
                number = count // _joined(tensor, model)
                every = count == len(units) or number >= _number(tensor.number, model)
                yield Other(tensor.group, tensor.name, None if every else number, form)


def _joined(tensor: Tensor, model: Model) -> int:
    """Return how many modules of a file code joins to one tensor: the first two matrices of an expert."""
    return max(1, len(_named(tensor, model)) // max(1, _number(tensor.each, model)))


def _number(count: int | sympy.Expr, model: Model) -> int:
    return int((count * sympy.S.One).xreplace(model.values))


def _stays(tensor: Tensor, base: Format) -> bool:
    """Return whether a format leaves a tensor as it is."""
    return base.family == Family.PLAIN or not shrinks(tensor, base)


@cache
def _modules() -> dict[tuple[str, str], list[list[str]]]:
    """Return group and tensor → the modules that it stands for in a layer, each with its spellings."""
    rows = catalogue.rows("modules")
    return {(row["group"], row["tensor"]): [one.split("|") for one in row["modules"].split()] for row in rows}


def _named(tensor: Tensor, model: Model) -> list[list[str]]:
    """Return the modules that a tensor stands for in a layer; an MLP without a gate has no first one."""
    modules, gated = _modules().get((tensor.group, tensor.name), []), _number(n_mlp, model) > 2
    return modules if gated or len(tensor.shape) < 2 else modules[-1:]


def _units(tensor: Tensor, model: Model) -> list[tuple[str, ...]]:
    """Return the spellings of the names of every single module that a tensor stands for, layer by layer."""
    modules = _named(tensor, model)
    if tensor.group in ONCE:
        return [tuple(spellings) for spellings in modules]
    anywhere = range(model.layers)  # how layers of several kinds take turns is not known
    layers = _placed(model)[tensor.group] if tensor.group in AS_BUILT else anywhere
    return [tuple(f"model.layers.{layer}.{one}" for one in spellings) for layer in layers for spellings in modules]


@lru_cache(maxsize=128)
def _placed(model: Model) -> dict[str, range]:
    return places(present(model.structure, model.absent), model.values)


def _all_names(model: Model) -> frozenset[str]:
    """Return the names of all modules that are counted, and of an output layer that is the embedding too."""
    tensors = present(model.structure, model.absent)
    return frozenset(("lm_head", *(name for one in tensors for unit in _units(one, model) for name in unit)))


@dataclass(frozen=True)
class Patterns:
    """Names of modules, and patterns of names.

    Parameters
    ----------
    plain : text as it is compared → as it stands in the file
    stars : the same of texts with stars
    unread : what is not understood
    """

    plain: Mapping[str, str]
    stars: Mapping[str, str]
    unread: tuple[str, ...]

    @classmethod
    def of(cls, patterns: tuple[str, ...], most: int = MOST_STARS) -> "Patterns":
        """Read the patterns of a file, of which so many may have stars."""
        plain, stars, unread = {}, {}, []
        for pattern in patterns:
            texts = alternatives(pattern)
            if not texts or (len(stars) >= most and any("*" in text for text in texts)):
                unread.append(pattern)
                continue
            for text in texts:
                (stars if "*" in text else plain).setdefault(text, pattern)
        return cls(plain, stars, tuple(unread))

    @cached_property
    def any_star(self) -> re.Pattern:
        """What matches if one of the texts with stars does; its parts can each be matched in one way alone."""
        return re.compile("|".join(map(translate, self.stars)) or "(?!)")

    @cached_property
    def _starred(self) -> Callable[[str], bool]:
        return cache(lambda whole: self.any_star.match(whole) is not None)  # modules of one layer are parts of the same

    def match(self, spellings: tuple[str, ...]) -> bool:
        """Return whether one of the spellings of a module is named, or a module that it is part of."""
        named = any(run in self.plain for name in spellings for run in runs(name))
        return named or any(self._starred(whole) for name in spellings for whole in upwards(name))

    def unmatched(self, names: frozenset[str]) -> list[str]:
        """Return what stands in the file and names none of these modules."""
        parts = {run for name in names for run in runs(name)}
        wholes = {whole for name in names for whole in upwards(name)}
        found = {said for text, said in self.plain.items() if text in parts}
        for text, said in self.stars.items():
            if said not in found and any(map(re.compile(translate(text)).match, wholes)):
                found.add(said)
        read = dict.fromkeys((*self.plain.values(), *self.stars.values()))
        return [*(pattern for pattern in read if pattern not in found), *self.unread]


@lru_cache(maxsize=1 << 16)
def runs(name: str) -> tuple[str, ...]:
    """Return what stands between any two dots of a name, which a text without stars may be.

    >>> runs("mlp.gate")
    ('mlp', 'mlp.gate', 'gate')
    """
    parts = name.split(".")
    places = range(len(parts))
    return tuple(".".join(parts[start : end + 1]) for start in places for end in places[start:])


@lru_cache(maxsize=1 << 16)
def upwards(name: str) -> tuple[str, ...]:
    """Return a name, and those of the modules that it is part of."""
    parts = name.split(".")
    return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))


def alternatives(pattern: str) -> list[str]:
    """Return the texts with stars that a pattern of a file stands for; none if it is not understood.

    >>> alternatives("re:.*mlp[.](gate|up)_proj$"), alternatives("re:(?!x)")
    (['*mlp.gate_proj', '*mlp.up_proj'], [])
    """
    expression = pattern.startswith("re:")
    text = pattern.removeprefix("re:").removeprefix("^")
    if len(text) > LONGEST:
        return []
    for inside, instead in _AS_TEXT if expression else (("*", _STAR),):
        text = re.sub(inside, instead, text) if expression else text.replace(inside, instead)
    texts = _without_groups(text)
    ended = [one.removesuffix("$") if one.endswith("$") or not expression else one + _STAR for one in texts]
    named = [_as_named_here(one) for one in ended]
    known = all(re.fullmatch(rf"[\w./{_STAR}-]+", one) for one in named)
    return [re.sub(f"{_STAR}+", "*", one) for one in named] if known else []


_STAR = "\0"
_AS_TEXT = (
    *((star, _STAR) for star in (r"\\d[+*]?", r"\[0-9\][+*]?", r"\[\^\.\][+*]", r"(?<!\\)\.[+*]\??")),
    (r"\\\.|\[\.\]", "."),
    (r"\[(\d)-(\d)\]", lambda ends: f"({'|'.join(map(str, range(int(ends[1]), int(ends[2]) + 1)))})"),
)
"""What is understood of regular expressions beside groups, and what stands for it; "." is itself."""


def _without_groups(text: str) -> list[str]:
    """Return a text once for each alternative in its groups; it stays as it is where there are too many."""
    texts = [text]
    while len(texts) <= MOST_ALTERNATIVES and any("(" in one for one in texts):
        found = [(one, re.search(r"\((?:\?:)?([^()]*)\)", one)) for one in texts]
        if not all(match or "(" not in one for one, match in found):
            return [text]
        texts = [option for one, match in found for option in (_options(one, match) if match else [one])]
    return [option for one in texts for option in one.split("|")] if len(texts) <= MOST_ALTERNATIVES else [text]


def _options(text: str, group: re.Match) -> list[str]:
    return [text[: group.start()] + option + text[group.end() :] for option in group[1].split("|")]


def _as_named_here(text: str) -> str:
    """Return a name without what models of images and text put before it, and with the first expert for all."""
    for before, instead in (("language_model.model.", "model."), ("model.language_model.", "model.")):
        text = text.replace(before, instead)
    return re.sub(rf"experts\.(\d+|{_STAR})(?=\.|$)", "experts.0", text.replace("language_model.", ""))
