"""The metadata of a GGUF file in the words of a Hugging Face config.json: rows of data/gguf_config.csv."""

from collections.abc import Callable, Collection, Mapping

from memcalc import catalogue
from memcalc.checkpoints.gguf import MOST, Skipped
from memcalc.checkpoints.layer_caches import LayerCache, untold

_ARCHITECTURE = "general.architecture"


def config_of(metadata: Mapping[str, object], names: Collection[str] = ()) -> dict[str, object]:
    """Return what a config.json would say, as far as the metadata say it; what they leave out is left out.

    Parameters
    ----------
    metadata : of a GGUF file
    names : of its tensors, which alone say whether input and output share one embedding

    A count that differs from layer to layer stays a list, with 0 for layers without attention.
    Source: ggml2026llama, gguf-py/gguf/constants.py and conversion/.

    >>> metadata = {"general.architecture": "qwen3", "qwen3.block_count": 28, "qwen3.attention.head_count_kv": 8}
    >>> config_of(metadata)
    {'model_type': 'qwen3', 'num_hidden_layers': 28, 'num_key_value_heads': 8}
    """
    architecture = metadata.get(_ARCHITECTURE)
    if not isinstance(architecture, str):
        return {}
    config: dict[str, object] = {"model_type": _model_type(architecture, metadata)}
    for row in catalogue.rows("gguf_config"):
        if row["config"] in config or not _is_for(architecture, row, metadata):
            continue
        key, other = (row[cell].replace("{arch}", architecture) for cell in ("key", "other"))
        if row["how"] == "absent":
            found = key not in names if names else None
        else:
            found = _MAKERS[row["how"]](metadata[key], metadata.get(other, other)) if key in metadata else None
        if found is not None:
            config[row["config"]] = None if found is _NULL else found
    return config


_OF_STATES = ("ssm_state_size", "ssm_conv_kernel", "conv_L_cache", "head_size")
"""Words of a config that say that some layers keep a state or the inputs of a convolution."""


def layers_in(config: Mapping[str, object]) -> tuple[LayerCache, ...]:
    """Return what each layer keeps, told by the counts of a config alone, whatever the architecture.

    Parameters
    ----------
    config : from `config_of`

    Raises InputError where the counts leave it open.

    >>> layers_in({"num_hidden_layers": 2, "num_key_value_heads": [8, 0], "head_dim": 128})[0].keys
    1024
    """
    if any(config.get(word) for word in _OF_STATES):
        raise untold("some layers keep a state, of which the metadata tell too little")
    layers, heads = _told(config, "num_hidden_layers"), config.get("num_key_value_heads")
    latent, size, index = _told(config, "kv_lora_rank"), _head_size(config), _told(config, "index_head_dim")
    if not 0 < layers <= MOST or not (latent or (heads and size)):
        raise untold("the metadata lack the layers, their key-value heads, or the size of one")
    each = heads if isinstance(heads, list) else [heads] * layers
    if len(each) != layers:
        raise untold(f"the metadata have {layers:,} layers, and heads for {len(each):,}")
    if latent:
        kept = latent + _told(config, "qk_rope_head_dim")
        return tuple(LayerCache(layer, latent=kept, index=index) for layer in range(layers))
    values = _told(config, "v_head_dim") or size
    return tuple(LayerCache(layer, one * size, one * values, index=index) for layer, one in enumerate(each))


def _told(config: Mapping[str, object], key: str) -> int:
    """Return a count, 0 where there is none; one for each layer is more than is known what to do with."""
    if not _is_count(config.get(key, 0)):
        raise untold(f"the metadata have no single number for {key}")
    return config.get(key, 0)


def _head_size(config: Mapping[str, object]) -> int:
    """Return the numbers of a head: those of the layer, divided between its heads, where no key says them."""
    hidden, heads = config.get("hidden_size"), config.get("num_attention_heads")
    plain = hidden // heads if _is_count(hidden) and _is_count(heads) and heads and hidden % heads == 0 else 0
    return _told(config, "head_dim") or plain


def _model_type(architecture: str, metadata: Mapping[str, object]) -> str:
    """Return the `model_type` of an architecture; its own name where the table has no other."""
    for row in catalogue.rows("gguf_architectures"):
        key, _, value = row["when"].replace("{arch}", architecture).partition("=")
        said = metadata.get(key)
        if row["architecture"] == architecture and (not key or (str(said) == value if value else bool(said))):
            return row["model_type"]
    return architecture


def _is_for(architecture: str, row: Mapping[str, str], metadata: Mapping[str, object]) -> bool:
    """Return whether a row is for an architecture, named in it or not excluded, and for what the metadata have."""
    listed = row["architectures"].removeprefix("!").split("|")
    meant = not row["architectures"] or (architecture in listed) != row["architectures"].startswith("!")
    has, lacks = (metadata.get(row[cell].replace("{arch}", architecture)) for cell in ("with", "without"))
    return meant and (not row["with"] or bool(has)) and (not row["without"] or not lacks)


def _is_count(value: object) -> bool:
    return type(value) is int


def _as_is(value: object, _: object) -> object:
    if isinstance(value, tuple) and all(map(_is_count, value)):
        return list(value)
    return value if _is_count(value) else None


def _positive(value: object, _: object) -> object:
    """Return a count unless it is 0, or one for each layer unless all are 0."""
    found = _as_is(value, _)
    return found if (any(found) if isinstance(found, list) else found) else None


def _less(value: object, other: object) -> int | None:
    other = other if _is_count(other) else 0
    return value - other if _is_count(value) and value > other else None


def _over(value: object, other: object) -> int | None:
    """Return one count divided by another that divides it."""
    if not (_is_count(value) and _is_count(other)) or other <= 0 or value % other:
        return None
    return value // other


def _length(value: object, _: object) -> int | None:
    return value.length if isinstance(value, Skipped) else len(value) if isinstance(value, tuple) else None


def _kinds(value: object, words: object) -> list[str] | None:
    """Return a word for each layer: the first of two where its value is 0 or false, else the second."""
    no, yes = str(words).split("|")
    return [yes if one else no for one in value] if isinstance(value, tuple) else None


_NULL = object()
_MAKERS: dict[str, Callable[[object, object], object]] = {
    "": _as_is,
    "number": lambda value, _: value if _is_count(value) else None,
    "positive": _positive,
    "less": _less,
    "over": _over,
    "length": _length,
    "kinds": _kinds,
    "false": lambda value, _: False,
    "null": lambda value, _: _NULL,
}
"""How the cell of a config comes from the value of a key, and from that of another key or other words."""
