"""The formula as a whole: what a run needs is the sum of its terms."""

from memcalc.formula.activations import activations
from memcalc.formula.kept import Case
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.optimizer import gradients, optimizer
from memcalc.formula.term import Term
from memcalc.formula.weights import weights
from memcalc.symbols import symbol

inference = Term(
    name="inference",
    symbol=symbol("inference"),
    expr=weights.symbol + kv_cache.symbol,
    meaning="To generate text, a card holds the weights and the cache of every sequence.",
    holds="no training; working buffers of the engine and what the driver takes come on top",
    source="article2026formula, the equation",
    parts=(weights, kv_cache),
)

_states = (weights, gradients, optimizer)

training = Term(
    name="training",
    symbol=symbol("training"),
    expr=sum(term.symbol for term in (*_states, activations(Case("llama")))),
    meaning="To train, a card holds weights, gradients, the optimizer's copies and what the backward pass needs.",
    holds="one card, AdamW, LLaMA code in 16 bit; the terms peak at different times, and for a moment the loss and the "
    "backward pass of one layer need more (`formula.step`)",
    source="article2026formula, the equation; rajbhandari2020zero, section 3",
    parts=(*_states, activations(Case("llama"))),
)
