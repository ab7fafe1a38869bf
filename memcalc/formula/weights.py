"""Weights: the parameters that the architecture asks for, times the bytes of each."""

import sympy

from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import GROUPS, LAYERS, E, L_moe, held
from memcalc.formula.term import Term


def _group(name: str, meaning: str, holds: str, source: str, axis: int = 0) -> Term:
    return Term(name, held(name, axis), meaning, holds, source)


embedding = _group(
    "embedding",
    "One row of d numbers per token of the vocabulary, once for the input and once for the output unless tied; "
    "one per position where positions are learned.",
    "no other embedding tables (segments, images)",
    "radford2019gpt2, section 2.3; press2017tying, abstract, for tied tables",
)

attention = _group(
    "attention",
    "Three matrices make queries, keys and values of a token, a fourth brings the heads back to the hidden size.",
    "multi-head, grouped-query or multi-query attention",
    "vaswani2017attention, section 3.2.2; ainslie2023gqa, section 2.2",
)

latent_attention = _group(
    "latent_attention",
    "Keys and values of all heads are made from one short latent per token, and so may be the queries.",
    "multi-head latent attention as DeepSeek-V2 introduced it",
    "deepseek2024v2, section 2.1",
)

mamba = _group(
    "mamba",
    "A state-space layer widens the token, looks back a few tokens and carries a state of N numbers along.",
    "Mamba, with the normalisations of Jamba where nu_ssm is 1",
    "gu2023mamba, section 3.4; lieber2024jamba, section 6.4, for the normalisations",
)

mamba2 = _group(
    "mamba2",
    "The state space of Mamba-2 has heads; one matrix makes the input, the gate, B, C and the time steps.",
    "Mamba-2 with one state-space layer per block",
    "dao2024mamba2, sections 7.1 and 7.2",
)

mlp = _group(
    "mlp",
    "Matrices between the hidden size and the wider MLP: up and down, and a gate where there is one.",
    "every token passes the whole MLP",
    "vaswani2017attention, section 3.3; shazeer2020glu, section 2, for the gate",
)

expert = _group(
    "expert",
    "One expert is an MLP of its own, usually a narrow one.",
    "all experts of a model are alike",
    "jiang2024mixtral, section 2.1",
    axis=1,
)

router = _group(
    "router",
    "The router scores each expert for a token; shared experts see every token.",
    "all shared experts of a layer form one MLP; buffers of a router that are not trained do not count",
    "jiang2024mixtral, section 2.1; deepseek2024v2, section 2.2, for shared experts",
)

norms = _group(
    "norms",
    "A normalisation before the attention and one before the MLP (some models add one behind each), "
    "each a vector of the hidden size or two.",
    "every layer has the same number of normalisations",
    "zhang2019rmsnorm, equation 4; ba2016layernorm, section 3",
)

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
