"""How a published model is stored: what config.json and hf_quant_config.json say of its weights and its cache."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from memcalc import catalogue
from memcalc.errors import InputError, choice
from memcalc.formula.choices import Family
from memcalc.formula.formats import Format
from memcalc.specs.config import levels, load
from memcalc.specs.methods import METHODS, Section
from memcalc.texts import later, tr

WIDTHS = {"bfloat16": "BF16", "float16": "FP16", "float32": "FP32"}
"""`dtype` in a config.json → format of what is not quantized."""

_KEPT = (
    *("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules"),
    *("llm_int8_skip_modules", "skip_modules"),
)
"""Keys under which libraries list the modules that they leave as they are."""


@dataclass(frozen=True)
class Stored:
    """What a file says of its format.

    Parameters
    ----------
    weights : name of a row of data/formats.csv; "" if the file has a format that is not known, or names none
    cache : format of the cache; "" if the file says nothing of it
    width : format of what is not quantized
    kept : modules that stay as they are, or patterns of their names
    others : formats that some modules have instead, each with the patterns of their names
    head : whether the output layer is quantized as any other, unless it is kept
    where : what says so, such as "dtype in config.json", or PUBLISHED; "" if nothing does
    problem : why nothing could be taken, and the way out; "" if all is well
    """

    weights: str = ""
    cache: str = ""
    width: str = "FP16"
    kept: tuple[str, ...] = ()
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()
    head: bool = False
    where: str = ""
    problem: str = ""

    @property
    def sentence(self) -> str:
        """What was taken, and from where; "" if nothing was."""
        if not self.weights:
            return ""
        if not self.where:
            return tr(_NOT_NAMED, format=self.weights)
        form = Format.named(self.weights)
        more = "".join(tr(", some modules in {format}", format=name) for name in dict.fromkeys(dict(self.others)))
        left = {"left": _left(form, self.head), "width": self.width}
        rest = "" if form.family == Family.PLAIN else tr("; {left} in {width}", **left)
        cache = tr("; the cache in {cache}", cache=self.cache) if self.cache not in ("", self.width) else ""
        said = _AS_PUBLISHED if self.where == PUBLISHED else later("{format}, as {where} says{rest}.")
        return tr(said, format=form.name + more, where=self.where, rest=rest + cache)


PUBLISHED = "published"
_AS_PUBLISHED = later("As published: {format}{rest}.")
_NOT_NAMED = later("{format}, because config.json names neither dtype nor quantization_config.")


def stored(values: Mapping, beside: Mapping | None = None) -> Stored:
    """Return what a file says of its format.

    Parameters
    ----------
    values : key → value, as in config.json
    beside : the same of hf_quant_config.json, if there is one

    Nothing is refused here, for a user can name another format: what cannot be read is the `problem` of what returns.

    >>> config = {"dtype": "bfloat16", "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
    >>> stored(config).weights, stored(config).width
    ('FP8-128x128', 'BF16')
    """
    try:
        width, where = _width(values)
        section = _section(values, beside)
        if section is None:
            return Stored(width, _cache_of(width), width, where=where)
        return _quantized(section, width)
    except InputError as problem:
        return Stored(problem=f"{str(problem).removesuffix('.')}; or name the format yourself, as in weights='FP16'.")


def stored_in(source: str | Path | Mapping) -> Stored:
    """Return what a config.json says of its format, given as a path or a mapping, with the file that stands beside it.

    Raises InputError if there is no such file, or it holds no JSON object.

    >>> stored_in({"dtype": "float16", "quantization": {"bits": 4, "group_size": 64}}).weights
    'MLX-4bit-g64'
    """
    values, _ = load(source)
    beside = None if isinstance(source, Mapping) else Path(source).with_name("hf_quant_config.json")
    return stored(values, load(beside)[0] if beside and beside.is_file() else None)


@cache
def published(name: str) -> Stored:
    """Return how makers store a model that they publish in this format: a row of data/published.csv.

    >>> published("MXFP4").sentence
    'As published: MXFP4; all but the experts in BF16.'
    """
    found = stored(json.loads(catalogue.find("published", "published", name)["config"]))
    return replace(found, where=PUBLISHED)


def _quantized(section: Section, width: str) -> Stored:
    method = choice(f"quant_method of {section.where}", _method(section), METHODS)
    read = METHODS[method](section, width)
    kept = (*read.kept, *(pattern for key in _KEPT for pattern in section.texts(key)))
    return Stored(read.weights, _cache(section), width, kept, read.others, read.head, section.where)


def _width(values: Mapping) -> tuple[str, str]:
    """Return the format that `dtype` means, and what says so; older files call it `torch_dtype`."""
    for place in levels(values):
        for key in ("dtype", "torch_dtype"):
            if place.get(key) not in (None, "auto"):
                said = place[key].removeprefix("torch.") if isinstance(place[key], str) else place[key]
                return WIDTHS[choice(f"{key} in config.json:", said, WIDTHS)], f"{key} in config.json"
    return "FP16", ""


def _cache_of(width: str) -> str:
    """Return the format of the cache of a file without quantization: in 32 bits if the weights are."""
    return width if width == "FP32" else ""


def _section(values: Mapping, beside: Mapping | None) -> Section | None:
    """Return the part that describes the format: of the file, of its text model, or of the file beside it."""
    for place in levels(values):
        for key in _KEYS if place.get("quantization") != place.get("quantization_config") else _KEYS[::-1]:
            if place.get(key) not in (None, {}):
                section = Section(place, "config.json").part(key)
                experts = {"expert_dtype": place["expert_dtype"]} if "expert_dtype" in place else {}
                return Section({**_beside(beside), **experts, **section.values}, section.where)
    extra = _beside(beside)
    return Section(extra, "quantization of hf_quant_config.json") if extra else None


_KEYS = ("quantization_config", "compression_config", "quantization")
"""Keys for a format; the last is MLX's own, which it writes under the first key once more."""


def _beside(beside: Mapping | None) -> Mapping:
    said = Section(beside or {}, "hf_quant_config.json").part("quantization").values
    return {"quant_method": "modelopt", **said} if said else {}


def _method(section: Section) -> object:
    """Return the method; bitsandbytes of old and MLX do not name theirs."""
    if section.get("load_in_4bit|load_in_8bit") is not None:
        return section.get("quant_method", "bitsandbytes")
    of_mlx = section.where.startswith("quantization of") and {"bits", "group_size"} <= section.values.keys()
    return section.get("quant_method", "mlx" if of_mlx else None)


def _left(form: Format, head: bool) -> str:
    """Say what a format leaves as it is, beside the modules that a file names."""
    if "mamba" in form.keeps:
        return tr("all but the experts")
    if form.also:
        return tr("norms")
    return tr("embedding, router and norms") if head else tr("embedding, output layer, router and norms")


def _cache(section: Section) -> str:
    """Return the format of the cache that a file asks for; "" if it asks for none."""
    scheme = section.part("kv_cache_scheme")
    if scheme.values:
        kind, bits = scheme.word("type", "float"), scheme.number("num_bits", 8)
        return _CACHES[
            choice(f"kv_cache_scheme of {section.where}:", f"{'FP' if kind == 'float' else kind}{bits}", _CACHES)
        ]
    said = section.get("kv_cache_quant_algo|kv_cache_dtype", "auto")
    return _CACHES[choice(section.name("kv_cache_quant_algo"), said, _CACHES, {"none": "auto"})]


_CACHES = {"auto": "", "FP8": "FP8", "fp8_e4m3": "FP8", "fp8_e5m2": "FP8", "INT8": "INT8"}
