"""What the files of a model say of its memory, where nothing is left to count but the bytes in their headers."""

from dataclasses import replace

from sympy import Add

from memcalc.formula.kv_cache import B_conv, B_k, B_v, b, n_conv, n_skip, n_u, reserved
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.term import Term

_SOURCE = "ggml2026llama, gguf-py/gguf; huggingface2026safetensors, the format of the header"
n_key, n_val, c_in = symbols("token_keys token_values conv_channels")

file_weights = Term(
    name="weights",
    expr=symbol("file_weights"),
    meaning="The weights take what their files store, tensor by tensor, as the headers say.",
    holds="an engine that keeps every tensor as it is stored",
    source=_SOURCE,
)

stage_weights = replace(
    file_weights,
    expr=symbol("stage_weights"),
    meaning="Each card has the tensors of its layers, the first one the input too, the last one the output.",
    holds="stages of equally many layers; what is left over goes to later stages but for the last, as in vLLM",
    source=f"vllm2026, distributed/utils.py, get_pp_indices; {_SOURCE}",
)

towers = Term(
    name="towers",
    expr=Add(*symbols("file_vision file_audio file_speech file_projector")),
    meaning="Towers that see, hear or speak stand beside the text model, with what leads from one to the other.",
    holds="an engine that loads them, as it must for pictures and sound; their working memory comes on top",
    source=_SOURCE,
)

draft_model = Term(
    name="draft",
    expr=symbol("draft_model_weights"),
    meaning="A small model proposes the next tokens, which the large one then checks at once.",
    holds="all of the small model lies on the card, but for what the engine keeps in CPU memory of any model",
    source="leviathan2023speculative, section 2.1",
)

draft = Term(
    name="draft",
    expr=symbol("file_draft"),
    meaning="Draft layers propose the next tokens, which the model then checks at once.",
    holds="an engine that loads them; the cache of their own comes on top",
    source=_SOURCE,
)

draft_cache = Term(
    name="draft_cache",
    expr=symbol("draft_model_cache"),
    meaning="The small model has read what the large one has, and keeps a cache of its own.",
    holds="as many tokens and sequences, and the same format, as the large model's cache",
    source="leviathan2023speculative, section 2.1",
)

told_cache = Term(
    name="kv_cache",
    expr=b / n_u * (n_key * B_k + n_val * B_v) * reserved.symbol + b * c_in * (n_conv - n_skip) * B_conv,
    meaning="The rows of the matrices that make keys and values are the numbers that each layer keeps of a token.",
    holds="an architecture that is not known: every layer keeps the whole context, though it may have a window",
    source="ainslie2023gqa, section 2.2; the shapes in the headers of the files",
    parts=(reserved,),
)
