"""A Hugging Face config.json → the fields of a `Model`.

One row a field: where the number stands in the file, or what the documentation of the `model_type` says for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from memcalc.errors import InputError, choice, instance, shown, whole
from memcalc.symbols import BY_NAME


def fields(config: str | Path | Mapping) -> dict[str, object]:
    """Return the fields of the model in a config.json, given as a path or a mapping.

    `assumed` lists the keys that the file leaves out and for which the documented default was taken.
    Raises InputError if a key is missing or has a value that makes no sense.

    >>> config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...           "vocab_size": 100, "intermediate_size": 128}
    >>> fields(config)["head_dim"], "head_dim" in fields(config)["assumed"]
    (16, True)
    """
    instance("config", config, str, Path, Mapping)
    config, name = (config, "config") if isinstance(config, Mapping) else (_read(Path(config)), str(config))
    if config.get("model_type") is None:
        raise InputError(f"model_type is missing in config.json. Known: {', '.join(_READERS)}.")
    reader = _Reader(config)
    kind = _READERS[choice("model_type", config["model_type"], _READERS)]
    return {"name": name, "source": name, **kind(reader), "assumed": tuple(reader.assumed)}


class _Reader:
    """Takes values out of a config and remembers which documented defaults it used."""

    def __init__(self, config: Mapping):
        self.config, self.assumed = config, []

    def required(self, name: str, key: str) -> int:
        if self.config.get(key) is None:
            raise InputError(f"{key} is missing in config.json.")
        return whole(f"{key} in config.json", self.config[key], 1, BY_NAME[name].limit)

    def optional(self, name: str, key: str, default: Callable[[], int]) -> int:
        return self.required(name, key) if self._given(key) else default()

    def flag(self, key: str, default: bool) -> int:
        if not self._given(key):
            return int(default)
        if not isinstance(self.config[key], bool):
            raise InputError(f"{key} in config.json must be true or false, not {shown(self.config[key])}.")
        return int(self.config[key])

    def share(self, whole_key: str, parts_key: str) -> int:
        size, rest = divmod(self.config[whole_key], self.config[parts_key])
        if rest:
            whole_says = f"{whole_key} = {self.config[whole_key]:,} without remainder"
            raise InputError(f"{parts_key} in config.json must divide {whole_says}, not {self.config[parts_key]:,}.")
        return size

    def _given(self, key: str) -> bool:
        if self.config.get(key) is None:
            self.assumed.append(key)
        return self.config.get(key) is not None


def _llama(read: _Reader) -> dict[str, int]:
    names = ("layers", "hidden", "heads", "vocabulary", "intermediate")
    shape = {name: read.required(name, BY_NAME[name].config) for name in names}
    bias = read.flag("attention_bias", False)
    return shape | {
        "full_layers": shape["layers"],
        "dense_layers": shape["layers"],
        "kv_heads": read.optional("kv_heads", "num_key_value_heads", lambda: shape["heads"]),
        "head_dim": read.optional("head_dim", "head_dim", lambda: read.share("hidden_size", "num_attention_heads")),
        "embedding_tables": 2 - read.flag("tie_word_embeddings", False),
        "positions": 0,
        "mlp_matrices": 3,
        "norm_vectors": 1,
        "qkv_bias": bias,
        "output_bias": bias,
        "mlp_bias": read.flag("mlp_bias", False),
        "trained_context": read.optional("context", "max_position_embeddings", lambda: 2048),
    }


def _gpt2(read: _Reader) -> dict[str, int]:
    keys = {"layers": "n_layer", "hidden": "n_embd", "heads": "n_head", "vocabulary": "vocab_size"}
    shape = {name: read.required(name, key) for name, key in keys.items()}
    positions = read.required("positions", "n_positions")
    return shape | {
        "intermediate": read.optional("intermediate", "n_inner", lambda: 4 * shape["hidden"]),
        "kv_heads": shape["heads"],
        "head_dim": read.share("n_embd", "n_head"),
        "embedding_tables": 2 - read.flag("tie_word_embeddings", True),
        "positions": positions,
        "mlp_matrices": 2,
        "norm_vectors": 2,
        "qkv_bias": 1,
        "output_bias": 1,
        "mlp_bias": 1,
        "trained_context": positions,
    }


def _read(path: Path) -> Mapping:
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise InputError(f"config.json {str(path)!r} cannot be read: {problem.strerror}.") from None
    except json.JSONDecodeError as problem:
        raise InputError(f"config.json {str(path)!r} is not JSON: {problem.msg} in line {problem.lineno}.") from None
    except (ValueError, RecursionError):  # no text, endless digits, brackets without end
        raise InputError(f"config.json {str(path)!r} is not JSON that a model could have.") from None
    if not isinstance(config, Mapping):
        raise InputError(f"config.json {str(path)!r} must hold one object in braces, not {shown(config)}.")
    return config


_READERS = {"llama": _llama, "gpt2": _gpt2}
