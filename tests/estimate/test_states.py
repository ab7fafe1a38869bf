"""The states of a run that trains, in the place where each is kept; their shares are tested with the whole run."""

from memcalc import Model, Training
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
