"""A run that generates text: what is chosen, and which value it gives each symbol."""

from dataclasses import dataclass
from fractions import Fraction

from memcalc import catalogue
from memcalc.errors import InputError, choice, must, shown, whole
from memcalc.formula.choices import Attention, End, Family, WindowCache
from memcalc.formula.formats import Format
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.engines import Engine
from memcalc.specs.fields import count, declare, flag, name_in, word
from memcalc.specs.run import Run, weights_format

AUTO, USUAL = "auto", "FP16"
"""The format that the model's file says; and what is taken where there is no file, or it says nothing."""


def _cache_format(field: str, both: object) -> str:
    names = both.split("/") if isinstance(both, str) and "/" in both else [both]
    if len(names) > 2:
        raise InputError(f"{field} format must name one format, or one for keys and one for values, not {both!r}.")
    known = [row["name"] for row in catalogue.rows("formats") if row["cache"] != "no"]
    formats = [choice(f"{field} format", name, known) for name in names]
    if len({Format.named(name).residual for name in formats}) > 1:
        raise InputError(
            f"{field} formats of keys and values must keep the same newest tokens in 16 bit, not {both!r}."
        )
    return "/".join(formats)


def _weights_format(field: str, name: object) -> str:
    return AUTO if name == AUTO else weights_format(field, name)


def _cache_format_or_auto(field: str, both: object) -> str:
    return AUTO if both == AUTO else _cache_format(field, both)


def _prefill(field: str, value: object) -> str | int:
    if not isinstance(value, str):
        return whole(field, value, 1, BY_NAME["context"].limit)
    if value.casefold() not in ("none", "whole"):
        raise must(field, "'none', 'whole' or a number of tokens", shown(value))
    return value.casefold()


_TOKENS = {"low": 0, "high": BY_NAME["context"].limit, "default": 0}


@dataclass(frozen=True)
class Inference(Run):
    """A run that generates text: how much context, for how many sequences, in which formats.

    Raises InputError if a count is impossible or a name unknown.

    >>> Inference(context=4096, weights="INT8").weights
    'INT8'
    """

    context: int = count("tokens held for each sequence [tokens]", default=BY_NAME["context"].default)
    batch: int = count("sequences at the same time [sequences]", default=BY_NAME["batch"].default)
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
    window: str = word(WindowCache, "how the cache of window layers is counted", WindowCache.IDEAL)
    engine: str = name_in(
        "engines", 'whose reservation is counted, as named in data/engines.csv; "ideal" is that of nobody', "ideal"
    )
    ubatch: int = count(
        "tokens of one pass through the model, for which the engine's window layers have room [tokens]; 0 for the "
        "engine's default",
        **_TOKENS,
    )
    prompt: int = count(
        "tokens of the context that were its prompt, which Transformers quantizes at once [tokens]", **_TOKENS
    )
    sinks: int = count("StreamingLLM: the first tokens, which are kept beside the recent ones [tokens]", **_TOKENS)
    recent: int = count("StreamingLLM: the newest tokens that are kept [tokens]; 0 keeps all", **_TOKENS)
    prefill: str | int = declare(
        _prefill,
        'how the prompt is read, if its working memory is counted too: "none", "whole", or a chunk [tokens]; llama.cpp '
        'reads it "whole", in passes of ubatch tokens',
        default="none",
    )
    attention: str = word(Attention, "the attention kernel, for the prefill", Attention.SDPA)
    overhead: str = word(End, "what driver, libraries and allocator take, of what is documented", End.NONE)
    towers: bool = flag("whether what the files of a model hold for pictures and sound is loaded", True)
    draft: bool = flag("whether the draft layers in the files of a model are loaded", True)
    tensor_parallel: int = count("cards between which heads and widths are divided", default=1)
    pipeline_parallel: int = count("cards between which layers are divided", default=1)
    expert_parallel: int = count("cards between which experts are divided", default=1)

    def _check_together(self) -> None:
        if not isinstance(self.prefill, str):
            whole("prefill", self.prefill, 1, self.context)
        if self.ubatch and self.reserving.room is None:
            raise must("ubatch", f"0 for the engine {self.engine!r}", self.ubatch)
        if self.sinks and not self.recent:
            raise must("recent", "at least 1 if there are sinks", self.recent)
        self._check_formats()

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
            **({"micro_tokens": -(-at_once // self.batch) * self.batch, "outputs": at_once} if room else {}),
        }
