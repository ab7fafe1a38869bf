"""The formula as a whole: what a run needs is the sum of its terms."""

from memcalc.formula import activations, engine_step, fully_sharded, llama_cpp, loss, megatron, moments, pipeline
from memcalc.formula.adapted import Adapted
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.optimizer import gradients, optimizer
from memcalc.formula.prefill import Prefill
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters, weights

_LLAMA = CodePath("llama")
_ACTIVATIONS = activations.activations(_LLAMA)

inference = Term(
    name="inference",
    expr=weights.symbol + kv_cache.symbol,
    meaning="To generate text, a card holds the weights and the cache of every sequence.",
    holds="no training; working buffers of the engine and what the driver takes come on top",
    source="article2026formula, the equation",
    parts=(weights, kv_cache),
)

training = Term(
    name="training",
    expr=weights.symbol + gradients.symbol + optimizer.symbol + _ACTIVATIONS.symbol,
    meaning="To train, a card holds weights, gradients, the optimizer's copies and what the backward pass needs.",
    holds="one card, AdamW, LLaMA code in 16 bit; the terms peak at different times, and for a moment the loss and the "
    "backward pass of one layer need more (`formula.moments`)",
    source="article2026formula, the equation; rajbhandari2020zero, section 3",
    parts=(weights, gradients, optimizer, _ACTIVATIONS),
)


def examples() -> tuple[Term, ...]:
    """Return one term of each name that depends on the code that runs, for LLaMA in 16 bit unless it says otherwise."""
    reading = Prefill(_LLAMA)
    other_heads = Structure(own=frozenset(["kv_heads", "head_dim"]))
    return (
        in_structure(parameters, other_heads).every_part[symbol("window_attention")],
        *_of_activations(),
        activations.forward_peak(_LLAMA),
        *moments.examples(),
        fully_sharded.collected(),
        *(pipeline.live(), pipeline.in_flight(), megatron.first_stage(), megatron.recomputation_peak()),
        *(reading.prefill, reading.decode_step, loss.scored()),
        *(llama_cpp.example(), llama_cpp.output_buffer, llama_cpp.example(llama_cpp.input_copies)),
        *(engine_step.sampling(), engine_step.engine_step(), engine_step.reserve(large=True)),
    )


def _of_activations() -> tuple[Term, ...]:
    frozen = Adapted(frozenset(["q_proj", "v_proj"]))
    return (
        activations.padded_context,
        activations.with_windows(CodePath("mistral")).parts[1],
        activations.with_experts(CodePath("deepseek_v3", experts="grouped_mm")).parts[1],
        *_ACTIVATIONS.parts[:2],
        activations.spared(CodePath("llama", adapted=frozen)),
        *(_ACTIVATIONS, activations.weight_copies()),
    )
