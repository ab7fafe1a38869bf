"""LoRA: two thin matrices beside each frozen one, and only they are trained."""

from dataclasses import replace
from functools import cache

from memcalc.formula.sharding import Piece, piece, total
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import MATRICES, Structure, packed
from memcalc.formula.term import Term
from memcalc.formula.weights import weights

r = symbol("lora_rank")

_QV = {"q_proj", "q_b_proj", "v_proj", "kv_b_proj", "qkv_proj"}


@cache
def adapter_pieces(structure: Structure, targets: str, divided: bool = False) -> tuple[Piece, ...]:
    """Return the tensors of the adapters: (rank, inputs) and (outputs, rank) for each matrix that gets one.

    Parameters
    ----------
    structure : of the model
    targets : "all" linear matrices of the layers, or "qv", those of queries and values
    divided : whether cards share the model by its heads, layers or experts
    """
    linear = [tensor for tensor in packed(structure) if tensor.name.endswith(MATRICES) and len(tensor.shape) == 2]
    frozen = [piece(tensor, divided) for tensor in linear if targets == "all" or tensor.name in _QV]
    thin = [(matrix, shape) for matrix in frozen for shape in ((r, matrix.shape[1]), (matrix.shape[0], r))]
    return tuple(Piece(matrix.present, matrix.present, shape, hidden=True) for matrix, shape in thin)


adapters = Term(
    name="adapters",
    expr=total(adapter_pieces(Structure(), "all")),
    meaning="Beside a frozen matrix stand two thin ones: from its inputs to r numbers, from those to its outputs.",
    holds="linear layers; no adapter on embeddings, routers, convolutions and fused experts",
    source="hu2021lora, section 4.1",
)

adapter_memory = Term(
    name="adapter_memory",
    expr=symbol("loras") * symbol("bytes_per_adapter") * adapters.symbol,
    meaning="An engine holds a number of adapters beside one model, each as large as the highest rank asks for.",
    holds="adapters of linear layers; what vLLM keeps room for at the embedding and the head of some models is on top",
    source="vllm2026, lora/layers/base_linear.py, create_lora_weights; hu2021lora, section 4.1",
    parts=(adapters,),
)


@cache
def adapters_beside(structure: Structure, targets: str, divided: bool) -> Term:
    """Return the term for the adapters beside a model that generates text.

    Parameters
    ----------
    structure, targets, divided : as of `adapter_pieces`

    >>> adapters_beside(Structure(), "qv", False)
    M_ada = P_A × B_A × n_ada
    """
    counted = replace(adapters, expr=total(adapter_pieces(structure, targets, divided)))
    return replace(adapter_memory, parts=(counted,))


base_weights = replace(
    weights,
    name="base_weights",
    meaning="The model under the adapters is frozen: no gradients, no optimizer states, and few bits if quantized.",
    holds="every frozen weight in one format; no scales beside it",
    source="dettmers2023qlora, section 3",
)
