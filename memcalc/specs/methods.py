"""What each library writes of its formats into a config.json: one short reader a `quant_method`.

Which format of data/formats.csv a description means is a row of data/stored.csv.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from memcalc import catalogue
from memcalc.errors import InputError, must, shown, whole
from memcalc.formula.glossary import BY_NAME

MOST_PATTERNS = 20_000
"""Modules that a file may name one by one: more than any model has matrices with a name of their own."""

LONGEST_KEY = 60
"""Characters of a key that a message has as it is."""


class Reading(NamedTuple):
    """What a description says.

    Parameters
    ----------
    weights : name of a row of data/formats.csv
    kept : patterns of the names of modules that stay as they are, where the method has a way of its own to say so
    others : formats that some modules have instead, each with the patterns of their names
    head : whether the output layer is quantized as any other, unless it is kept
    """

    weights: str
    kept: tuple[str, ...] = ()
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()
    head: bool = False


class Layout(NamedTuple):
    """How numbers are stored, in the words of data/stored.csv: bits, numbers that share a scale, and the kind."""

    bits: int | str = ""
    group: int | str = ""
    kind: str = ""


class Section:
    """The part of a file that describes its format.

    Parameters
    ----------
    values : key → value, as in the file
    where : the part and the file, for messages
    """

    def __init__(self, values: Mapping, where: str):
        self.values, self.where = values, where

    def get(self, keys: str, default: object = None) -> object:
        """Return the value of the first of these keys, parted by "|", that is there and not null."""
        given = (self.values[key] for key in keys.split("|") if self.values.get(key) is not None)
        return next(given, default)

    def number(self, keys: str, default: int | None = None) -> int:
        """Return a whole number; of a group, -1 for a whole row is read as 0."""
        return max(0, whole(self.name(keys), self.get(keys, default), -1, BY_NAME["hidden"].limit))

    def word(self, keys: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.get(keys, default)
        if not isinstance(value, str):
            raise must(self.name(keys), "a word", shown(value))
        return value

    def flag(self, key: str) -> bool:
        """Return a switch, which is off where it is left out."""
        value = self.get(key, False)
        if not isinstance(value, bool):
            raise must(self.name(key), "true or false", shown(value))
        return value

    def part(self, key: str) -> "Section":
        """Return an object inside; an empty one where it is left out."""
        value = {} if self.values.get(key) is None else self.values[key]
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise must(f"{_short(key)} of {self.where}", "an object in braces", shown(value))
        return Section(value, f"{_short(key)} of {self.where}")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, without those that stand there twice; none where it is left out."""
        value = self.get(key, ())
        value = (value,) if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise must(self.name(key), "a list of names of modules", shown(value))
        if len(value) > MOST_PATTERNS:
            raise must(self.name(key), f"a list of at most {MOST_PATTERNS:,} names", f"one of {len(value):,}")
        return tuple(dict.fromkeys(value))

    def name(self, keys: str) -> str:
        """Return what a key is called in a message."""
        return f"{keys.split('|')[0]} of {self.where}"


def _short(key: str) -> str:
    """Return a key as it stands in a message: a file may have long ones, such as patterns of names."""
    return key if key.isidentifier() and len(key) < LONGEST_KEY else shown(key)


def _found(method: str, layout: Layout, section: Section) -> str:
    """Return the name of the format that a layout means; else raise InputError, which says what is known."""
    rows = [row for row in catalogue.rows("stored") if row["method"] == method]
    wanted = tuple(map(str, layout))
    for row in rows:
        if (row["bits"], row["group"], row["kind"]) == wanted:
            return row["format"]
    near = [row for row in rows if row["kind"] == layout.kind] or rows
    known = list(dict.fromkeys(_in_words(Layout(row["bits"], row["group"], row["kind"])) for row in near))
    known[_NAMED:] = [f"{len(known) - _NAMED:,} more"] if known[_NAMED:] else []
    raise InputError(
        f"{section.where} must describe a format that is known of {method}: {', '.join(known)}; "
        f"not {_in_words(layout)}."
    )


_NAMED = 2
"""Formats that a message names."""


def _in_words(layout: Layout) -> str:
    bits, group, kind = (shown(part).strip("'") if part != "" else "" for part in layout)
    group = {"0": "a scale per row", "": ""}.get(group, f"groups of {group}")
    return " ".join(filter(None, (f"{bits} bits" if bits else "", kind, group)))


def _awq(section: Section, width: str) -> Reading:
    layout = Layout(section.number("bits|w_bit", 4), section.number("group_size|q_group_size", 128))
    return Reading(_found("awq", layout, section))


def _gptq(section: Section, width: str) -> Reading:
    bits, group = section.number("bits"), section.number("group_size", 128)
    layout = Layout(bits, group, _usual(section, "checkpoint_format", "gptq", "gptq_v2"))
    kept, others = [], []
    rules = section.part("dynamic")
    for pattern in rules.values:
        if pattern.startswith("-:"):
            kept.append(f"re:{pattern[2:]}")
            continue
        rule = rules.part(pattern)
        own = Layout(rule.number("bits", bits), rule.number("group_size", group), layout.kind)
        others.append((_found("gptq", own, rule), (f"re:{pattern.removeprefix('+:')}",)))
    found = _found("gptq", layout, section)
    return Reading(found, kept=tuple(kept), others=tuple(others), head=section.flag("lm_head"))


def _usual(section: Section, key: str, *usual: str) -> str:
    """Return nothing for the usual words of a key, else the word."""
    word = section.word(key, usual[0])
    return "" if word in usual else word


def _bitsandbytes(section: Section, width: str) -> Reading:
    if not section.flag("load_in_4bit") and not section.flag("load_in_8bit"):
        raise must(section.name("load_in_4bit"), "true, or load_in_8bit", "both off")
    if section.flag("load_in_8bit"):
        return Reading(_found("bitsandbytes", Layout(8), section))
    double = " double" if section.flag("bnb_4bit_use_double_quant") else ""
    kind = section.word("bnb_4bit_quant_type", "fp4") + double
    return Reading(_found("bitsandbytes", Layout(4, kind=kind), section))


def _fp8(section: Section, width: str) -> Reading:
    if section.get("expert_dtype", "fp8") != "fp8":
        raise must("expert_dtype in config.json", "'fp8' or left out", shown(section.get("expert_dtype")))
    block = section.get("weight_block_size", ())
    layout = Layout(8, _block(section, block), "dynamic" if block else section.word("activation_scheme", "dynamic"))
    return Reading(_found("fp8", layout, section))


def _block(section: Section, block: object) -> str:
    if not isinstance(block, list | tuple):
        raise must(section.name("weight_block_size"), "a list of two numbers", shown(block))
    return "x".join(map(shown, block))


def _fbgemm(section: Section, width: str) -> Reading:
    return Reading(_found("fbgemm_fp8", Layout(8), section))


def _compressed(section: Section, width: str) -> Reading:
    """Return the format that most linear layers have; that of those that a group names by themselves comes beside."""
    groups, head = section.part("config_groups"), False
    weights, others = width, []
    for name in groups.values:
        group = groups.part(name)
        form, targets = _of_group(group, section), group.texts("targets") or ("Linear",)
        if "Linear" in targets:
            weights, head = form, True
        else:
            others.append((form, targets))
    if not groups.values:
        raise must(section.name("config_groups"), "an object with at least one group", "left out")
    return Reading(weights, others=tuple(others), head=head)


def _of_group(group: Section, section: Section) -> str:
    weights, inputs = group.part("weights"), group.part("input_activations")
    how = group.word("format", section.word("format", "dense"))
    grouped = "tensor_group" if "nvfp4" in how else "group"
    strategy = weights.word("strategy", grouped if weights.get("group_size") else "tensor")
    size = weights.number("group_size") if strategy in ("group", "tensor_group") else ""
    if strategy == "block":
        size = _block(weights, weights.get("block_structure", ()))
    more = {
        "static": strategy == "tensor" and inputs.get("dynamic") is False,
        "inputs": inputs.values and ("fp4" in how or "mxfp8" in how),
        "asymmetric": weights.get("symmetric") is False,
        "indexed": weights.get("actorder") == "group",
    }
    words = [how, weights.word("type", "int"), strategy, *(word for word, holds in more.items() if holds)]
    return _found("compressed-tensors", Layout(weights.number("num_bits", 8), size, " ".join(words)), weights)


def _modelopt(section: Section, width: str) -> Reading:
    algorithm = section.word("quant_algo").upper()
    if algorithm != "MIXED_PRECISION":
        return Reading(_found("modelopt", Layout(kind=algorithm), section))
    layers, others = section.part("quantized_layers"), {}
    for name in layers.values:
        form = _found("modelopt", Layout(kind=layers.part(name).word("quant_algo").upper()), layers)
        others.setdefault(form, []).append(name)
    return Reading(width, others=tuple((form, tuple(names)) for form, names in others.items()))


def _mxfp4(section: Section, width: str) -> Reading:
    return Reading(_found("mxfp4", Layout(), section))


def _torchao(section: Section, width: str) -> Reading:
    kind = section.get("quant_type")
    if not isinstance(kind, Mapping):
        raise must(section.name("quant_type"), "an object in braces", shown(kind))
    config = section.part("quant_type").part("default")
    return Reading(_found("torchao", Layout(8, kind=config.word("_type")), section))


def _hqq(section: Section, width: str) -> Reading:
    config = section.part("quant_config")
    config = config.part("weight_quant_params") if config.get("weight_quant_params") else config
    return Reading(_found("hqq", Layout(config.number("nbits"), config.number("group_size", 0)), section))


def _quanto(section: Section, width: str) -> Reading:
    word = section.word("weights")
    return Reading(_found("quanto", Layout("".join(filter(str.isdigit, word)), kind=word), section))


def _mlx(section: Section, width: str) -> Reading:
    """Return the format of MLX; modules that the file names have bits of their own, or false for none."""
    usual, kept, others = _of_mlx(section, section), [], {}
    for name, own in section.values.items():
        if own is False:
            kept.append(name)
        elif isinstance(own, Mapping):
            others.setdefault(_of_mlx(section.part(name), section), []).append(name)
    return Reading(usual, tuple(kept), tuple((form, tuple(names)) for form, names in others.items() if form != usual))


def _of_mlx(part: Section, section: Section) -> str:
    """Return the format of a file or of one module, whose mode is the usual one if it names none."""
    bits, group = (part.number(key, section.number(key)) for key in ("bits", "group_size"))
    return _found("mlx", Layout(bits, group, part.word("mode", "affine")), part)


METHODS: dict[str, Callable[[Section, str], Reading]] = {
    "awq": _awq,
    "gptq": _gptq,
    "bitsandbytes": _bitsandbytes,
    "fp8": _fp8,
    "fbgemm_fp8": _fbgemm,
    "compressed-tensors": _compressed,
    **dict.fromkeys(("modelopt", "modelopt_fp4", "modelopt_mixed"), _modelopt),
    "mxfp4": _mxfp4,
    "torchao": _torchao,
    "hqq": _hqq,
    "quanto": _quanto,
    "mlx": _mlx,
}
"""`quant_method` → what reads it."""
