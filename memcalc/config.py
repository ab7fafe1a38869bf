"""A Hugging Face config.json → the fields of a `Model`.

One row a field: where the number stands in the file, or what the documentation of the `model_type` says for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from memcalc.errors import InputError, choice
from memcalc.symbols import BY_NAME

SHAPE = ("layers", "hidden", "heads", "vocabulary")
"""What every config.json must state."""

_GPT2_KEYS = {"layers": "n_layer", "hidden": "n_embd", "heads": "n_head", "intermediate": "n_inner"}


def fields(config: str | Path | Mapping) -> dict[str, object]:
    """Return the fields of the model in a config.json, given as a path or a mapping.

    `assumed` lists the keys that the file leaves out and for which the documented default was taken.

    >>> config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...           "vocab_size": 100, "intermediate_size": 128}
    >>> fields(config)["head_dim"], "head_dim" in fields(config)["assumed"]
    (16, True)
    """
    config, name = (config, "config") if isinstance(config, Mapping) else (_read(Path(config)), str(config))
    kind = _READERS[choice("model_type", config.get("model_type"), _READERS)]
    reader = _Reader(config)
    return {"name": name, "source": name, **kind(reader), "assumed": tuple(reader.assumed)}


class _Reader:
    """Takes values out of a config and remembers which documented defaults it used."""

    def __init__(self, config: Mapping):
        self.config, self.assumed = config, []

    def required(self, key: str) -> int:
        if self.config.get(key) is None:
            raise InputError(f"config.json has no {key}, which the model needs.")
        return self.integer(key)

    def optional(self, key: str, default: int) -> int:
        if self.config.get(key) is None:
            self.assumed.append(key)
            return default
        return self.integer(key)

    def flag(self, key: str, default: bool) -> bool:
        value = self.config.get(key)
        if value is None:
            self.assumed.append(key)
            return default
        if not isinstance(value, bool):
            raise InputError(f"{key} in config.json must be true or false, not {value!r}.")
        return value

    def integer(self, key: str) -> int:
        value = self.config[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{key} in config.json must be a whole number from 1, not {value!r}.")
        return value


def _llama(read: _Reader) -> dict[str, int]:
    shape = {name: read.required(BY_NAME[name].config) for name in (*SHAPE, "intermediate")}
    bias = {"attention": read.flag("attention_bias", False), "mlp": read.flag("mlp_bias", False)}
    return shape | {
        "kv_heads": read.optional("num_key_value_heads", shape["heads"]),
        "head_dim": read.optional("head_dim", _share(shape)),
        "embedding_tables": 2 - read.flag("tie_word_embeddings", False),
        "positions": 0,
        "mlp_matrices": 3,
        "norm_vectors": 1,
        "qkv_bias": int(bias["attention"]),
        "output_bias": int(bias["attention"]),
        "mlp_bias": int(bias["mlp"]),
        "trained_context": read.optional("max_position_embeddings", 2048),
    }


def _gpt2(read: _Reader) -> dict[str, int]:
    shape = {name: read.required(_GPT2_KEYS.get(name, BY_NAME[name].config)) for name in SHAPE}
    positions = read.required("n_positions")
    return shape | {
        "intermediate": read.optional("n_inner", 4 * shape["hidden"]),
        "kv_heads": shape["heads"],
        "head_dim": _share(shape),
        "embedding_tables": 2 - read.flag("tie_word_embeddings", True),
        "positions": positions,
        "mlp_matrices": 2,
        "norm_vectors": 2,
        "qkv_bias": 1,
        "output_bias": 1,
        "mlp_bias": 1,
        "trained_context": positions,
    }


def _share(shape: Mapping[str, int]) -> int:
    head_dim, rest = divmod(shape["hidden"], shape["heads"])
    if rest:
        where = f"hidden = {shape['hidden']:,} without remainder where head_dim is not given"
        raise InputError(f"heads must divide {where}, not {shape['heads']:,}.")
    return head_dim


def _read(path: Path) -> Mapping:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"config.json {str(path)!r} cannot be read: {problem.strerror}.") from None
    except ValueError:
        raise InputError(f"config.json {str(path)!r} is not JSON.") from None
    if not isinstance(config, Mapping):
        raise InputError(f"config.json {str(path)!r} must hold one object in braces, not a {type(config).__name__}.")
    return config


_READERS = {"llama": _llama, "gpt2": _gpt2}
