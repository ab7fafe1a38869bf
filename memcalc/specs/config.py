"""A Hugging Face config.json: read, and its values taken out one by one, each checked."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from memcalc.checkpoints import regular
from memcalc.errors import InputError, choice, instance, must, shown, whole
from memcalc.formula.glossary import BY_NAME

BESIDE = ("quantization_config", "compression_config", "vision_config", "audio_config")
"""Keys that say that there is more than a text decoder with numbers of one format."""

TEXTS = ("text_config", "llm_config", "language_config")
"""Where a file with several towers keeps its text decoder."""

_MATTERS = (
    *BESIDE,
    *("num_nextn_predict_layers", "num_mtp_layers", "num_kv_shared_layers", "attention_chunk_size"),
    *("sliding_window", "layer_types", "use_bidirectional_attention", "use_qk_norm"),
    *("num_key_value_heads", "num_kv_heads", "head_dim", "attention_bias", "qkv_bias", "mlp_bias"),
    *("num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts", "shared_expert_intermediate_size"),
)
"""Keys that change memory in some family: where a family has no use for one, the user must hear of it."""

_FOREIGN = (
    *("num_attention_heads_per_layer", "attention_other_setting", "per_layer_config", "block_configs"),
    *("add_cross_attention", "is_encoder_decoder", "cross_attention_layers", "kv_lora_rank", "index_topk"),
)
"""Keys of an attention of another shape: where a family does not know it, any number would be wrong."""


LISTS = ("layers_block_type", "hybrid_override_pattern", "layer_types", "hybrid_layer_pattern")
"""Keys that say of each layer which kind it is; beside the first two, files may leave out how many there are."""


def levels(values: Mapping) -> list[Mapping]:
    """Return the values of a file, and those of the objects in it that hold its text decoder, from the outside in.

    >>> levels({"thinker_config": {"text_config": {"dtype": "float32"}}})[-1]
    {'dtype': 'float32'}
    """
    outer = [values, values.get("thinker_config")]
    found = [level for level in outer if isinstance(level, Mapping)]
    inner = (level[key] for level in found for key in TEXTS if isinstance(level.get(key), Mapping))
    return [*found, *inner]


def refusal(key: str, allowed: str, value: object) -> InputError:
    """Return what is said of a value that a key cannot have."""
    return must(f"{key} in config.json", allowed, shown(value))


def missing(keys: str, wanted: str) -> InputError:
    """Return what is said of a key that a file may not leave out; other spellings of it are parted by "|".

    >>> str(missing("n_head|num_heads", "a whole number"))
    'n_head (or num_heads) is missing in config.json: a whole number.'
    """
    key, *others = keys.split("|")
    also = f" (or {' or '.join(others)})" if others else ""
    return InputError(f"{key}{also} is missing in config.json: {wanted}.")


def braces(key: str, inner: object) -> Mapping:
    """Return the object that stands under a key; an empty one where it is left out or null.

    Raises InputError for what is no object.
    """
    if inner is not None and not isinstance(inner, Mapping):
        raise refusal(key, "an object in braces", inner)
    return inner or {}


class Config:
    """The values of one config.json.

    Parameters
    ----------
    values : key → value, as in the file
    kind : the `model_type`
    documented : key → what the family's documentation says where a file leaves it out; none of these is ever `ignored`
    keys : symbol → how the family spells its key, where that differs

    `assumed` collects the keys that the file leaves out and whose documented default was taken; `order` and `feeds` are
    the kind of each layer, and a letter for whether it has experts, if a reader finds them.
    """

    def __init__(
        self,
        values: Mapping,
        kind: str,
        documented: Mapping[str, object] = MappingProxyType({}),
        keys: Mapping[str, str] = MappingProxyType({}),
    ):
        self._values, self._kind, self.documented, self._keys = values, kind, documented, keys
        self._taken = set(documented)
        self.assumed: list[str] = []
        self.order: list[str] = []
        self.feeds = ""

    def _alike(self, value: list) -> object:
        """Return the number that a list says of each layer, where it is the same in all; else the list as it is."""
        layers = self._values.get("num_hidden_layers", self.listed_layers())
        same = all(type(one) is int and one == value[0] for one in value)
        return value[0] if value and same and len(value) == layers else value

    def spelled(self, name: str, keys: str) -> str:
        """Return how this family spells the key of a symbol, or `keys` if it does as others do."""
        return self._keys.get(name, keys)

    def count(
        self,
        name: str,
        keys: str,
        default: int | Callable[[], int] | None = None,
        null: int | None = None,
        auto: int | None = None,
        least: int = 1,
        most: int | None = None,
        bound: str = "",
    ) -> int:
        """Return a whole number.

        Parameters
        ----------
        name : the symbol that it becomes, whose limit holds
        keys : where it stands; spellings of the same number are parted by "|"
        default : what every family documents where the key is left out or null; without one it must be given
        null, auto : what an explicit null says, and the word "auto"
        least, most : other limits than the symbol's; `bound` is the key that the upper one comes from

        Raises InputError, which names the key, the value and what is allowed.

        >>> Config({"hidden_size": 64}, "llama").count("hidden", "hidden_size")
        64
        """
        keys = self.spelled(name, keys)
        key, value = self._find(keys)
        documented, most = self.documented.get(key), BY_NAME[name].limit if most is None else most
        default = default if documented is None else documented
        if value is None and key in self._values and null is not None:
            return null
        if auto is not None and isinstance(value, str) and value == "auto":
            return auto
        if value is None and default is not None:
            self.assumed.append(key)
            value = default() if callable(default) else default
            least = min(least, value)
        elif isinstance(value, list):
            value = self._alike(value)
        elif key not in self._values:
            raise missing(keys, f"a whole number from {least:,} to {most:,}")
        return whole(f"{key} in config.json", value, least, most, bound)

    def listed_layers(self) -> int | None:
        """Return how many layers a list of their kinds has; None if the file has no such list."""
        for key in LISTS[:2]:
            found = self._values.get(key)
            if found is not None and not (isinstance(found, str | list) and found):
                raise refusal(key, "a kind for each layer", found)
            if found is not None:
                return len(found)
        return None

    def first(self, key: str) -> None:
        """Keep the first of several numbers: of a file that has one for each kind of input, that of its text."""
        value = self.given(key)
        if isinstance(value, list) and value:
            self._values = {**self._values, key: value[0]}

    def flatten(self, key: str, names: Mapping[str, str]) -> None:
        """Take what an object in the file has under some keys as if it stood beside it under others."""
        inner = self.inside(key)
        self._values = {**{names[name]: value for name, value in inner.items() if name in names}, **self._values}

    def inside(self, key: str) -> Mapping:
        """Return an object in the file; an empty one where it is left out or null."""
        return braces(key, self.given(key))

    def given(self, key: str) -> object:
        """Return the value of a key as it stands; None if the file has none."""
        return self._find(key)[1]

    def flag(self, key: str, default: bool | None = None) -> int:
        """Return 1 for true, 0 for false; the documented default where the key is left out or null."""
        value = self._given(key, default)
        if not isinstance(value, bool):
            raise refusal(key, "true or false", value)
        return int(value)

    def part(self, key: str, default: float | None = None) -> float:
        """Return a part of a whole, more than 0 and at most 1; newer files keep some of them in `rope_parameters`."""
        value = self._given(key, default, self.inside("rope_parameters").get("partial_rotary_factor"))
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise refusal(key, "a number above 0 and up to 1", value)
        return value

    def must(self, key: str, default: bool) -> None:
        """Refuse a switch that is not in its documented place: the tensors would be others."""
        if self.flag(key, default) != default:
            wanted = f"{default}, as other layers of {self._kind} are not known here".lower()
            raise refusal(key, wanted, self._values[key])

    def kinds(self, layers: int) -> list[str] | None:
        """Return `layer_types`, one a layer; None if the file has none."""
        return self.words("layer_types", layers, ("full_attention", "sliding_attention", "chunked_attention"))

    def words(self, key: str, layers: int, known: tuple[str, ...]) -> list[str] | None:
        """Return a list with one word of a few for each layer; None if the file has none."""
        _, value = self._find(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != layers:
            raise refusal(key, f"a list of num_hidden_layers = {layers:,} kinds", value)
        return [choice(f"{key} in config.json:", kind, known) for kind in value]

    def changes(self, key: str, kind: str, layers: int, known: tuple[str, ...]) -> dict[str, int]:
        """Return what a file changes in layers of a kind, of which it must say the same in all of them.

        Raises InputError if it changes something in some of them alone, in other layers, or that is not `known`.
        """
        value = self.given(key)
        if value is None:
            return {}
        where = sorted(str(place) for place, one in enumerate(self.kinds(layers) or []) if one == kind)
        told = isinstance(value, Mapping) and value and all(isinstance(one, Mapping) for one in value.values())
        places = sorted(shown(place).strip("'").lstrip("0") or "0" for place in value) if told else []
        changed = [self._change(key, one, known) for one in value.values()] if told and places == where else []
        if not changed or any(one != changed[0] for one in changed):
            raise refusal(key, f"the same change in all layers of {kind}, and in no other", value)
        return changed[0]

    @staticmethod
    def _change(key: str, change: Mapping, known: tuple[str, ...]) -> dict[str, int]:
        names = {name: choice(f"{key} in config.json:", name, known) for name in change}
        return {
            names[name]: whole(f"{names[name]} in {key} of config.json", number, 1, BY_NAME["hidden"].limit)
            for name, number in change.items()
        }

    def numbers(self, key: str, layers: int, least: int = 1, most: int = BY_NAME["heads"].limit) -> list[int]:
        """Return a list with one whole number for each layer; empty if the file has none."""
        _, value = self._find(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or len(value) != layers:
            raise refusal(key, f"a list of num_hidden_layers = {layers:,} whole numbers", value)
        return [whole(f"{key} in config.json", number, least, most) for number in value]

    def places(self, key: str, layers: int, first: int = 0) -> set[int]:
        """Return a list of layer numbers, counted from `first`; empty, as documented, if the file has none."""
        value, bound = self._given(key, ()), "num_hidden_layers" if first else "num_hidden_layers - 1"
        if not isinstance(value, list | tuple):
            raise refusal(key, "a list of layer numbers", value)
        return {whole(f"{key} in config.json", place, first, layers - 1 + first, bound) for place in value}

    def skip(self, *keys: str) -> None:
        """Note that the family's own code has no use for these keys."""
        self._taken.update(keys)

    def ignored(self) -> tuple[str, ...]:
        """Return the keys that are on, change memory and were not used; InputError if one makes another attention."""
        for key in self._unused(_FOREIGN):
            raise refusal(key, f"left out for {self._kind}, whose attention has no such part", self._values[key])
        return tuple(self._unused(_MATTERS))

    def _unused(self, keys: tuple[str, ...]) -> list[str]:
        plain = int | str | list | dict | None  # of these, what is empty is off
        on = {key for key, value in self._values.items() if not isinstance(value, plain) or value}
        return [key for key in keys if key in on - self._taken]

    def _given(self, key: str, default: object, newer: object = None) -> object:
        """Return the value of a key; where that is left out or null, what a newer key says, or what is documented."""
        given = [value for value in (self._find(key)[1], newer) if value is not None]
        if not given:
            self.assumed.append(key)
        return given[0] if given else self.documented.get(key, default)

    def _find(self, keys: str) -> tuple[str, object]:
        spellings = keys.split("|")
        self._taken.update(spellings)
        present = [key for key in spellings if key in self._values] or spellings[:1]
        given = [key for key in present if self._values.get(key) is not None] or present[:1]
        values = [self._values.get(key) for key in given]
        if len({shown(value, most=sys.maxsize) for value in values}) > 1:
            both = " and ".join(map(shown, values))
            raise InputError(f"{' and '.join(given)} in config.json must say the same, not {both}.")
        return given[0], values[0]


def load(source: str | Path | Mapping) -> tuple[Mapping, str]:
    """Return the values of a config.json, given as a path or a mapping, and its name.

    Raises InputError if there is no such file, or it holds no JSON object.
    """
    instance("config", source, str, Path, Mapping)
    return (source, "config") if isinstance(source, Mapping) else (_read(regular.path_of(source)), str(source))


def _read(path: Path) -> Mapping:
    try:
        return regular.load(path, infinite=True)
    except InputError as problem:
        raise InputError(str(problem).replace("file ", "config.json ", 1)) from None
