"""A small copy of a config.json: few layers, but one of every kind, narrow windows and few experts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Config = dict[str, Any]

LEAST_LAYERS, MOST_LAYERS, TOWER_LAYERS, WINDOW, EXPERTS = 3, 12, 2, 16, 16

TEXTS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where a config with several towers keeps its text decoder."""

_SHARED = "num_kv_shared_layers"
"""How many of the last layers use the caches of those before them, which must be there."""

_DEPTH = re.compile(r"depth|num_hidden_layers|(n|num|decoder|encoder)_layers?")
_KINDS = ("layer_types", "layers_block_type")
_FIRST = re.compile(r"first_k_dense_replace|num_dense_layers|moe_layer_start_index")
_PERIOD = re.compile(r".*_(interval|period|every_n_layers|layer_step|sparse_step|layer_freq|group_size|pattern)")
_PLACES = re.compile(r".*_(layers|idxs|indices|indexes|layer_ids)")
_WINDOW = re.compile(r"((sliding|attention|local)_)?window(_size)?|attention_chunk_size")
_EXPERTS = re.compile(r"(moe_)?num_((local|routed|moe)_)?experts(_per_tok(en)?)?|n_routed_experts|moe_topk")
_NO_SIZE = re.compile(
    r"(.*_)?((token_id|token_index|eps|epsilon|act|activation|function|dropout|pdrop|coef|loss|std|range|limit)s?"
    r"|initializer_\w+|output_\w+)|transformers_version|architectures|chunk_size_feed_forward|is_encoder_decoder"
    r"|use_cache|return_dict|id2label|label2id|problem_type|(torch_)?dtype|_name_or_path|pretraining_tp"
)


def depth(config: Mapping) -> int:
    """Return how many layers a config has; 0 if it does not say."""
    stated = [value for key, value in config.items() if _DEPTH.fullmatch(key) and _count(value)]
    listed = [len(config[key]) for key in _KINDS if config.get(key)]
    return max(stated or listed, default=0)


def cut(config: Mapping, layers: int = 0) -> Config:
    """Return a copy with so many layers, or with the first few that show every kind; a tower has two.

    What says something of each layer is cut along: lists, and the places of layers.
    """
    whole = depth(config)
    kept = min(layers or max([LEAST_LAYERS, *_wanted(config, whole)]), whole)
    return {key: _smaller(key, value, whole, kept, layers) for key, value in config.items()}


def sizes(config: Mapping) -> Config:
    """Return what of a config can change a size; of a tower, that it is there."""
    kept = {key: value for key, value in config.items() if not _NO_SIZE.fullmatch(key)}
    towers = {key: {} for key, value in kept.items() if _nested(key, value, depth(config)) and key not in TEXTS}
    return kept | towers | {key: sizes(kept[key]) for key in TEXTS if kept.get(key)}


def _wanted(config: Mapping, whole: int) -> Iterator[int]:
    """Yield how many layers it takes until each list and each number has shown all that it tells apart."""
    for key, value in config.items():
        if isinstance(value, list) and len(value) == whole > 0:
            shown = 1 + max(map(value.index, value))
            yield shown if isinstance(value[0], str) else min(shown, MOST_LAYERS)
        elif _places(key, value, whole):
            yield 1 + max(value[0], next(place for place in range(whole + 1) if place not in value))
        elif _count(value) and _FIRST.fullmatch(key):
            yield value + 1
        elif _count(value) and _PERIOD.fullmatch(key):
            yield min(value, MOST_LAYERS)
        elif _count(value) and key == _SHARED:
            yield MOST_LAYERS


def _smaller(key: str, value: Any, whole: int, kept: int, layers: int) -> Any:
    """Return the value of a key in a model that keeps the first of all its layers."""
    if isinstance(value, Mapping):
        return _inside(key, value, whole, kept, layers)
    if isinstance(value, list):
        within = [place for place in value if place < kept] if _places(key, value, whole) else []
        return value[:kept] if len(value) == whole else within or value
    if not _count(value):
        return value
    most = {_SHARED: kept // 2, "max_window_layers": kept}.get(key, value)
    for form, limit in ((_DEPTH, kept), (_WINDOW, WINDOW), (_EXPERTS, EXPERTS)):
        most = limit if form.fullmatch(key) else most
    return min(value, most)


def _inside(key: str, value: Mapping, whole: int, kept: int, layers: int) -> Mapping:
    """Return an object in a smaller model: a config of its own, or what it says of some layers."""
    if _numbered(value, whole):
        return {place: one for place, one in value.items() if int(place) < kept}
    return cut(value, layers if key in TEXTS else TOWER_LAYERS) if _nested(key, value, whole) else value


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _places(key: str, value: object, whole: int) -> bool:
    """Whether a list names some layers by their numbers."""
    if not isinstance(value, list) or not value or not _PLACES.fullmatch(key):
        return False
    return all(isinstance(place, int) and 0 <= place < whole for place in value)


def _numbered(value: Mapping, whole: int) -> bool:
    """Whether an object says something of some layers, under their numbers."""
    return bool(value) and all(str(place).isdigit() and int(place) < whole for place in value)


def _nested(key: str, value: object, whole: int) -> bool:
    return isinstance(value, Mapping) and key.endswith("_config") and not _numbered(value, whole)
