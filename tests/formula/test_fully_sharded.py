"""The moments of a step that fully_shard divides between cards."""

from dataclasses import replace

import pytest

from memcalc.formula.fully_sharded import COLLECTED, DONE, DROPPED, STAY, FullySharded, collected, gathered
from memcalc.formula.gathered import one_layer, outside
from memcalc.formula.moments import L, Step
from memcalc.formula.optimizer import gradients, optimizer, step_temporaries
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.weights import weights

STATES = weights, gradients, optimizer, gradients, step_temporaries
STEP = FullySharded(*STATES, shared=True, gathering="fsdp", case=CodePath("llama"))


def of(step, name):
    [moment] = [moment for moment in step.moments if moment.name == name]
    return {part.name: part for part in moment.parts}


def test_a_layer_at_work_has_the_next_one_in_a_buffer_and_the_gradients_of_the_one_before_it_in_another():
    parts = of(replace(STEP, reduced=4), "the second layer goes back through its MLP")
    for layers, there in ((5, 2), (3, 2)):
        assert (parts["gathered"].expr - 2 * (outside + there * one_layer)).subs(L, layers).simplify() == 0
        assert (parts["collected"].expr - 4 * one_layer).subs(L, layers).simplify() == 0


def test_what_stays_gathered_is_gathered_once():
    names = [moment.name for moment in replace(STEP, stays=True).moments]
    assert not any("is copied" in name for name in names)
    assert any("is copied" in moment.name for moment in STEP.moments)
    assert of(replace(STEP, stays=True), "the loss has its gradient")["gathered"].expr == 2 * (outside + L * one_layer)


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 40])
def test_no_layer_is_counted_that_is_not_there(layers):
    for table in (DROPPED, STAY, COLLECTED, DONE):
        for place, several in table.items():
            found = int(several.subs(L, layers)) if hasattr(several, "subs") else several
            assert 0 <= found <= layers + (place == "forward"), place


def test_it_has_the_phases_of_the_older_code():
    older = Step(*STATES, shared=True, gathering="fsdp", case=CodePath("llama"))
    assert {moment.phase for moment in STEP.moments} == {moment.phase for moment in older.moments}


def test_a_buffer_has_what_is_laid_into_it():
    assert gathered(outside, 2).expr == 2 * outside
    assert collected().expr == 2 * one_layer
