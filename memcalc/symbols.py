"""Every symbol of the formula, once: letter, meaning, unit, default and range, and its name elsewhere.

The order is the reading order: products and tables are written in it. Letters are those of the article.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from memcalc.errors import choice


@dataclass(frozen=True)
class Entry:
    """One line of the glossary.

    `default`, `low` and `high` are those of a slider; `limit` is the largest value that is accepted anywhere.
    `config`, `zero` and `megatron` name it in a Hugging Face config.json, the ZeRO paper and Korthikanti et al.
    A `derived` symbol is the left side of a term and has no slider.
    """

    symbol: sympy.Symbol
    name: str
    meaning: str
    unit: str = ""
    default: int | None = None
    low: int | None = None
    high: int | None = None
    limit: int | None = None
    scale: str = "linear"
    config: str = ""
    zero: str = ""
    megatron: str = ""

    @property
    def derived(self) -> bool:
        """Whether a term gives this symbol its value."""
        return self.limit is None

    @property
    def least(self) -> int:
        """The smallest value that is accepted anywhere: that of the slider for a choice of few, 0 for what may lack."""
        if self.high == self.limit:
            return self.low
        return 1 if self.symbol.is_positive else 0


def _count(letter: str, name: str, meaning: str, **facts) -> Entry:
    return Entry(sympy.Symbol(letter, integer=True, positive=True), name, meaning, **facts)


def _optional(letter: str, name: str, meaning: str, **facts) -> Entry:
    return Entry(sympy.Symbol(letter, integer=True, nonnegative=True), name, meaning, **facts)


def _amount(letter: str, name: str, meaning: str, unit: str = "", **facts) -> Entry:
    return Entry(sympy.Symbol(letter, positive=True), name, meaning, unit, **facts)


_ENTRIES = (
    # What the terms give
    _amount("M", "inference", "memory that inference needs", "bytes"),
    _amount("M_w", "weights", "memory of the weights", "bytes"),
    _amount("M_kv", "kv_cache", "memory of the key and value cache", "bytes"),
    _amount("M_tok", "token", "cache of one more token in every sequence", "bytes/token"),
    _amount("M_act", "activations", "memory of what the forward pass keeps for the backward pass", "bytes"),
    _amount("M_layer", "layer_activations", "what one layer keeps for the backward pass", "bytes"),
    _amount("M_once", "other_activations", "what embedding, final norm, output head and loss keep", "bytes"),
    _amount("M_cast", "weight_copies", "16-bit copies of FP32 weights that autocast keeps until the backward", "bytes"),
    _amount("M_fwd", "forward_peak", "memory at the peak of the training's forward pass, beside the weights", "bytes"),
    _amount("M_first", "first_stage", "what the first stage of the pipeline keeps on one card", "bytes"),
    _amount("n_flight", "in_flight", "runs through all layers whose activations the first stage holds at once"),
    _amount("M_pre", "prefill", "working memory at the peak of the prefill, beside weights and cache", "bytes"),
    _amount("M_dec", "decode_step", "working memory at the peak of one decode step, beside weights and cache", "bytes"),
    _amount("s_x", "crossing", "context at which the cache outweighs the weights", "tokens"),
    _count("P", "parameters", "parameters of the model", zero="Ψ"),
    _count("P_emb", "embedding", "parameters of the token and position embeddings and the output head"),
    # The architecture
    _count("n_emb", "embedding_tables", "embedding tables: 1 if input and output share one (tied), else 2",
           default=2, low=1, high=2, limit=2, config="tie_word_embeddings"),
    _count("V", "vocabulary", "tokens in the vocabulary", unit="tokens",
           default=32_000, low=1_024, high=262_144, limit=10**8, scale="log2", config="vocab_size", megatron="v"),
    _optional("n_pos", "positions", "rows of a learned position table; 0 for rotary positions",
              default=0, low=0, high=4_096, limit=10**8, config="n_positions"),
    _count("L", "layers", "layers (transformer blocks)",
           default=32, low=1, high=128, limit=10**5, config="num_hidden_layers", megatron="L"),
    _count("P_attn", "attention", "parameters of the attention in one layer"),
    _count("P_mlp", "mlp", "parameters of the feed-forward network (MLP) in one layer"),
    _count("P_norm", "norms", "parameters of the normalisations in one layer"),
    _count("n_mlp", "mlp_matrices", "matrices of the MLP: 3 if gated (SwiGLU), 2 if plain",
           default=3, low=2, high=3, limit=3),
    _count("n_vec", "norm_vectors", "vectors of a normalisation: 1 for RMSNorm (scale), 2 for LayerNorm (scale, shift)",
           default=1, low=1, high=2, limit=2),
    _count("d", "hidden", "hidden size: numbers per token between layers",
           default=4_096, low=256, high=16_384, limit=10**7, scale="log2", config="hidden_size",
           zero="hidden dimension", megatron="h"),
    _count("d_ff", "intermediate", "width of the MLP",
           default=11_008, low=256, high=65_536, limit=10**8, scale="log2", config="intermediate_size"),
    _count("h", "heads", "attention heads (of the queries)",
           default=32, low=1, high=128, limit=10**5, scale="log2", config="num_attention_heads", megatron="a"),
    _count("h_kv", "kv_heads", "key and value heads: those that the cache stores",
           default=32, low=1, high=128, limit=10**5, scale="log2", config="num_key_value_heads"),
    _count("d_k", "head_dim", "numbers in one head's key (and in its value)",
           default=128, low=16, high=512, limit=10**5, scale="log2", config="head_dim"),
    _count("d_rot", "rotary", "numbers of a head's query and key that rotary positions turn",
           default=128, low=16, high=512, limit=10**5, scale="log2", config="partial_rotary_factor"),
    _optional("beta_qkv", "qkv_bias", "1 if the query, key and value projections add a bias, else 0",
              default=0, low=0, high=1, limit=1, config="attention_bias"),
    _optional("beta_o", "output_bias", "1 if the attention's output projection adds a bias, else 0",
              default=0, low=0, high=1, limit=1, config="attention_bias"),
    _optional("beta_mlp", "mlp_bias", "1 if the matrices of the MLP add a bias, else 0",
              default=0, low=0, high=1, limit=1, config="mlp_bias"),
    # The run
    _count("s", "context", "context: tokens held for each sequence", unit="tokens",
           default=32_768, low=128, high=1_048_576, limit=10**9, scale="log2", zero="sequence length", megatron="s"),
    _count("b", "batch", "batch: sequences at the same time", unit="sequences",
           default=1, low=1, high=256, limit=10**6, scale="log2", zero="batch size", megatron="b"),
    _count("s_32", "padded_context", "context rounded up to whole blocks of 32 tokens", unit="tokens"),
    _count("c", "chunk", "tokens of each prompt that the prefill takes at a time", unit="tokens",
           default=2_048, low=128, high=32_768, limit=10**9, scale="log2"),
    _count("t", "tensor_parallel", "cards that share every layer (tensor parallelism)",
           default=1, low=1, high=64, limit=10**5, scale="log2", megatron="t"),
    _count("p", "pipeline_parallel", "stages of the pipeline, each with its part of the layers",
           default=1, low=1, high=64, limit=10**5, scale="log2", megatron="p"),
    _count("n_chunk", "interleave", "groups of layers that each stage of an interleaved pipeline has",
           default=1, low=1, high=16, limit=10**5, megatron="m"),
    _count("n_micro", "micro_batches", "micro-batches that a step sends through the pipeline",
           default=1, low=1, high=512, limit=10**6, scale="log2"),
    Entry(sympy.Symbol("B", rational=True, positive=True), "bytes_per_weight", "bytes per weight", "bytes",
          default=2, low=1, high=4, limit=16),
    Entry(sympy.Symbol("B_kv", rational=True, positive=True), "bytes_per_element", "bytes per number in the cache",
          "bytes", default=2, low=1, high=4, limit=16),
)  # fmt: skip

GLOSSARY = {entry.symbol: entry for entry in _ENTRIES}
"""Symbol → its entry, in reading order."""

BY_NAME = {entry.name: entry for entry in _ENTRIES}
"""Name, as in specs and terms → the same entry."""

POSITION = {symbol: position for position, symbol in enumerate(GLOSSARY)}
"""Symbol → its place in the reading order."""


def symbol(name: str) -> sympy.Symbol:
    """Return the symbol that the glossary lists under `name`; an unknown name raises InputError with the nearest ones.

    >>> symbol("context")
    s
    """
    return BY_NAME[name if name in BY_NAME else choice("symbol", name, BY_NAME)].symbol
