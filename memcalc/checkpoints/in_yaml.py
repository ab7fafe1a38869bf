"""Files in YAML, read by PyYAML where that is installed: what JSON can say as well, and everything once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from memcalc.checkpoints import regular
from memcalc.errors import InputError, shown

ENDINGS = (".yaml", ".yml")
LONGEST = 1_000_000
"""Bytes of the longest file that is read: no configuration that people write has as many."""


def load(path: Path) -> Mapping:
    """Return the keys and values in a YAML file.

    Raises InputError if PyYAML is missing, or the file is too long, is no YAML, says a key twice, refers from one place
    to another, or holds something else than keys with values.
    """
    if find_spec("yaml") is None:
        way = "install gpu-memcalc[yaml], or write its keys and values in JSON, as they are"
        raise regular.refused(path, f"is YAML, which needs PyYAML: {way}")
    with regular.opened(path) as file:
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise regular.refused(path, f"is too long for a configuration: at most {LONGEST:,} bytes are read")
    found = _parsed(path, data)
    if not isinstance(found, Mapping):
        raise regular.refused(path, f"must hold keys with values, not {shown(found)}")
    return found


def _parsed(path: Path, data: bytes) -> object:
    """Return what the bytes of a file spell; PyYAML's safe loader makes nothing but texts, numbers and collections."""
    import yaml  # here, because it need not be there

    try:
        return yaml.load(data, _loader(path))
    except yaml.MarkedYAMLError as problem:
        line = f" in line {problem.problem_mark.line + 1}" if problem.problem_mark else ""
        why = f"is not YAML: {problem.problem}{line}"
    except yaml.YAMLError:
        why = "is not YAML: it is no text"
    except RecursionError:
        why = "is not YAML that a configuration could have: it nests too deeply"
    except InputError:
        raise
    except ValueError:
        why = "is not YAML that a configuration could have: a date that there is not, or a number too long"
    raise regular.refused(path, why)


def _loader(path: Path) -> type:
    """Return a safe loader that takes no key twice, and no part of the file a second time."""
    import yaml

    class Once(yaml.SafeLoader):
        def compose_node(self, parent, index):
            if self.check_event(yaml.AliasEvent):
                raise regular.refused(path, f"refers to {shown(self.peek_event().anchor)}: write it out")
            return super().compose_node(parent, index)

        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            if twice := [key for place, key in enumerate(keys) if key in keys[:place]]:
                raise regular.refused(path, f"says {shown(twice[0])} twice")
            return super().construct_mapping(node, deep)

    return Once
