"""A run that generates text: what is chosen, and which value it gives each symbol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from numbers import Real

from memcalc import catalogue
from memcalc.errors import InputError, choice, must, shown, whole
from memcalc.formula.choices import Attention, Budget, End, Family, Logits, Targets, WindowCache
from memcalc.formula.formats import HALF, Format
from memcalc.formula.glossary import BY_NAME
from memcalc.specs.engines import Engine
from memcalc.specs.fields import amount, count, declare, flag, name_in, word
from memcalc.specs.run import Run, weights_format

AUTO, USUAL = "auto", "FP16"
"""The format that the model's file says; and what is taken where there is no file, or it says nothing."""


def _cache_format(field: str, both: object) -> str:
    names = both.split("/") if isinstance(both, str) and "/" in both else [both]
    if len(names) > 2:
        raise InputError(f"{field} format must name one format, or one for keys and one for values, not {both!r}.")
    known, aliases = _cache_names()
    formats = [choice(f"{field} format", name, known, aliases, catalogue.where_listed("formats")) for name in names]
    if len({Format.named(name).residual for name in formats}) > 1:
        raise InputError(
            f"{field} formats of keys and values must keep the same newest tokens in 16 bit, not {both!r}."
        )
    return "/".join(formats)


@cache
def _cache_names() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the formats that a cache can have, and other spellings of them: aliases, and types of llama.cpp."""
    rows = [row for row in catalogue.rows("formats") if row["cache"] != "no"]
    aliases = {alias: row["name"] for row in rows for alias in filter(None, row["aliases"].split("|"))}
    types = {row["name"]: row["cache"] for row in catalogue.rows("ggml_types") if row["cache"]}
    return tuple(row["name"] for row in rows), aliases | types


def _weights_format(field: str, name: object) -> str:
    return AUTO if name == AUTO else weights_format(field, name)


def _cache_format_or_auto(field: str, both: object) -> str:
    return AUTO if both == AUTO else _cache_format(field, both)


def _model_name(field: str, name: object) -> str:
    none = isinstance(name, str) and name.casefold() == NONE
    return NONE if none else catalogue.find("models", field, name)["name"]


def _prefill(field: str, value: object) -> str | int:
    if not isinstance(value, str):
        return whole(field, value, 1, BY_NAME["context"].limit)
    if value.casefold() not in ("none", "whole"):
        raise must(field, "'none', 'whole' or a number of tokens", shown(value))
    return value.casefold()


def _share(field: str, value: object) -> Fraction | None:
    """Return a share as an exact number, so that 0.9 is nine tenths."""
    if value is None:
        return None
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not 0 < value <= 1:
        raise must(field, "a number above 0 and at most 1, such as 0.9", shown(value))
    return Fraction(str(value))


NONE = "none"
ALL = "all"
"""As many layers as there are."""

_LEAVING = ("gpu_layers", "cpu_experts", "kv_offload")
OFFLOAD = (*_LEAVING, "host_bandwidth")
"""Fields of what lies in CPU memory; all but the last leave something there."""


def _layers(field: str, value: object) -> str | int:
    if not isinstance(value, str):
        return whole(field, value, 0, BY_NAME["full_layers"].limit)
    if value.casefold() != ALL:
        raise must(field, "'all' or a number of layers", shown(value))
    return ALL


_TOKENS = {"low": 0, "high": BY_NAME["context"].limit, "default": 0}


@dataclass(frozen=True)
class Inference(Run):
    """A run that generates text: how much context, for how many sequences, in which formats.

    Raises InputError if a count is impossible or a name unknown.

    >>> Inference(context=4096, weights="INT8").weights
    'INT8'
    """

    context: int = count(
        "tokens held for each sequence [tokens]",
        matters="only layers that keep tokens depend on it",
        default=BY_NAME["context"].default,
    )
    batch: int = count(
        "sequences at the same time [sequences]",
        matters="only what is kept for each sequence depends on it",
        default=BY_NAME["batch"].default,
    )
    weights: str = declare(
        _weights_format,
        'format of the weights, as named in data/formats.csv; "auto" for what the file of the model says, else FP16',
        default=AUTO,
    )
    kv_cache: str = declare(
        _cache_format_or_auto,
        'format of the cache, or two with a slash: keys/values, such as "Q8_0/Q4_0"; "auto" as for the weights',
        default=AUTO,
    )
    window: str = word(
        WindowCache,
        "how the cache of window layers is counted",
        WindowCache.IDEAL,
        "only layers that drop tokens beyond a window depend on it",
    )
    engine: str = name_in(
        "engines",
        'the program that runs the model, as named in data/engines.csv; "none" counts what the model itself needs and '
        "nothing that a program adds",
        "none",
    )
    utilization: Fraction | None = declare(
        _share, "share of the card that the engine may take, between 0 and 1; None for its default", default=None
    )
    batched_tokens: int = count(
        "tokens of all prompts that a serving engine reads in one step [tokens]; 0 for its default",
        matters="only a step that is counted, at its widest moment, depends on it",
        **_TOKENS,
    )
    sequences: int = count(
        "sequences that a serving engine has ready at most, for each of which it chooses a token [sequences]; 0 for "
        "its default",
        matters="only a step that is counted, at its widest moment, depends on it",
        **_TOKENS,
    )
    ubatch: int = count(
        "tokens of one pass through the model, for which the engine's window layers have room [tokens]; 0 for the "
        "engine's default",
        matters="only the room of window layers and llama.cpp's prefill depend on it",
        **_TOKENS,
    )
    prompt: int = count(
        "tokens of the context that were its prompt, which Transformers quantizes at once [tokens]",
        matters="only a cache that Transformers quantizes depends on it",
        **_TOKENS,
    )
    sinks: int = count(
        "StreamingLLM: the first tokens, which are kept beside the recent ones [tokens]",
        matters="only a context that is longer than what is kept depends on it",
        **_TOKENS,
    )
    recent: int = count(
        "StreamingLLM: the newest tokens that are kept [tokens]; 0 keeps all",
        matters="only a context that is longer than what is kept depends on it",
        **_TOKENS,
    )
    prefill: str | int = declare(
        _prefill,
        'how the prompt is read, if its working memory is counted too: "none", "whole", or a chunk [tokens]; llama.cpp '
        'reads it "whole", in passes of ubatch tokens',
        default="none",
    )
    attention: str = word(
        Attention, "the attention kernel, for the prefill", Attention.SDPA, "only a prefill depends on it"
    )
    logits: str = word(
        Logits, "which tokens of a prompt get logits", Logits.AUTO, "only the working memory of a prompt depends on it"
    )
    gpu_layers: str | int = declare(
        _layers,
        'how many layers lie on the card, the last ones, and the output is one more (-ngl of llama.cpp): "all", or a '
        "number; the others lie in CPU memory, each with its cache",
        default=ALL,
    )
    cpu_experts: str | int = declare(
        _layers,
        'of how many layers, the first ones, the routed experts lie in CPU memory (--n-cpu-moe): "all", or a number',
        default=0,
    )
    kv_offload: bool = flag("whether the cache of a layer lies where the layer does; else it is in CPU memory", True)
    host_bandwidth: Real | None = amount(
        "how fast the memory of the CPU is read, for the bound of speed where a part lies there [GB/s], or None",
        10**6,
        matters="no layer, expert or cache lies in CPU memory",
        per_second=True,
        default=None,
    )
    overhead: str = word(End, "what driver, libraries and allocator take, of what is documented", End.NONE)
    towers: bool = flag(
        "whether what the files of a model hold for pictures and sound is loaded",
        True,
        "only a model whose files hold such a tower depends on it",
    )
    draft: bool = flag(
        "whether the draft layers in the files of a model are loaded",
        True,
        "only a model whose files hold draft layers depends on it",
    )
    draft_model: str = declare(
        _model_name,
        "a small model that proposes tokens, as named in data/models.csv, with a cache as long as that of the model; "
        '"none" for none',
        default=NONE,
    )
    draft_weights: str = declare(_weights_format, 'format of its weights; "auto" for that of the model', default=AUTO)
    loras: int = count("LoRA adapters that are loaded at the same time, or for which vLLM keeps room", default=0)
    lora_rank: int = count("their highest rank", default=0)
    lora_targets: str = word(Targets, "matrices that have an adapter", Targets.ALL)
    tensor_parallel: int = count("cards between which heads and widths are divided", default=1)
    pipeline_parallel: int = count("cards between which layers are divided", default=1)
    expert_parallel: int = count("cards between which experts are divided", default=1)

    def _check_together(self) -> None:
        if not isinstance(self.prefill, str):
            whole("prefill", self.prefill, 1, self.context)
        if self.ubatch and self.reserving.room is None:
            raise must("ubatch", f"0 for the engine {self.engine!r}", self.ubatch)
        self._check_serving()
        if self.sinks and not self.recent:
            raise must("recent", "at least 1 if there are sinks", self.recent)
        self._check_formats()
        for field in filter(self.changed, OFFLOAD):
            self.reserving.check_offload(field, getattr(self, field))
            if self.divided or self.prefill != "none":
                other = "with more than one card" if self.divided else "with a prefill"
                raise must(field, f"{getattr(type(self), field)!r} {other}", repr(getattr(self, field)))

        self._check_beside()

    def _check_beside(self) -> None:
        """Raise InputError for a draft model or adapters of which a part is not said, or not counted."""
        if bool(self.loras) != bool(self.lora_rank):
            missing, other = ("lora_rank", "loras") if self.loras else ("loras", "lora_rank")
            raise must(missing, f"at least 1 with {other} {getattr(self, other):,}", 0)
        if self.lora_targets != Targets.ALL and (not self.loras or self.reserving.kind == "vLLM"):
            why = "vLLM, which keeps room at every linear layer" if self.loras else "a run without loras"
            raise must("lora_targets", f"'all' for {why}", repr(self.lora_targets))
        if self.draft_weights != AUTO and not self.drafted:
            raise must("draft_weights", "'auto' without a draft_model", repr(self.draft_weights))
        for field in ("pipeline_parallel", "expert_parallel"):
            if self.drafted and getattr(self, field) > 1:
                raise must(field, "1 with a draft_model", getattr(self, field))

    def changed(self, field: str) -> bool:
        """Return whether a field is not as usual."""
        return getattr(self, field) != getattr(type(self), field)

    @property
    def drafted(self) -> bool:
        """Whether a draft model proposes tokens."""
        return self.draft_model != NONE

    @property
    def offloaded(self) -> bool:
        """Whether more of the model than its input lies in CPU memory."""
        return any(map(self.changed, _LEAVING))

    @property
    def off_card(self) -> bool:
        """Whether a part of the model lies in CPU memory, which in llama.cpp is at least the embedding of the input."""
        return self.offloaded or (self.reserving.places and not self.divided)

    def _check_serving(self) -> None:
        """Raise InputError for what only an engine with a pool, or with steps, has."""
        for field, without in (("utilization", None), ("batched_tokens", 0), ("sequences", 0)):
            if getattr(self, field) != without and self.reserving.budget == Budget.NONE:
                serving = " or ".join(row["name"] for row in catalogue.rows("engines") if row["budget"])
                raise InputError(f"{field} is for engines that serve from a pool: choose {serving} as the engine.")

    def _check_formats(self) -> None:
        """Raise InputError for a format that the engine does not have; what the file decides is checked with it."""
        for use, formats in (("weights", self.weights), ("kv_cache", self.kv_cache)):
            for name in formats.split("/") if formats != AUTO else ():
                self.reserving.check_format(use, name)

    @property
    def reserving(self) -> Engine:
        """The engine, with what it reserves."""
        return Engine.named(self.engine)

    @property
    def alone(self) -> Inference:
        """The same without an engine and what only engines have."""
        return replace(self, engine="none", ubatch=0, utilization=None, batched_tokens=0, sequences=0)

    @property
    def kind(self) -> str:
        """Whose code the engine is."""
        return self.reserving.kind

    @property
    def plain(self) -> bool:
        """Whether every weight has the bits of its format, and nothing beside it."""
        return self.weights_format.family == Family.PLAIN

    @property
    def weights_format(self) -> Format:
        """The format of the weights; of those that the file decides, the usual one."""
        return Format.named(USUAL if self.weights == AUTO else self.weights)

    @property
    def cache_formats(self) -> tuple[Format, Format]:
        """The format of the keys, and that of the values; of those that the file decides, the usual one."""
        keys, *values = map(Format.named, (USUAL if self.kv_cache == AUTO else self.kv_cache).split("/"))
        return keys, values[0] if values else keys

    def _numbers(self) -> dict[str, int | Fraction]:
        keys, values = self.cache_formats
        return {
            "data_parallel": 1,
            "bytes_per_weight": self.weights_format.bytes,
            "bytes_per_key": keys.bytes,
            "bytes_per_value": values.bytes,
            "prompt": min(self.prompt, self.context),
            "residual": BY_NAME["residual"].default,
            **{"loras": self.loras, "lora_rank": self.lora_rank, "bytes_per_adapter": HALF},
            **({} if isinstance(self.prefill, str) else {"chunk": self.prefill}),
            **self._reserved(),
        }

    def _reserved(self) -> dict[str, int | Fraction]:
        engine, least = self.reserving, Format.named("FP16").bytes  # states are never kept in fewer bits
        room = (self.ubatch or engine.room) if engine.room else 0
        at_once = min(room, self.context * self.batch)  # no pass has more tokens than there are
        conv = Format.named(engine.conv_format).bytes if engine.conv_format else max(least, self.cache_formats[0].bytes)
        return {
            **{name: getattr(engine, name) for name in ("block", "counter", "window_counter", "conv_skipped")},
            "sharing": self.batch if engine.shared else 1,
            "window_extra": engine.window_extra + room,
            "bytes_per_conv": conv,
            "bytes_per_state": Format.named("FP32").bytes,
            **({"micro_tokens": -(-at_once // self.batch) * self.batch} if room else {}),
            **({"outputs": self.batch if self.logits == Logits.LAST else at_once} if room else {}),
            **({"micro_tokens": self.batched_tokens} if self.batched_tokens else {}),
            **({"outputs": self.sequences} if self.sequences else {}),
        }
