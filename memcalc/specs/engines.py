"""Engines: what each reserves for its cache, which formats it has, and what it keeps otherwise than a model needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.errors import InputError
from memcalc.formula.choices import Budget, Family, Kept
from memcalc.formula.formats import Format, averaged, named_bits
from memcalc.formula.lineage import lineage
from memcalc.texts import later, tr

_SHOWN = 5
"""So many of the formats that an engine has are named where one is refused."""


@dataclass(frozen=True)
class Engine(Row):
    """What an engine reserves for its cache, and of which memory: a row of data/engines.csv.

    Parameters
    ----------
    block, counter, window_counter, conv_skipped, window_extra : what it adds for the symbols of these names
    shared : whether all sequences share the cells of the cache
    kind : whose code it is: "llama.cpp", "transformers", "vLLM" and so on; nothing for "none"
    room : tokens of a pass, for which window layers have room; None where the engine counts none [tokens]
    conv_format : format of a convolution's last inputs; nothing for that of the cache
    budget : how it sizes a pool for all requests; Budget.NONE where it reserves what one run needs
    utilization : the share that it takes unless you say another
    sorts : whether it may sort the vocabulary to choose a token
    by_layers : whether several cards have some of the layers each by default, and not a part of each layer
    meaning : the same in words
    """

    name: str
    block: int
    counter: int
    window_counter: int
    conv_skipped: int
    window_extra: int
    shared: bool
    kind: str = ""
    room: int | None = None
    conv_format: str = ""
    budget: Budget = Budget.NONE
    utilization: Fraction = Fraction(1)
    sorts: bool = True
    by_layers: bool = False
    meaning: str = ""

    def default(self, field: str, gib: float, cards: int, card: str) -> int | None:
        """Return what the engine takes for a field of a run that is left open; None if that is not known.

        Parameters
        ----------
        field : "batched_tokens" or "sequences"
        gib : memory of each card [GiB]
        cards : how many share the model
        card : its name, for some have a default of their own

        >>> Engine.named("vLLM").default("batched_tokens", 79.2, 1, "H100 80 GB")
        8192
        """
        rows = [row for row in catalogue.rows("engine_defaults") if (row["engine"], row["field"]) == (self.kind, field)]
        fitting = [
            row
            for row in rows
            if gib >= int(row["least_gib"]) and cards >= int(row["least_cards"])
            if not (row["unless"] and row["unless"] in card)
        ]
        return int(fitting[-1]["value"]) if fitting else None

    def check_format(self, use: str, name: str) -> None:
        """Raise InputError for a format that the engine does not have, with those that are most like it.

        Bare numbers such as INT4 are the formula's own: no engine has a file of just these, and most leave embeddings
        in 16 bit. An average such as "2.4bpw" is that of a file, whatever its format.

        Parameters
        ----------
        use : "weights" or "kv_cache"
        name : a row of data/formats.csv

        >>> Engine.named("MLX").check_format("kv_cache", "Q4_0")
        Traceback (most recent call last):
        memcalc.errors.InputError: kv_cache must be a format that MLX has, such as BF16, FP16 or FP32, not 'Q4_0'.
        """
        if self.has_format(use, name):
            return
        form, known = Format.named(name), formats_of(self.kind, use)
        bare = form.family == Family.PLAIN and use == "weights"  # then files of as many bits come first, with scales
        offered = catalogue.names("formats", "offered")

        def unlike(one: str) -> tuple[bool, bool, Fraction, bool]:
            bits = Format.named(one).bits - form.bits
            return name not in one, bare and one not in offered, abs(bits), bare and bits < 0

        nearest = sorted(known, key=unlike)
        more = len(nearest) - _SHOWN
        *first, last = [*nearest[:_SHOWN], f"one of {more} more"] if more > 0 else nearest
        allowed = f"{', '.join(first)} or {last}"
        raise InputError(f"{use} must be a format that {self.kind} has, such as {allowed}, not {name!r}.")

    def has_format(self, use: str, name: str) -> bool:
        """Return whether the engine has a format, as of `check_format`; without an engine every one is there.

        >>> Engine.named("llama.cpp").has_format("weights", "FP8-128x128")
        False
        """
        return not self.kind or name in formats_of(self.kind, use) or bool(averaged(name))

    def check_files(self, kind: str) -> None:
        """Raise InputError for the files of a model that the engine does not keep as they are.

        Parameters
        ----------
        kind : "GGUF" or "safetensors"

        >>> Engine.named("llama.cpp").check_files("GGUF")
        """
        keeping = _keeping(kind)
        if self.kind and self.kind not in keeping:
            allowed = f"one that keeps {kind} files as they are, such as {' or '.join(keeping)}"
            raise InputError(
                f"engine must be {allowed}, not {self.name!r}; or name the format that it has with weights."
            )

    def converted(self, form: str) -> str:
        """Return the format that comes nearest to a published one, with no fewer bits, for an engine that reads files
        of its own alone; "" for every other engine.

        >>> Engine.named("llama.cpp").converted("FP8-128x128"), Engine.named("vLLM").converted("FP8-128x128")
        ('Q8_0', '')
        """
        if not self.kind or self.has_format("weights", form) or self.kind in _keeping("safetensors"):
            return ""
        bits = Format.named(form).bits
        offered = [name for name in catalogue.names("formats", "offered") if self.has_format("weights", name)]
        near = [name for name in offered if named_bits(name) >= named_bits(form) and Format.named(name).bits >= bits]
        return min(near, key=lambda name: Format.named(name).bits)

    def on_card(self, form: str, card: str, capability: Fraction | None) -> str:
        """Return what the engine does with weights on a card that cannot compute with them; "" where it can.

        Parameters
        ----------
        form : format of the weights
        card, capability : its name, and its compute capability; None if that is not known

        Raises InputError if the engine does not run them there at all.

        >>> Engine.named("vLLM").on_card("FP8-128x128", "RTX 4090", Fraction("8.9"))
        ''
        """
        row = _needs(self.kind, form) if capability is not None else None
        if row is None or capability >= Fraction(row["full"]):
            return ""
        of = {"card": card, "capability": float(capability), "engine": self.kind, "format": form}
        any_weights = row["formats"] == "*"
        if capability < Fraction(row["least"]):
            raise InputError(tr(_TOO_OLD if any_weights else _NOT_THERE, name=self.name, needed=row["least"], **of))
        said = _NOT_BELOW if any_weights else _NOT_WITH
        return tr(said, needed=row["full"], instead=tr(row["instead"]), **of)

    @property
    def places(self) -> bool:
        """Whether it can leave a part of a model in CPU memory, and keeps the input's tables there in any case."""
        return _offloading(self.kind)

    def check_offload(self, field: str, value: object) -> None:
        """Raise InputError for an engine that leaves nothing in CPU memory; "ideal" does what those do that can.

        >>> Engine.named("ideal").check_offload("gpu_layers", 20)
        """
        if self.kind and not self.places:
            able = " or ".join(row["engine"] for row in catalogue.rows("engine_formats") if row["use"] == "offload")
            raise InputError(f"{field} must be left out for the engine {self.name!r}, not {value!r}; {able} has it.")


_NOT_THERE = later(
    "weights must not be {format} for {name} on {card}: {card} has compute capability {capability}, and {engine} needs "
    "{needed} for them."
)
_TOO_OLD = later(
    "engine must not be {name} on {card}: {card} has compute capability {capability}, and {engine} needs at least "
    "{needed}."
)
_NOT_BELOW = later("{card} has compute capability {capability}, and {engine} needs {needed}: {instead}.")
_NOT_WITH = later(
    "{card} has compute capability {capability}, and {engine} needs {needed} to compute with {format}: {instead}."
)


@cache
def _keeping(files: str) -> tuple[str, ...]:
    rows = [row for row in catalogue.rows("engine_formats") if row["use"] == "files"]
    return tuple(row["engine"] for row in rows if files in row["formats"].split())


@cache
def _needs(kind: str, form: str) -> Mapping[str, str] | None:
    rows = [row for row in catalogue.rows("engine_needs") if row["engine"] == kind]
    return next((row for row in rows if any(fnmatchcase(form, one) for one in row["formats"].split())), None)


@cache
def _offloading(kind: str) -> bool:
    return any(row["engine"] == kind for row in catalogue.rows("engine_formats") if row["use"] == "offload")


@cache
def formats_of(kind: str, use: str, experimental: bool = True) -> tuple[str, ...]:
    """Return the formats that engines of a kind have: rows of data/engine_formats.csv, where * stands for any ending.

    Parameters
    ----------
    kind : whose code it is, as of `Engine`
    use : "weights" or "kv_cache"
    experimental : whether those count that the engine itself calls experimental

    >>> formats_of("vLLM", "kv_cache")
    ('FP32', 'BF16', 'FP16', 'FP8', 'FP8-MLA')
    """
    rows = [row for row in catalogue.rows("engine_formats") if (row["engine"], row["use"]) == (kind, use)]
    return _named_in([row for row in rows if experimental or row["experimental"] == "no"], use)


@cache
def slower_formats(kind: str) -> tuple[str, ...]:
    """Return the formats of weights that an engine itself calls slower than others of as many bits.

    >>> "NF4" in slower_formats("vLLM"), slower_formats("transformers")
    (True, ())
    """
    rows = [row for row in catalogue.rows("engine_formats") if (row["engine"], row["slower"]) == (kind, "yes")]
    return _named_in(rows, "weights")


def _named_in(rows: Sequence[Mapping[str, str]], use: str) -> tuple[str, ...]:
    patterns = [pattern for row in rows for pattern in row["formats"].split()]
    fitting = [row["name"] for row in catalogue.rows("formats") if use == "weights" or row["cache"] != "no"]
    return tuple(name for name in fitting if any(fnmatchcase(name, pattern) for pattern in patterns))


@dataclass(frozen=True)
class Departure(Row):
    """What engines of a kind keep of a family otherwise than it needs: a row of data/engine_families.csv.

    Parameters
    ----------
    engine : the kind of the engine, as of `Engine`
    family : as in data/families.csv
    keeps : what is kept instead
    sentence : the same in words
    source : where that is said
    """

    engine: str
    family: str
    keeps: Kept
    sentence: str
    source: str


@cache
def departures(family: str) -> tuple[Departure, ...]:
    """Return what engines keep otherwise of a family, or of one that it is like.

    >>> [(one.engine, one.keeps) for one in departures("falcon")]
    [('transformers', 'every head')]
    """
    rows = catalogue.rows("engine_families")
    return tuple(Departure.of_row(row) for row in rows if row["family"] in lineage(family))
