"""Weights: the parameters that the architecture asks for, times the bytes of each."""

from memcalc.formula.term import Term
from memcalc.symbols import symbol

n_emb, V, n_pos, L = symbol("embedding_tables"), symbol("vocabulary"), symbol("positions"), symbol("layers")
d, d_ff, n_mlp, n_vec = symbol("hidden"), symbol("intermediate"), symbol("mlp_matrices"), symbol("norm_vectors")
h, h_kv, d_k = symbol("heads"), symbol("kv_heads"), symbol("head_dim")
beta_qkv, beta_o, beta_mlp = symbol("qkv_bias"), symbol("output_bias"), symbol("mlp_bias")

_DENSE = "every layer is alike and dense, each token passing through all of it"

embedding = Term(
    name="embedding",
    symbol=symbol("embedding"),
    expr=n_emb * V * d + n_pos * d,
    meaning="One row of d numbers per token of the vocabulary, once for the input and once for the output unless tied; "
    "one per position where positions are learned.",
    holds="no other embedding tables (segments, images)",
    source="radford2019gpt2, section 2.3; press2017tying, abstract, for tied tables",
)

_queries_keys_values = d_k * (h + 2 * h_kv)  # a vector of d_k numbers per head; each of the h_kv has a key and a value
_heads_together = h * d_k

attention = Term(
    name="attention",
    symbol=symbol("attention"),
    expr=d * _queries_keys_values + _heads_together * d + beta_qkv * _queries_keys_values + beta_o * d,
    meaning="One matrix makes queries, keys and values of a token, a second brings the heads back to the hidden size.",
    holds="multi-head, grouped-query or multi-query attention; no latent projection",
    source="vaswani2017attention, section 3.2.2; ainslie2023gqa, section 2.2",
)

_MLP_OUTPUTS = (n_mlp - 1) * d_ff + d  # all matrices but the last lead to d_ff, the last leads back to d

mlp = Term(
    name="mlp",
    symbol=symbol("mlp"),
    expr=n_mlp * d * d_ff + beta_mlp * _MLP_OUTPUTS,
    meaning="Matrices between the hidden size and the wider MLP: up and down, and a gate where there is one.",
    holds=_DENSE,
    source="vaswani2017attention, section 3.3; shazeer2020glu, section 2, for the gate",
)

_NORMS_PER_LAYER = 2  # one before the attention, one before the MLP

norms = Term(
    name="norms",
    symbol=symbol("norms"),
    expr=_NORMS_PER_LAYER * n_vec * d,
    meaning="A normalisation before the attention and one before the MLP, each a vector of the hidden size or two.",
    holds="two normalisations in a layer",
    source="zhang2019rmsnorm, equation 4; ba2016layernorm, section 3",
)

parameters = Term(
    name="parameters",
    symbol=symbol("parameters"),
    expr=embedding.symbol + L * (attention.symbol + mlp.symbol + norms.symbol) + n_vec * d,
    meaning="All parameters: embeddings, L layers of attention, MLP and normalisations, and one final normalisation.",
    holds=_DENSE,
    source="touvron2023llama, section 2.2 and Table 2",
    parts=(embedding, attention, mlp, norms),
)

weights = Term(
    name="weights",
    symbol=symbol("weights"),
    expr=parameters.symbol * symbol("bytes_per_weight"),
    meaning="Every parameter is held once, at the bytes of its format.",
    holds="every weight in one format; no scales or zero points beside it",
    source="article2025formula, model weights",
    parts=(parameters,),
)
