"""The model that is meant: a name, a size, a path, or a config.json that is piped in."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memcalc import catalogue
from memcalc.command.words import size
from memcalc.errors import InputError, spelled

if TYPE_CHECKING:
    from memcalc.estimate.inference import AnyModel
    from memcalc.specs.model import Model

PIPED = ("-", "/dev/stdin")
"""How a user says that the config.json comes through a pipe."""

_OF_FILES = (".gguf", ".safetensors")
"""How the names of files of models end."""

_IN_FOLDERS = (".gguf", ".safetensors", ".safetensors.index.json", "blobs", "snapshots")
"""How names end in a folder that holds a model, or lists its files; the last two are Ollama's and a hub's."""


def meant(name: str, tag: str = "") -> AnyModel:
    """Return what a name, a size, a path or a pipe means; a folder without a model hides no name.

    Raises InputError for what is none of these, and for a tag where there are no models of Ollama.
    """
    from memcalc.specs.model import Model

    if name in PIPED or _is_pipe(name):
        return _without(tag, name, _piped(name))
    if not name or not os.path.exists(name):
        return _without(tag, name, _not_there(name))
    path = Path(name)
    inside = os.listdir(name) if os.path.isdir(name) else []
    if any(file.casefold().endswith(_IN_FOLDERS) for file in inside):
        return Model.from_checkpoint(path, tag)
    if "config.json" in inside:
        return _without(tag, name, Model.from_config(path / "config.json"))
    if os.path.isdir(name):
        return _named_or_in(path, tag)
    from memcalc.checkpoints import is_config  # here: models with a name do without

    return _without(tag, name, Model.from_config(path)) if is_config(path) else Model.from_checkpoint(path, tag)


def _not_there(name: str) -> AnyModel:
    """Return what a text means that is no path of anything."""
    from memcalc.specs.model import Model

    if name.startswith(("/", ".", "~")) or (_of_file(name) and not _apart(name)):
        raise InputError(f"model {name!r} must be a file or a folder that is there, or a name.")
    if Path(name).suffix == ".json":
        return Model.from_config(Path(name))
    return Model.nominal(number) if (number := size(name)) else _named(name)


def _of_file(name: str) -> bool:
    return name.casefold().endswith(_OF_FILES)


_ENDINGS = {
    **{"awq": "AWQ-INT4-g128", "gptq-int4": "GPTQ-INT4-g128", "gptq-int8": "GPTQ-INT8-g128", "gptq": "GPTQ-INT4-g128"},
    **{"awq-int4": "AWQ-INT4-g128"},
    **{"fp8": "FP8-128x128", "fp8-dynamic": "W8A8-FP8", "bnb-4bit": "NF4-double", "mxfp4": "MXFP4"},
    **{"4bit": "MLX-4bit-g64", "8bit": "MLX-8bit-g64", "gguf": "Q4_K_M"},
    **{"q2": "Q2_K", "q3": "Q3_K_M", "q4": "Q4_K_M", "q5": "Q5_K_M", "q6": "Q6_K", "q8": "Q8_0"},
}
"""Ending of the name of a repository, a file or a tag → a format that is usual in those."""


_TRAINED_ON = re.compile("(instruct|chat|it|hf)+$")
"""Endings of models that were trained further, with nothing else changed."""


def _named(name: str) -> Model:
    """Return the model of a name, as people also type it, with what it is counted as if that is another name.

    Raises InputError with the name and the format apart where a name ends in one.
    """
    from memcalc.specs.model import Model

    tagged = name.replace(":", "-")
    try:
        model = Model.named(name)
    except InputError as problem:
        _refuse_a_format(name, tagged)
        if found := _known(tagged):
            return Model.named(found)
        raise InputError(f"{problem} {_way_out(name)}") from None
    alike, itself = (_TRAINED_ON.sub("", _bare(one)) for one in (name, model.name))
    if alike.endswith(itself) or (alike and itself.startswith(alike)):  # a short name leaves out the size
        return model
    words = f"{name} is counted as {model.name}, whose layers it has; the context that it was trained for may differ."
    return replace(model, said=(*model.said, words))


def _bare(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))


def _way_out(name: str) -> str:
    """Say what helps with a model that has no name here, or why one of its family is not counted.

    >>> _way_out("DeepSeek-V4-Flash")
    'A model of the family deepseek_v4 is not counted, because it keeps compressed tokens beside a window.'
    """
    bare = _bare(name.rpartition("/")[2])
    for row in catalogue.rows("uncounted_families"):
        if bare.startswith(_bare(row["name"])):
            return f"A model of the family {row['name']} is not counted, because {row['why']}."
    return "Any model can be given by its config.json, or by its files, GGUF or safetensors."


def _refuse_a_format(name: str, tagged: str) -> None:
    """Raise InputError with the name and the format apart where a name ends in one."""
    if apart := _apart(tagged):
        path = "the path of a file that is there, or " if name.casefold().endswith(".gguf") else ""
        says = f"its name says the format, which is an option: {apart[0]} --weights {apart[1]}"
        raise InputError(f"model {name!r} must be {path}a name without a format; {says}.") from None


def _apart(name: str) -> tuple[str, str] | None:
    """Return the name of a model, or its size, and the format behind it in a name of both; None for any other.

    >>> _apart("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf"), _apart("70b-q4"), _apart("Llama-2-7B")
    (('Llama-3.1-8B', 'Q4_K_M'), ('70b', 'Q4_K_M'), None)
    """
    stem = re.sub(r"\.gguf$", "", name, flags=re.IGNORECASE)
    for sign in re.finditer(r"[-_. ]", stem):
        form = format_said(stem[sign.end() :])
        before = re.sub(r"[-_.]gguf$", "", stem[: sign.start()], flags=re.IGNORECASE)
        if form and (found := before if size(before) else _known(before)):
            return found, form
    return None


def format_said(text: str) -> str:
    """Return the format that an ending of a name says; "" if it says none.

    >>> format_said("q4"), format_said("q5_k_m"), format_said("RTX 4090")
    ('Q4_K_M', 'Q5_K_M', '')
    """
    formats = catalogue.names("formats")
    return _ENDINGS.get(text.casefold()) or spelled(text, {name: name for name in formats}) or ""


def _known(name: str) -> str:
    """Return the name in the catalogue, of a model that was trained further too; "" if there is none."""
    from memcalc.specs.model import Model

    for spelling in (name, re.sub("-(instruct|chat|it)$", "", name, flags=re.IGNORECASE)):
        try:
            return Model.named(spelling).name
        except InputError:
            pass
    return ""


def _without(tag: str, name: str, model: AnyModel) -> AnyModel:
    if tag:
        raise InputError(f"tag must be left out for {name!r}, which is not the folder of Ollama's models.")
    return model


def _named_or_in(folder: Path, tag: str) -> AnyModel:
    """Return the model of this name or size; where there is none, the refusal of the folder that is called so."""
    from memcalc.specs.model import Model

    try:
        return _without(tag, str(folder), _not_there(str(folder)))
    except InputError:
        return Model.from_checkpoint(folder, tag)


def _is_pipe(name: str) -> bool:
    """Return whether a shell put a pipe here, as in `fit <(cat config.json)`; no other pipe is waited for."""
    try:
        return name.startswith("/dev/fd/") and stat.S_ISFIFO(os.stat(name).st_mode)
    except OSError:
        return False


def _piped(name: str) -> Model:
    """Return the model of the config.json that comes through a pipe."""
    from memcalc.specs.model import Model

    data = _arrived(name)
    if not data.strip():
        raise InputError(f"model {name!r} must be a config.json that is piped in, and nothing arrived.")
    from memcalc.checkpoints import regular

    path = Path("config.json")
    values = regular.parse(path, data, json.detect_encoding(data), infinite=True)
    return replace(Model.from_config(values), name="config.json")


def _arrived(name: str) -> bytes:
    from memcalc.checkpoints import regular

    try:
        if name not in PIPED:
            return Path(name).read_bytes()
        waiting = sys.stdin is None or sys.stdin.isatty()
        return b"" if waiting else sys.stdin.buffer.read(regular.LONGEST)
    except (OSError, ValueError):  # a closed input
        return b""
