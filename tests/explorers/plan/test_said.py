"""What is written beside the cards of a plan."""

import pytest

from memcalc import Gpu, Model
from memcalc.explorers.plan.run import answering, trained
from memcalc.explorers.plan.said import said_of, sharing
from memcalc.units import show

MODEL, CARD = Model.named("Llama-3.1-8B"), Gpu.named("A100 80 GB")


@pytest.mark.parametrize(
    ("cards", "copies", "people", "said"),
    [
        (1, 1, 1, "one copy of the model, one person"),
        (4, 1, 50, "one copy of the model over 4 cards, 50 people"),
        (4, 2, 7, "2 copies of the model, up to 4 of 7 people each"),
    ],
)
def test_a_service_says_who_holds_what(cards, copies, people, said):
    assert sharing(answering(MODEL, CARD, cards, copies, people)) == said


@pytest.mark.parametrize("stage", range(4))
def test_training_says_how_many_share(stage):
    said = sharing(trained(MODEL, CARD, 8, stage))
    assert ("shared by 8" in said) == (stage > 0)
    assert said != sharing(trained(MODEL, CARD, 1, stage))


@pytest.mark.parametrize("run", [{}, {"lora_rank": 16}, {"lora_rank": 16, "base_weights": "HQQ-INT4-g64"}])
def test_every_term_and_all_that_is_not_counted_is_written(run):
    plan = trained(MODEL, CARD, 4, 3, **run)
    lines = said_of(plan)
    for term, size in plan.memory.items():
        assert lines[term][0].endswith(show(size))
    assert lines.keys() >= {*plan.memory, *plan.uncounted}
    assert ("unknown" in lines) == bool(plan.unknown) == ("base_weights" in run)
    assert ("free" in lines) == bool(plan.fit) != ("over" in lines)
