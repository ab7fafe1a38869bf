"""Examples: one term of each name that depends on the code that runs, for LLaMA in 16 bit unless it says otherwise."""

from memcalc.formula import activations, llama_cpp, megatron, step
from memcalc.formula.kept import Case
from memcalc.formula.prefill import Pass

_LLAMA, _MISTRAL = Case("llama"), Case("mistral")
_PASS = Pass(_LLAMA)
_STAGE = megatron.first_stage()

EXAMPLES = (
    activations.padded_context,
    activations.with_windows(_MISTRAL).parts[1],
    *activations.activations(_LLAMA).parts[:2],
    activations.activations(_LLAMA),
    activations.weight_copies(),
    activations.forward_peak(_LLAMA),
    step.step_peak(_LLAMA),
    megatron.in_flight,
    _STAGE,
    _PASS.prefill,
    _PASS.decode_step,
    llama_cpp.cells(),
    llama_cpp.compute_buffer(),
    llama_cpp.output_buffer,
)
"""Terms that functions build."""
