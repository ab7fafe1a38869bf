"""Configurations of DeepSpeed and FSDP: what their keys mean in the fields of a run, and what they say in vain.

What a key does is a row of data/framework_keys.csv; a row of a section stands for all in it that has no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from memcalc import catalogue
from memcalc.checkpoints import in_yaml, regular
from memcalc.errors import InputError, must, shown, whole
from memcalc.formula.glossary import BY_NAME

AUTO = "auto"
"""What a file says where the Trainer fills in its own argument."""

_DEEPEST = 8
"""No configuration nests objects as deeply."""

EFFECTS = {
    "nothing": "no byte depends on {}",
    "uncounted": "{} {is} not counted here",
    "unknown": "{} {is} not known here",
    "elsewhere": "Transformers does not read {}, and --recompute full counts its own",
    "node": "{} shares within a node, whose cards --data-parallel says",
    "overruled": "the command line overrules {}",
    AUTO: "{} {is} auto, which the options say",
}
"""Why a key has no effect → the words for it."""


@dataclass(frozen=True)
class Key(catalogue.Row):
    """What a key means: a row of data/framework_keys.csv.

    Parameters
    ----------
    program, key : whose it is; its path, parted by dots
    field : the field of a run that depends on it; "" if none does
    values : "count" or "flag"; or values that it may have, with that of the field, as "cpu=optimizer|none=none"
    effect : why it has no effect, a word of `EFFECTS`
    source, date : where that is said, and when it was looked up
    """

    program: str
    key: str
    field: str = ""
    values: str = ""
    effect: str = ""
    source: str = ""
    date: str = ""

    @property
    def meant(self) -> dict[str, str]:
        """Each value that it may have, in small letters → that of the field."""
        pairs = (pair.partition("=") for pair in self.values.split("|"))
        return {value: field for value, _, field in pairs}


@dataclass(frozen=True)
class Settings:
    """What a configuration says of a run.

    Parameters
    ----------
    fields : field of `Training` → its value
    keys : field → the key that says it
    idle : key without effect → why, a word of `EFFECTS`
    """

    fields: dict[str, object] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: object, key: str) -> None:
        """Take a field from a key."""
        self.fields[name], self.keys[name] = value, key


@cache
def _known(program: str) -> dict[str, Key]:
    """Return the rows of a program; FSDP2 has those of FSDP, but for what its own say."""
    rows = (row for row in catalogue.rows("framework_keys") if program.startswith(row["program"]))
    return {row["key"]: Key.of_row(row) for row in rows}


def of_deepspeed(source: str | Path | Mapping, hidden: int = 0) -> Settings:
    """Return what a configuration of DeepSpeed says, from a JSON or YAML file or a mapping.

    Parameters
    ----------
    hidden : hidden size of the model, on which an automatic bucket depends; 0 if nobody knows it

    Raises InputError for a file that is neither, and for values that make no sense or are not counted.
    Source: deepspeed2026, docs/_pages/config-json.md; for "auto" wolf2020transformers, integrations/deepspeed.py.

    >>> of_deepspeed({"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}}).fields
    {'zero': 2, 'recipe': 'mixed'}
    """
    said, found = _read("DeepSpeed", source if isinstance(source, Mapping) else _load(source), source)
    if "zero_optimization.reduce_bucket_size" in _automatic(said) and hidden:
        said["zero_optimization.reduce_bucket_size"] = hidden**2
    for key in _automatic(said):
        if _known("DeepSpeed")[key].field:
            found.idle[key] = AUTO
        del said[key]
    for key, row in _known("DeepSpeed").items():
        if key in said and row.values == "count" and row.field and key != "train_batch_size":
            found.put(row.field, _count(key, said[key], row.field), key)
    if found.fields.get("context_parallel", 1) > 1:
        found.put("exchange", "ulysses", "sequence_parallel_size")
    for more in (_cards, _optimizer, _offload, _recipe):
        more(said, found)
    return found


def of_fsdp(source: str | Path | Mapping) -> Settings:
    """Return what a configuration of FSDP says, from a JSON or YAML file or a mapping in the keys of
    accelerate or the Trainer.

    A text such as "full_shard auto_wrap offload" is read as the Trainer's option.
    Raises InputError for a file that is neither, and for values that make no sense or are not counted.

    >>> of_fsdp({"fsdp_config": {"fsdp_offload_params": True}, "num_processes": 8}).fields
    {'sharding': 'fsdp', 'offload': 'parameters', 'data_parallel': 8}
    >>> of_fsdp({"fsdp_config": {"fsdp_version": 2, "fsdp_reshard_after_forward": False}}).fields
    {'sharding': 'fsdp2', 'reshard': False}
    """
    words = source.split() if isinstance(source, str) else []
    if words and all(word in _WORDS for word in words):
        source = dict(_WORDS[word] for word in words)
    values = source if isinstance(source, Mapping) else _load(source)
    program = _version(values)
    said, found = _read(program, values, source)
    found.put("sharding", program.casefold(), "fsdp" if said.pop("version", None) is None else "version")
    for key in said:
        _take(_known(program)[key], said, found)
    _apart(found)
    return found


def _take(row: Key, said: Mapping[str, object], found: Settings) -> None:
    """Take what a key of FSDP says."""
    key, value = row.key, said[row.key]
    if row.values == "count":
        found.put(row.field, _count(key, value, row.field), key)
    elif row.values == "flag":
        found.put(row.field, _flag(key, said), key)
    elif row.field:
        found.put(row.field, _meant(row, value), key)
        if row.field == "sharding" and _word(value) in ("hybrid_shard", "4"):
            found.idle[str(value)] = "node"
    elif row.values and _word(value) not in row.meant:
        found.idle[key] = "uncounted"


def _apart(found: Settings) -> None:
    """Of all processes, count as data-parallel those that work on other sequences."""
    every = found.fields.get("data_parallel", 1)
    for degree in ("context_parallel", "tensor_parallel"):
        cards = found.fields.get(degree, 1)
        if every > 1 and every % cards:
            key = found.keys[degree].rpartition(".")[2]
            raise must(found.keys["data_parallel"], f"a multiple of {key} = {cards:,}", every)
        every = max(1, every // cards)
    if "data_parallel" in found.fields:
        found.put("data_parallel", every, found.keys["data_parallel"])


_WORDS = {
    "full_shard": ("sharding_strategy", "FULL_SHARD"),
    "shard_grad_op": ("sharding_strategy", "SHARD_GRAD_OP"),
    "no_shard": ("sharding_strategy", "NO_SHARD"),
    "hybrid_shard": ("sharding_strategy", "HYBRID_SHARD"),
    "hybrid_shard_zero2": ("sharding_strategy", "HYBRID_SHARD_ZERO2"),
    "offload": ("offload_params", True),
    "auto_wrap": ("auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
}
"""Word of the Trainer's --fsdp → the key that says the same: wolf2020transformers, trainer_utils.py: FSDPOption."""


def _version(values: Mapping) -> str:
    """Return whose keys a configuration of FSDP has; one that shards anew, or not, is of the second version."""
    said = dict(_leaves("FSDP2", values))
    if "version" in said:
        return _meant(_known("FSDP")["version"], said["version"]).upper()
    return "FSDP2" if _word(said.get("reshard_after_forward")) in ("true", "false") else "FSDP"


def _read(program: str, values: Mapping, source: object) -> tuple[dict[str, object], Settings]:
    """Return the values of the keys that have rows with fields or values, and those that change nothing."""
    said, found, known = {}, Settings(), _known(program)
    for key, value in _leaves(program, values):
        row = _row_of(key, known)
        if row is None:
            found.idle[key] = "unknown"
        elif row.field or row.values:
            if row.key != key:
                raise must(row.key, "a single value", "an object")
            said[key] = value
        if row is not None and row.effect:
            found.idle[_named(key, row.key, known)] = row.effect
    if all(why == "unknown" for why in found.idle.values()) and not said:
        where = "the mapping" if isinstance(source, Mapping) else f"file {str(source)!r}"
        raise InputError(f"{where} must be a configuration of {program}: it has none of the keys that are known here.")
    return said, found


def _load(source: object) -> Mapping:
    path = regular.path_of(source)
    return in_yaml.load(path) if path.suffix.casefold() in in_yaml.ENDINGS else regular.load(path)


def _leaves(program: str, values: Mapping) -> Iterator[tuple[str, object]]:
    """Yield each path with its value; an object without a value is none, and neither is what is null."""
    known = _known(program)
    waiting = [("", values, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, Mapping):
            if depth > _DEEPEST:
                raise InputError(f"{path[:60]}… nests objects too deeply for a configuration.")
            inside = [(_path(program, path, name), one, depth + 1) for name, one in value.items()]
            waiting += reversed(inside)
        elif any(key.startswith(f"{path}.") for key in known) and value is not None:
            raise must(path, "an object in braces", shown(value))
        elif value is not None:
            yield path, value


def _path(program: str, path: str, name: object) -> str:
    """Return the path of a key; FSDP's may begin with its name, and stand in an object called so."""
    if not isinstance(name, str):
        raise must("a key", "a text", shown(name))
    name = name[:100]
    if program != "DeepSpeed":
        name = "" if name == "fsdp_config" else name.removeprefix("fsdp_")
    return ".".join(filter(None, (path, name)))


def _row_of(key: str, known: Mapping[str, Key]) -> Key | None:
    """Return the row of a key, or of the section that it stands in."""
    parts = key.split(".")
    return next((known[one] for end in range(len(parts), 0, -1) if (one := ".".join(parts[:end])) in known), None)


def _named(key: str, section: str, known: Mapping[str, Key]) -> str:
    """Return which key has no effect: the whole section, unless some of it has."""
    partly = any(one.startswith(f"{section}.") for one in known)
    return key if partly else section


def _automatic(said: Mapping[str, object]) -> list[str]:
    return [key for key, value in said.items() if isinstance(value, str) and value.casefold() == AUTO]


def _count(key: str, value: object, name: str) -> int:
    """Return a whole number, which may be written as 5e8; what is more than any model has is as much as the limit."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    low, high = (0, 3) if name == "zero" else (1, BY_NAME[name].limit if name in BY_NAME else 10**9)
    if name in ("live_parameters", "sub_group") and isinstance(number, int) and number > high:
        return high
    return whole(key, number, low, high)


def _flag(key: str, said: Mapping[str, object]) -> bool:
    """Return whether a key says true; one that is not there says false."""
    value = _word(said.get(key, False))
    if value not in ("true", "false"):
        raise must(key, "true or false", shown(said[key]))
    return value == "true"


def _word(value: object) -> str:
    return str(value).casefold() if isinstance(value, str | bool | int) else shown(value)


def _meant(row: Key, value: object) -> str:
    """Return the value of the field that a key asks for."""
    if (found := row.meant.get(_word(value))) is not None:
        return found
    allowed = ", ".join(word for word in row.meant if not word.isdigit()) or ", ".join(row.meant)
    instead = (
        "; zero 2 counts what DeepSpeed shares in its place" if row.key != "version" and row.field == "sharding" else ""
    )
    raise InputError(f"{row.key} must be one of {allowed}, not {shown(value)}{instead}.")


def _cards(said: Mapping[str, object], found: Settings) -> None:
    """Take the number of cards from the batch of all of them, where the file says both of its other factors."""
    whole_batch, several = "train_batch_size", "gradient_accumulation_steps"
    if whole_batch not in said:
        return
    limit = BY_NAME["data_parallel"].limit
    every = whole(whole_batch, said[whole_batch], 1, limit)
    if "batch" not in found.fields:
        found.idle[whole_batch] = "nothing"
        return
    each = found.fields["batch"] * _count(several, said.get(several, 1), "micro_batches")
    if every % each:
        raise must(whole_batch, f"a multiple of {each:,}, as much as each card takes in a step", every)
    if several in said:
        found.put("data_parallel", every // each, whole_batch)
    else:
        found.idle[whole_batch] = "nothing"


def _optimizer(said: Mapping[str, object], found: Settings) -> None:
    key, torch = "optimizer.type", "optimizer.params.torch_adam"
    if key not in said:
        return
    value = said[key]
    if not isinstance(value, str):
        raise must(key, "the name of an optimizer", shown(value))
    own = None if _flag(torch, said) else _known("DeepSpeed")[key].meant.get(value.casefold())
    found.put("optimizer", own or value, key)


def _offload(said: Mapping[str, object], found: Settings) -> None:
    """Take what is kept off the card: of the optimizer, of the weights too, or all on disk."""
    known, section = _known("DeepSpeed"), "zero_optimization"
    states, weights = (f"{section}.offload_{what}.device" for what in ("optimizer", "param"))
    of_states, of_weights = (_meant(known[key], said.get(key, "none")) for key in (states, weights))
    if _flag(f"{section}.cpu_offload", said):
        of_states = "optimizer"
    if any(_flag(f"{section}.cpu_offload_{what}", said) for what in ("param", "params")):
        of_weights = "parameters"
    if of_weights != "none" and of_states == "none":
        raise must(states, f"cpu or nvme where {weights} is, without which that is not counted", "none")
    if of_weights == "nvme" and _word(said.get(states)) != "nvme":
        of_weights, found.idle[weights] = "parameters", "uncounted"
    if of_weights != "none":
        found.put("offload", of_weights, weights)
    elif of_states != "none":
        found.put("offload", of_states, states)


def _recipe(said: Mapping[str, object], found: Settings) -> None:
    """Take the recipe: 16 bits with a copy in 32, gradients in 32 bits too where the file or the stage asks for it.

    A file that says nothing of it leaves it to the options, as accelerate does.
    """
    if _flag("torch_autocast.enabled", said):
        found.put("recipe", "autocast", "torch_autocast.enabled")
        return
    keys = [key for key in ("bf16.enabled", "fp16.enabled") if key in said]
    chosen = next((key for key in keys if _flag(key, said)), "")
    asked = "data_types.grad_accum_dtype"
    width = _meant(_known("DeepSpeed")[asked], said[asked]) if asked in said else ""
    if chosen:
        alone = chosen == "bf16.enabled" and not found.fields.get("zero") and not width
        found.put("recipe", "megatron" if width == "fp32" or alone else "mixed", chosen)
    elif keys and AUTO not in (found.idle.get("bf16.enabled"), found.idle.get("fp16.enabled")):
        found.put("recipe", "fp32", keys[0])


def overruled(found: Settings, said: Mapping[str, object]) -> Settings:
    """Return the settings without the fields that are said elsewhere too; their keys are idle where they differ."""
    own = {name: value for name, value in found.fields.items() if name not in said}
    idle = {found.keys[name]: "overruled" for name, value in found.fields.items() if said.get(name, value) != value}
    return Settings(own, found.keys, found.idle | idle)


def in_words(name: str, idle: Mapping[str, str], most: int = 4) -> str:
    """Return one sentence on the keys of a file that have no effect; "" if there are none.

    >>> in_words("ds.json", {"gradient_clipping": "nothing", "scheduler": "nothing", "foo": "unknown"})
    'In ds.json, no byte depends on gradient_clipping and scheduler; foo is not known here.'
    """
    groups: dict[str, list[str]] = {}
    for key, why in idle.items():
        groups.setdefault(why, []).append(key if why in ("unknown", "overruled") else key.rpartition(".")[2])
    said = (_sentence(why, list(dict.fromkeys(keys)), most) for why, keys in groups.items())
    return f"In {name}, {'; '.join(said)}." if groups else ""


def _sentence(why: str, keys: list[str], most: int) -> str:
    listed = keys if len(keys) <= most else [*keys[: most - 1], f"{len(keys) - most + 1} more"]
    *others, last = listed
    return EFFECTS[why].format(f"{', '.join(others)}{' and ' if others else ''}{last}", **{"is": _IS[len(keys) > 1]})


_IS = ("is", "are")
