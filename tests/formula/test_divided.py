"""The moments of a step on a card that has some of the heads."""

from memcalc.formula.divided import Divided, embedding_gradient
from memcalc.formula.optimizer import gradients, optimizer, step_temporaries
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbol
from memcalc.formula.weights import weights


def test_its_moments_are_those_that_are_known():
    states = weights, gradients, optimizer, gradients, step_temporaries
    step = Divided(*states, case=CodePath("llama", details={"divided"}))
    assert [moment.phase for moment in step.moments] == ["forward", "loss", "step"]


def test_the_embedding_alone_has_a_gradient_that_is_not_divided():
    """A head that is one with it has its rows, and so have both."""
    known = {"bytes_per_gradient": 2, "vocabulary": 32_000, "hidden": 4096, "tensor_parallel": 4}
    for tables, rows in ((1, 0), (2, 24_000)):
        numbers = {symbol(name): value for name, value in {**known, "embedding_tables": tables}.items()}
        assert embedding_gradient.subs(numbers) == 2 * rows * 4096
