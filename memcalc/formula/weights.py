"""Weights: the parameters that the architecture asks for, times the bytes of each.

The groups of tensors, with what each means, are rows of data/groups.csv.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import sympy

from memcalc.catalogue import rows
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import GROUPS, LAYERS, TENSORS, E, Tensor, held
from memcalc.formula.term import Term


def groups(tensors: Iterable[Tensor] = TENSORS) -> dict[str, Term]:
    """Return group of tensors → the term for what one layer holds of it, for all groups of which there are tensors."""
    named = {tensor.group for tensor in tensors}
    return {row["name"]: _group(row, tensors) for row in rows("groups") if row["name"] in named}


def _group(row: Mapping[str, str], tensors: Iterable[Tensor]) -> Term:
    expr = held(row["name"], axis=int(row["axis"]), among=tensors)
    return Term(row["name"], expr, row["meaning"], row["holds"], row["source"])


_GENERAL = groups()
embedding, attention, sharing_attention, window_sharing_attention, *others = _GENERAL.values()
latent_attention, indexer, mamba, mamba2, delta, short_conv, linear_attention, *others = others
mlp, wide_mlp, expert, router, norms = others

layers = Term(
    name="layers",
    expr=LAYERS,
    meaning="Every layer looks at other tokens in one way, in two side by side, or not at all.",
    holds="layers that have two are counted in each, and once less in the sum",
    source="vaswani2017attention, section 3.1",
)


def _all(each: Mapping[str, Term], among: Iterable[Tensor], experts: sympy.Symbol) -> sympy.Expr:
    often = {tensor.group: tensor.layers for tensor in among} | {"norms": layers.symbol}
    often["expert"] = often.get("expert", GROUPS["expert"]) * experts
    return sympy.Add(*(often[name] * term.symbol for name, term in each.items())) + held("final", among=among)


parameters = Term(
    name="parameters",
    expr=_all(_GENERAL, TENSORS, E),
    meaning="All parameters: embeddings, what each kind of layer holds, and one final normalisation.",
    holds="the model is made of these kinds of layers; no second tower (images, sound) and no extra prediction layers",
    source="touvron2023llama, section 2.2 and Table 2; jiang2024mixtral, section 2.1",
    parts=(*(_GENERAL[name] for name in _GENERAL if name != "norms"), layers, norms),
)

active = Term(
    name="active",
    expr=_all(_GENERAL, TENSORS, symbol("active_experts")),
    meaning="The parameters that one token passes: of the routed experts, only the k that the router chooses.",
    holds=parameters.holds,
    source="jiang2024mixtral, section 2.1",
    parts=parameters.parts,
)


def counted(tensors: Iterable[Tensor]) -> dict[str, Term]:
    """Return name → term for a model that holds these tensors: of its groups, and of its parameters, all and active."""
    each = groups(tensors)
    parts = (*(term for name, term in each.items() if name != "norms"), layers, each["norms"])
    found = dict(each)
    for term, experts in ((parameters, E), (active, symbol("active_experts"))):
        found[term.name] = replace(term, expr=_all(each, tensors, experts), parts=parts)
    return found


weights = Term(
    name="weights",
    expr=parameters.symbol * symbol("bytes_per_weight"),
    meaning="Every parameter is held once, at the bytes of its format.",
    holds="every weight in one format; no scales or zero points beside it",
    source="article2026formula, model weights",
    parts=(parameters,),
)

passed_weights = Term(
    name="passed_weights",
    expr=active.symbol * symbol("bytes_per_weight"),
    meaning="Of the weights, a token passes all but those of the routed experts that the router does not choose.",
    holds=weights.holds,
    source="jiang2024mixtral, section 2.1",
    parts=(active,),
)
