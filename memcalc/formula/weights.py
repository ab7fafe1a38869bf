"""Weights: the parameters that the architecture asks for, times the bytes of each.

The groups of tensors, with what each means, are rows of data/groups.csv.
"""

from collections.abc import Mapping

import sympy

from memcalc.catalogue import rows
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import GROUPS, LAYERS, E, L_moe, held
from memcalc.formula.term import Term


def _group(row: Mapping[str, str]) -> Term:
    expr = held(row["name"], axis=int(row["axis"]))
    return Term(row["name"], expr, row["meaning"], row["holds"], row["source"])


embedding, attention, latent_attention, mamba, mamba2, mlp, expert, router, norms = map(_group, rows("groups"))

layers = Term(
    name="layers",
    expr=LAYERS,
    meaning="Every layer looks at other tokens in one of five ways.",
    holds="no layer has two of them",
    source="vaswani2017attention, section 3.1",
)

_INNER = (attention, latent_attention, mamba, mamba2, mlp, router)


def _all(experts: sympy.Symbol) -> sympy.Expr:
    inner = sympy.Add(*(GROUPS[term.name] * term.symbol for term in _INNER))
    layered = inner + L_moe * experts * expert.symbol + layers.symbol * norms.symbol
    return embedding.symbol + layered + held("final")


parameters = Term(
    name="parameters",
    expr=_all(E),
    meaning="All parameters: embeddings, what each kind of layer holds, and one final normalisation.",
    holds="the model is made of these kinds of layers; no second tower (images, sound) and no extra prediction layers",
    source="touvron2023llama, section 2.2 and Table 2; jiang2024mixtral, section 2.1",
    parts=(embedding, attention, latent_attention, mamba, mamba2, mlp, expert, router, layers, norms),
)

active = Term(
    name="active",
    expr=_all(symbol("active_experts")),
    meaning="The parameters that one token passes: of the routed experts, only the k that the router chooses.",
    holds=parameters.holds,
    source="jiang2024mixtral, section 2.1",
    parts=parameters.parts,
)

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
