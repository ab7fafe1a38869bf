"""The moments of a step on a card that has a part of the model."""

from dataclasses import replace

import pytest

from memcalc.formula.divided import embedding_gradient, moments
from memcalc.formula.moments import SCALARS, Step
from memcalc.formula.optimizer import gradients, optimizer, step_temporaries
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import BY_NAME, symbol, symbols
from memcalc.formula.weights import weights

STATES = weights, gradients, optimizer, gradients, step_temporaries
STEP = Step(*STATES, gathering="fsdp", shared=True, case=CodePath("llama", recompute="full", details={"divided"}))


def part(step, phase, name):
    moment = next(moment for moment in moments(step) if moment.phase == phase)
    return next(part for part in moment.parts if part.name == name)


def test_logits_are_whole_and_gathered_weights_are_not():
    numbers = {"context": 1, "batch": 1, "hidden": 8, "embedding_tables": 2, "positions": 0, "norm_vectors": 0}
    numbers |= {"vocabulary": 800, "tensor_parallel": 4, "pipeline_parallel": 1}
    known = {symbol(name): value for name, value in numbers.items() if name in BY_NAME}
    logits, tables = (part(STEP, "loss", name).expr.subs(known) for name in ("passing", "gathered"))
    of_labels = 8 + 8 + 4  # of one token, and their count, which are gone
    assert logits == 8 * 800 + SCALARS - of_labels
    assert tables.subs(dict.fromkeys(tables.free_symbols, 0)) == 2 * 2 * (800 // 4) * 8


def test_what_was_counted_for_one_card_is_not_divided_again():
    """Queries, keys and values of a layer that is made anew, of which the card has its heads."""
    heads, cards = symbols("heads tensor_parallel")
    backward = [moment for moment in moments(STEP) if "through its MLP" in moment.name]
    for moment in backward:
        [at_work] = [part for part in moment.parts if part.name == "passing"]
        numbers = {symbol("context"): 1, symbol("batch"): 1, symbol("hidden"): 0, symbol("intermediate"): 0}
        numbers |= {symbol("kv_heads"): 0, symbol("head_dim"): 1}
        eight, four = (at_work.expr.subs(numbers | {heads: 64, cards: number}) for number in (8, 4))
        assert four - eight == (4 + 4) * (64 // 4 - 64 // 8)


def test_the_norms_of_a_layer_are_moments_of_their_own():
    words = {moment.name for moment in moments(STEP)}
    assert "the first layer has all its gradients" in words
    assert "the last layer goes back through the norm behind its attention" in words


@pytest.mark.parametrize(("tables", "rows"), [(1, 0), (2, 24_000)])
def test_the_embedding_alone_has_a_gradient_that_is_not_divided(tables, rows):
    """A head that is one with it has its rows, and so have both."""
    known = {"bytes_per_gradient": 2, "vocabulary": 32_000, "hidden": 4096, "tensor_parallel": 4}
    known |= {"pipeline_parallel": 1, "embedding_tables": tables}
    numbers = {symbol(name): value for name, value in known.items()}
    assert embedding_gradient.subs(numbers) == 2 * rows * 4096
    whole = replace(gradients, expr=gradients.expr + embedding_gradient)
    step = Step(weights, whole, optimizer, whole, step_temporaries, case=STEP.case)
    last = next(moment for moment in moments(step) if "embedding has its gradient" in moment.name)
    [made] = [part for part in last.parts if part.name == "gradients"]
    assert (made.expr - gradients.expr).subs(numbers) == 2 * rows * 4096
