"""Runs: what is done with a model, validated, frozen, and able to say which symbol has which value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, choice, keep_whole, shown
from memcalc.formula.formats import Format
from memcalc.formula.symbols import BY_NAME, symbol

WINDOWS = ("ideal", "full")
"""A window layer's cache: only the window, or room for the whole context."""

ATTENTION = ("sdpa", "flash", "eager")
"""Attention kernels; for "sdpa" PyTorch picks one."""

OVERHEADS = ("none", "low", "high")
"""Whether overhead is counted, and which end of its range."""


@cache
def bytes_each(field: str, name: str) -> Fraction:
    """Return the bytes that one number takes in a format of data/formats.csv.

    >>> bytes_each("weights", "INT4")
    Fraction(1, 2)
    """
    return Fraction(catalogue.find("formats", field, name)["bits"]) / 8


def weights_format(field: str, name: object) -> str:
    """Return the name of a format that weights can have, as the catalogue spells it; else raise InputError."""
    row = catalogue.find("formats", f"{field} format", name)
    if row["family"] == "cache":
        raise InputError(f"{field} must not be {row['name']!r}, which is a format of the cache alone.")
    return row["name"]


def weights_formats() -> list[str]:
    """Return the usual formats that weights can have.

    >>> "Q4_K_M" in weights_formats(), "KIVI-4" in weights_formats()
    (True, False)
    """
    return [row["name"] for row in catalogue.rows("formats") if row["usual"] == "yes" and row["family"] != "cache"]


def keep_choice(spec: object, name: str, options: Iterable[str]) -> None:
    """Hold a field of a frozen dataclass to the options and keep their spelling, whatever the user's."""
    object.__setattr__(spec, name, choice(name, getattr(spec, name), options))


def keep_counts(spec: object, *names: str) -> None:
    """Hold fields of a frozen dataclass to what the glossary allows for the symbols of their names."""
    for name in names:
        keep_whole(spec, name, BY_NAME[name].least, BY_NAME[name].limit)


@dataclass(frozen=True)
class Inference:
    """A run that generates text: how much context, for how many sequences, in which formats.

    Parameters
    ----------
    context : tokens held for each sequence [tokens]
    batch : sequences at the same time [sequences]
    weights : format of the weights, as named in data/formats.csv
    kv_cache : format of the cache, or two with a slash: keys/values, such as "Q8_0/Q4_0"
    window : how the cache of window layers is counted: "ideal" or "full"
    engine : whose reservation is counted, as named in data/engines.csv; "ideal" is that of nobody
    ubatch : tokens of one pass through the model, for which the engine's window layers have room [tokens]; 0 for the
        engine's default
    prompt : tokens of the context that were its prompt, which Transformers quantizes at once [tokens]
    sinks : StreamingLLM: the first tokens, which are kept beside the recent ones [tokens]
    recent : StreamingLLM: the newest tokens that are kept [tokens]; 0 keeps all
    prefill : how the prompt is read, if its working memory is counted too: "none", "whole", or a chunk [tokens];
        llama.cpp reads it "whole", in passes of ubatch tokens
    attention : "sdpa" (PyTorch picks the kernel), "flash" or "eager", for the prefill
    overhead : what driver, libraries and allocator take: "none", or the "low" or "high" end of what is documented
    tensor_parallel : cards between which heads and widths are divided
    pipeline_parallel : cards between which layers are divided
    expert_parallel : cards between which experts are divided

    Raises InputError if a count is impossible or a name unknown.

    >>> Inference(context=4096, weights="INT8").weights
    'INT8'
    """

    context: int = BY_NAME["context"].default
    batch: int = BY_NAME["batch"].default
    weights: str = "FP16"
    kv_cache: str = "FP16"
    window: str = "ideal"
    engine: str = "ideal"
    ubatch: int = 0
    prompt: int = 0
    sinks: int = 0
    recent: int = 0
    prefill: str | int = "none"
    attention: str = "sdpa"
    overhead: str = "none"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: int = 1

    def __post_init__(self):
        keep_counts(self, "context", "batch", "tensor_parallel", "pipeline_parallel", "expert_parallel")
        object.__setattr__(self, "weights", weights_format("weights", self.weights))
        keep_choice(self, "window", WINDOWS)
        keep_choice(self, "engine", catalogue.names("engines"))
        self._keep_cache()
        self._keep_prefill()
        keep_choice(self, "attention", ATTENTION)
        keep_choice(self, "overhead", OVERHEADS)
        if self.sinks and not self.recent:
            raise InputError(f"recent must be at least 1 if there are sinks, not {self.recent}.")

    def _keep_cache(self):
        object.__setattr__(self, "kv_cache", "/".join(_cache_formats(self.kv_cache)))
        for name in ("sinks", "recent", "ubatch", "prompt"):
            keep_whole(self, name, 0, BY_NAME["context"].limit)
        if self.ubatch and not catalogue.find("engines", "engine", self.engine)["pass"]:
            raise InputError(f"ubatch must be 0 for the engine {self.engine!r}, not {self.ubatch:,}.")

    @property
    def divided(self) -> bool:
        """Whether more than one card holds the model."""
        return any(getattr(self, degree) > 1 for degree in PARALLEL)

    @property
    def plain(self) -> bool:
        """Whether every weight has the bits of its format, and nothing beside it."""
        return Format.named(self.weights).family == "plain"

    @property
    def cache_formats(self) -> tuple[Format, Format]:
        """The format of the keys, and that of the values."""
        keys, *values = map(Format.named, self.kv_cache.split("/"))
        return keys, values[0] if values else keys

    def _keep_prefill(self):
        if not isinstance(self.prefill, str):
            keep_whole(self, "prefill", 1, self.context)
        elif self.prefill.casefold() not in ("none", "whole"):
            raise InputError(f"prefill must be 'none', 'whole' or a number of tokens, not {shown(self.prefill)}.")
        else:
            object.__setattr__(self, "prefill", self.prefill.casefold())

    @cached_property
    def values(self) -> dict[sympy.Symbol, int | Fraction]:
        """Symbol → number, for the terms."""
        keys, values = self.cache_formats
        return {
            symbol("context"): self.context,
            symbol("batch"): self.batch,
            symbol("bytes_per_weight"): bytes_each("weights", self.weights),
            symbol("bytes_per_key"): keys.bits / 8,
            symbol("bytes_per_value"): values.bits / 8,
            symbol("prompt"): min(self.prompt, self.context),
            symbol("residual"): BY_NAME["residual"].default,
            **self._engine,
            **({} if isinstance(self.prefill, str) else {symbol("chunk"): self.prefill}),
            **overhead_values(self.overhead),
            **{symbol(name): getattr(self, name) for name in PARALLEL},
            symbol("data_parallel"): 1,
        }

    @property
    def _engine(self) -> dict[sympy.Symbol, int | Fraction]:
        row = catalogue.find("engines", "engine", self.engine)
        counted = ("block", "counter", "window_counter", "conv_skipped")
        least, conv = bytes_each("kv_cache", "FP16"), row["conv_format"]  # states are never kept in fewer bits
        room = (self.ubatch or int(row["pass"])) if row["pass"] else 0
        at_once = min(room, self.context * self.batch)  # no pass has more tokens than there are
        return {
            **{symbol(name): int(row[name]) for name in counted},
            symbol("sharing"): self.batch if row["shared"] == "yes" else 1,
            symbol("window_extra"): int(row["window_extra"]) + room,
            **(dict.fromkeys(map(symbol, ("micro_tokens", "outputs")), at_once) if room else {}),
            symbol("bytes_per_conv"): bytes_each("conv", conv) if conv else max(least, self.cache_formats[0].bits / 8),
            symbol("bytes_per_state"): bytes_each("state", "FP32"),
        }


PARALLEL = ("tensor_parallel", "pipeline_parallel", "expert_parallel")
"""Fields of a run that divide a model between cards."""


def refuse_without_architecture(run: object, **fields: object) -> None:
    """Raise InputError if a run of a mere size divides it between cards, or sets one of these fields otherwise."""
    for name, needed in {**dict.fromkeys(PARALLEL, 1), **fields}.items():
        if getattr(run, name) != needed:
            raise InputError(f"{name} must be {needed} for a size without architecture, not {getattr(run, name)}.")


def _cache_formats(both: object) -> list[str]:
    names = both.split("/") if isinstance(both, str) and "/" in both else [both]
    if len(names) > 2:
        raise InputError(f"kv_cache format must name one format, or one for keys and one for values, not {both!r}.")
    formats = [choice("kv_cache format", name, _CACHE_FORMATS) for name in names]
    if len({Format.named(name).residual for name in formats}) > 1:
        raise InputError(
            f"kv_cache formats of keys and values must keep the same newest tokens in 16 bit, not {both!r}."
        )
    return formats


_CACHE_FORMATS = [row["name"] for row in catalogue.rows("formats") if row["cache"] != "no"]


@cache
def overhead_values(end: str) -> dict[sympy.Symbol, Fraction]:
    """Return the values of the overhead's symbols at one end of the range in data/overheads.csv."""
    if end == "none":
        return {}
    return {symbol(row["name"]): Fraction(row[end]) for row in catalogue.rows("overheads")}
