"""The states of a run that trains, in the place where each is kept; their shares are tested with the whole run."""

from dataclasses import replace

import pytest

from memcalc import Model, Training, breakdown, peak
from memcalc.estimate.states import PLACES, places, states, stepping

MODEL = Model.nominal(10**9)


def test_every_state_is_in_one_place():
    for offload, zero in (("none", 0), ("optimizer", 2), ("parameters", 3), ("nvme", 3)):
        found = places(MODEL, Training(zero=zero, offload=offload))
        assert list(found) == list(PLACES)
        for name, size in (("weights", 2), ("gradients", 2), ("optimizer", 12)):
            kept = [there[name] for there in found.values()]
            assert sorted(kept)[:2] == [0, 0]
            assert max(kept) // 10**9 == size


def test_the_step_begins_with_the_gradients_that_a_card_has_to_step():
    known = MODEL.values
    for zero, share in ((0, 1), (1, 8), (2, 8), (3, 8)):
        run = Training(zero=zero, data_parallel=8)
        assert stepping(MODEL, run)[0].exact(known | run.values) == 2 * 10**9 // share
    assert [term.name for term in states(MODEL, Training())] == ["weights", "gradients", "optimizer"]


def test_an_average_of_the_weights_is_one_more_copy_of_what_is_trained():
    """As torch.optim.swa_utils.AveragedModel copies it: in the format that is asked for, and only where weights are."""
    llama = Model.named("Llama-2-7B")
    for form, width in (("FP32", 4), ("BF16", 2)):
        run = Training(recipe="bf16", ema=form, activations="none")
        assert breakdown(llama, run)["averaged_weights"] == width * 6_738_415_616
        several = replace(run, sharding="fsdp", data_parallel=8)
        assert 8 * breakdown(llama, several)["averaged_weights"] == pytest.approx(width * 6_738_415_616, rel=1e-6)
        assert breakdown(llama, replace(run, zero=2, data_parallel=8))["averaged_weights"] == width * 6_738_415_616
    assert "averaged_weights" not in breakdown(llama, Training())


def test_an_average_is_there_at_every_moment():
    model, run = Model.named("Llama-3.2-1B"), Training(recipe="bf16", recompute="full")
    without, found = (peak(model, one).moments for one in (run, replace(run, ema="FP32")))
    assert all(found[phase].bytes - without[phase].bytes == 4 * 1_235_814_400 for phase in found)
    frozen = Training(recipe="bf16", frozen=12, ema="FP32", activations="none")
    trained = breakdown(model, frozen)
    assert trained["averaged_weights"] == 2 * trained["gradients"]
