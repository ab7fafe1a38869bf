"""What each `model_type` of a Hugging Face config.json means in the fields of a `Model`.

A family is a row of data/families.csv: which it is like, what reads it, and the defaults that wolf2020transformers
documents for the keys that a file may leave out. What no other family has is a reader of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from memcalc import catalogue
from memcalc.errors import InputError, choice, spelled
from memcalc.specs import experts, hybrids, layers, states
from memcalc.specs.config import BESIDE, TEXTS, Config, braces, load, missing, refusal
from memcalc.specs.layers import LETTERS, Counts

FAMILIES = tuple(catalogue.names("families"))
"""Every `model_type` that can be read."""

READERS = layers.READERS | experts.READERS | states.READERS | hybrids.READERS
"""Name → reader, as a row of data/families.csv lists them."""


def fields(source: str | Path | Mapping) -> dict[str, object]:
    """Return the fields of the model in a config.json, given as a path or a mapping.

    `assumed` lists the keys that the file leaves out and for which the documented default was taken; `ignored` those
    that change memory but have no place in a `Model`.
    Raises InputError if a key is missing, has a value that makes no sense, or contradicts another.

    >>> config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...           "vocab_size": 100, "intermediate_size": 128}
    >>> fields(config)["head_dim"], "head_dim" in fields(config)["assumed"]
    (16, True)
    """
    values, name = load(source)
    family = family_of(_type(values))
    if family.text:
        values, name = _text(values), f"{name} (text decoder only)"
        inner = family_of(family.text if values.get("model_type") is None else values["model_type"])
        if inner.text:
            raise refusal("model_type", f"that of a text decoder inside {family.name}", inner.name)
        family = family.around(inner)
    config = Config(values, family.name, family.documented, family.keys)
    config.skip("quantization_config", "compression_config")  # `stored` reads these
    counts = family.counts(config)
    del counts["layers"]
    order = {"order": "".join(LETTERS[kind] for kind in config.order), "feeds": config.feeds}
    texts = {"name": name, "source": name, "family": family.name, "packing": family.packing, **order}
    return texts | counts | {"assumed": tuple(dict.fromkeys(config.assumed)), "ignored": config.ignored()}


def _type(values: Mapping) -> object:
    if values.get("model_type") is None:
        raise UnknownFamilyError(str(missing("model_type", "the word that says whose architecture it is")))
    return values["model_type"]


def _text(values: Mapping) -> Mapping:
    """Return the values of the text decoder in a file with several towers, or those of a file that has one level.

    Of what stands outside the text decoder, only what says that there is more than it.
    """
    outer = {**values, **braces("thinker_config", values.get("thinker_config"))}
    key = next((key for key in TEXTS if outer.get(key) is not None), None)
    if key is None:
        return {name: value for name, value in values.items() if name != "model_type"}
    beside = {name: outer[name] for name in BESIDE if name in outer}
    tied = values.get("tie_word_embeddings")
    return {**beside, **braces(key, outer[key])} | ({} if tied is None else {"tie_word_embeddings": tied})


@dataclass(frozen=True)
class Family:
    """What a `model_type` means.

    Parameters
    ----------
    name : the `model_type`
    text : of a file with several towers, the family that its text decoder has if the file does not say
    readers : what is read, one after another: a key of READERS, and how
    keys : symbol → how this family spells its key
    switches : key that is true or false → the fields that it sets; none for one that must be as documented
    fixed : counts for which the family has no key
    packing : matrices that its code stores as one
    documented : key → its default, where a file may leave it out
    """

    name: str
    text: str = ""
    readers: tuple[tuple[str, str], ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, int] = field(default_factory=dict)
    packing: str = ""
    documented: Mapping[str, object] = field(default_factory=dict)

    def around(self, text: "Family") -> "Family":
        """Return the family of a text decoder, with the defaults that a file with several towers has for it."""
        return Family(**{**vars(text), "documented": {**text.documented, **self.documented}})

    def counts(self, config: Config) -> Counts:
        """Return the counts in a file."""
        counts: Counts = {}
        for name, how in self.readers:
            counts |= READERS[name](config, counts, how)
        for key, fields in self.switches.items():
            if fields:
                counts |= dict.fromkeys(fields.split(), config.flag(key))
            else:
                config.must(key, self.documented[key])
        return counts | self.fixed


class UnknownFamilyError(InputError):
    """An architecture that nothing here describes."""


class UncountedFamilyError(UnknownFamilyError):
    """An architecture that is known to be of another kind, which no term counts."""


def family_of(name: object) -> Family:
    """Return the family of a `model_type`; UnknownFamilyError if there is none, or it is of another kind."""
    other = spelled(name, {row["name"]: row["why"] for row in catalogue.rows("uncounted_families")})
    if other:
        raise UncountedFamilyError(f"model_type {name!r} is not counted: {other}.")
    try:
        return _family(choice("model_type", name, FAMILIES))
    except InputError as problem:
        raise UnknownFamilyError(str(problem)) from None


@cache
def _family(name: str) -> Family:
    """Return what a row says; where a cell is empty, what that of the family says that it is like."""
    row = catalogue.find("families", "model_type", name)
    like = _family(row["like"]) if row["like"] else Family("")
    return Family(
        name=name,
        text=row["text"],
        readers=tuple(tuple(f"{reader}:".split(":")[:2]) for reader in row["readers"].split()) or like.readers,
        keys={**like.keys, **_pairs(row["keys"])},
        switches=_pairs(row["switches"]) or like.switches,
        fixed={**like.fixed, **{key: int(number) for key, number in _pairs(row["fixed"]).items()}},
        packing=row["packing"] or like.packing,
        documented={**like.documented, **json.loads(row["documented"] or "{}")},
    )


def _pairs(cell: str) -> dict[str, str]:
    """Read "a=b; c=d"."""
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in cell.split(";") if pair)}
