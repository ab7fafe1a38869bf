"""What decides which tensors a model holds, beside its sizes: its family, and how the code of that stores them."""

from dataclasses import dataclass
from functools import cache

from memcalc.catalogue import rows

PACKINGS = ("", "qkv", "qkv gate_up", "gate_up")
"""What a family's code stores as one matrix: queries, keys and values, the MLP's first two, both, or nothing."""


@dataclass(frozen=True)
class Structure:
    """What decides which tensors a model holds, beside its sizes.

    Parameters
    ----------
    packing : one of PACKINGS
    families : its family and those that this one is like, whose own tensors it has
    own : names of the sizes that its window layers have of their own; "value_dim" if values have another size than
        keys, "expert_hidden" if experts see a token in fewer numbers than the layer has
    """

    packing: str = ""
    families: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@cache
def lineage(family: str) -> frozenset[str]:
    """Return a family and all that it is like, by data/families.csv.

    >>> sorted(lineage("kimi_k2"))
    ['deepseek_v3', 'kimi_k2']
    """
    like = {row["name"]: row["like"] for row in rows("families")}
    found = []
    while family:
        found.append(family)
        family = like.get(family, "")
    return frozenset(found)
