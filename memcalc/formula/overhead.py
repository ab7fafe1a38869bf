"""Overhead: what is on the card besides the formula's own terms; known as a range only, so never a hidden factor."""

from dataclasses import replace

from sympy import Min

from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.term import Term

_cards = symbol("tensor_parallel") * symbol("pipeline_parallel") * symbol("expert_parallel") * symbol("data_parallel")
M_ctx, M_nccl, f_res = symbols("context_memory communicator_memory fragmentation")

_FIXED = M_ctx + Min(1, _cards - 1, evaluate=False) * M_nccl  # SymPy would look long for which is less

overhead = Term(
    name="overhead",
    expr=_FIXED + f_res * symbol("activations"),
    meaning="The driver's context, the buffers for talking to other cards, and what the allocator cannot use.",
    holds="a range from documented cases, not a law: measure it on your own machine",
    source="pytorch28113, thread; pytorch107667, thread; aiconfigurator2026, nccl memory; torchtune1185, thread",
)

inference_overhead = replace(overhead, expr=_FIXED + symbol("graph_memory"))
"""The same without activations, for an engine reserves its cache once, but with the graphs that it records."""
