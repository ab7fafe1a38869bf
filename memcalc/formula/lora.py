"""LoRA: two thin matrices beside each frozen one, and only they are trained."""

from dataclasses import replace
from functools import cache

import sympy

from memcalc.formula.activations import weight_copies as of_whole_model
from memcalc.formula.choices import Recompute, Targets
from memcalc.formula.formats import HALF
from memcalc.formula.saved_tensors import CodePath, factor, meets
from memcalc.formula.sharding import Piece, piece, total
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import MATRICES, E, L_moe, Structure, Tensor, V, d, packed
from memcalc.formula.term import Term
from memcalc.formula.weights import layers, weights

r, L, L_dense = symbols("lora_rank layers dense_layers")

_WORDS = {
    Targets.QV: {"q_proj", "q_b_proj", "v_proj", "kv_b_proj", "qkv_proj"},
    Targets.QKVO: {
        "q_proj",
        "k_proj",
        "v_proj",
        "qkv_proj",
        "o_proj",
        "q_a_proj",
        "q_b_proj",
        "kv_a_proj",
        "kv_b_proj",
    },
    Targets.MLP: {"up_proj", "gate_up_proj", "down_proj", "shared_up_proj", "shared_down_proj"},
}


def apart(tensor: Tensor) -> tuple[Tensor, ...]:
    """Return the matrices of an MLP one by one, for that of the gate stands in the list with another of its shape.

    >>> [matrix.name for tensor in targeted(Structure(), "mlp") for matrix in apart(tensor)][:3]
    ['gate_proj', 'up_proj', 'down_proj']
    """
    if tensor.name != "up_proj":
        return (tensor,)
    return replace(tensor, name="gate_proj", each=tensor.each - 1), replace(tensor, each=sympy.Integer(1))


@cache
def targeted(structure: Structure, targets: str) -> tuple[Tensor, ...]:
    """Return the matrices that get an adapter.

    Parameters
    ----------
    structure : of the model
    targets : a word of `Targets`, or names of matrices with commas between them

    >>> [matrix.name for matrix in targeted(Structure(), "v_proj,gate_proj") if matrix.group in ("attention", "mlp")]
    ['v_proj', 'gate_proj']
    """
    ends = (MATRICES, "shared_gate")
    linear = [tensor for tensor in packed(structure) if tensor.name.endswith(ends) and len(tensor.shape) == 2]
    if targets == Targets.ALL:
        return tuple(linear)
    if targets in _WORDS:
        return tuple(matrix for matrix in linear if matrix.name in _WORDS[targets])
    names = targets.split(",")
    return tuple(matrix for tensor in linear for matrix in apart(tensor) if matrix.name in names)


@cache
def adapter_pieces(
    structure: Structure, targets: str, divided: bool = False, dora: bool = False, apart: bool = False
) -> tuple[Piece, ...]:
    """Return the tensors of the adapters: (rank, inputs) and (outputs, rank) for each matrix that gets one.

    Parameters
    ----------
    structure, targets : as of `targeted`
    divided : whether cards share the model by its heads, layers or experts
    dora : whether DoRA trains a length for each of the outputs too
    apart : as of `piece`
    """
    frozen = [piece(matrix, divided, apart) for matrix in targeted(structure, targets)]
    thin = [(matrix, shape) for matrix in frozen for shape in ((r, matrix.shape[1]), (matrix.shape[0], r))]
    made = (replace(matrix, number=matrix.present, shape=shape, hidden=True) for matrix, shape in thin)
    lengths = (replace(one, number=one.present, shape=one.shape[:1], hidden=False) for one in frozen if dora)
    return (*made, *lengths)


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


@cache
def weight_copies(case: CodePath, cached: bool = False) -> Term:
    """Return the term for the 16-bit copies that autocast keeps of a frozen model's matrices and of its adapters.

    Parameters
    ----------
    case : the code that runs, with adapters under autocast
    cached : whether the forward pass has just ended, so that autocast still has its copies of what is trained

    A copy stays where the gradient of the matrix's input is computed from it; with recomputation those of the layers
    are gone.

    >>> from memcalc.formula.adapted import Adapted
    >>> weight_copies(CodePath("llama", adapted=Adapted(frozenset({"v_proj"}), autocast=True)))
    M_cast = 2 × d × r × (L - 1) + 2 × L × h_kv × d_k × r
    """
    kept = case.recompute == Recompute.NONE
    inner = _copied(case, kept) if kept or cached else sympy.Integer(0)
    head = V * d if case.adapted.raised else 0
    return Term(
        name="weight_copies",
        expr=HALF * (inner + head),
        meaning="Autocast copies each FP32 matrix to 16 bits; the copy stays where a gradient is to pass the matrix.",
        holds="adapters beside a frozen model under autocast; after the forward pass",
        source="paszke2019pytorch, torch.amp; mangrulkar2022peft, src/peft/tuners/lora/layer.py",
        parts=(layers,) if inner else (),
    )


def _copied(case: CodePath, kept: bool) -> sympy.Expr:
    """Return the numbers of the layers that are copied; `kept` says whether those of frozen matrices stay."""
    adapted, inner = case.adapted, sympy.Integer(0)
    first = replace(adapted, first=True).gradients
    for row in case.matrices:
        inputs, outputs, each, every = (factor(row[column]) for column in ("inputs", "outputs", "each", "layers"))
        every = every if case.experts else every.xreplace({L_dense: L})
        number = every if meets(first, row["gradient"]) else every - 1
        if adapted.single and row["name"] in adapted.modules:
            inner += each * number * r * inputs + each * every * outputs * r
        if kept and adapted.raised and not adapted.quantized:
            inner += each * number * inputs * outputs
    if kept and case.experts and "fp32_router" in case.traits:  # whose weights have 32 bits in any model
        inner += L_moe * E * d
    return inner


def copies(case: CodePath, cached: bool = False) -> tuple[Term, ...]:
    """Return the term for the 16-bit copies that autocast has of the weights, if there are any; `cached` as above.

    >>> copies(CodePath("llama", recipe="autocast", recompute="full"))
    (M_cast = 2 × V × d,)
    """
    if case.adapted:
        term = weight_copies(case, cached) if case.adapted.autocast else None
    elif case.recipe == "autocast":
        recompute = Recompute.NONE if cached else case.recompute
        term = of_whole_model(recompute, case.experts, "latent" in case.traits, case.cut)
    else:
        term = None
    return () if term is None or term.expr == 0 else (term,)
