"""What a plan is: what it holds, what nobody counts, and for how much there is room."""

import pytest

from memcalc import Gpu, Model, Training, breakdown, fewest_gpus
from memcalc.catalogue import rows
from memcalc.explorers.plan.run import CARDS, answering, offered, shared_by, trained

GEMMA, LLAMA, SMALL = map(Model.named, ("Gemma-3-27B", "Llama-3.1-70B", "Llama-3.1-8B"))
H100, A100 = map(Gpu.named, ("H100 80 GB", "A100 40 GB"))
DOCUMENTED = {row["name"]: row for row in rows("overheads")}


def service(cards, copies=1, people=50, **run):
    return answering(LLAMA, H100, cards, copies, people, **{"context": 8192} | run)


def test_fifty_caches_are_shared_by_four_cards():
    """A token of Llama-3.1-70B takes 2 × 80 layers × 8 heads × 128 numbers × 2 bytes."""
    assert service(4).memory["kv_cache"] == 50 * 8192 * 2 * 80 * 8 * 128 * 2 / 4


def test_people_are_shared_out_among_copies():
    two = service(8, copies=2, people=51)
    assert (two.together, two.run.batch, two.run.tensor_parallel) == (4, 26, 4)
    assert two.memory["weights"] == service(4).memory["weights"]
    assert two.room("batch") == service(4).room("batch")


def test_the_fewest_cards_of_a_service_are_offered():
    assert fewest_gpus(LLAMA, service(1).run, H100) in offered(LLAMA, 1)
    assert not service(2).fit
    assert service(4).surely


@pytest.mark.parametrize("copies", [1, 2, 3, 8])
def test_each_number_that_is_offered_makes_a_plan(copies):
    for number in offered(GEMMA, copies):
        assert answering(GEMMA, H100, number, copies, 1).offered == offered(GEMMA, copies)


def test_what_is_not_counted_is_a_documented_range():
    (low, high), (more_low, more_high) = (service(cards).uncounted["driver"] for cards in (1, 4))
    context, talk = DOCUMENTED["context_memory"], DOCUMENTED["communicator_memory"]
    assert (low, high) == (int(context["low"]), int(context["high"]))
    assert (more_low - low, more_high - high) == (int(talk["low"]), int(talk["high"]))


def test_gaps_grow_with_the_activations():
    plan = trained(SMALL, A100, 8, 3, context=8192)
    share = float(DOCUMENTED["fragmentation"]["high"])
    assert plan.uncounted["gaps"] == (0, pytest.approx(share * plan.memory["activations"]))
    assert plan.most_uncounted == breakdown(SMALL, Training(8192, zero=3, data_parallel=8, overhead="high"))["overhead"]


@pytest.mark.parametrize(("stage", "shared"), list(enumerate([(1, 1, 1), (1, 1, 8), (1, 8, 8), (8, 8, 8)])))
def test_who_shares_what(stage, shared):
    plan = trained(SMALL, A100, 8, stage)
    assert tuple(shared_by(plan, term) for term in ("weights", "gradients", "optimizer")) == shared
    assert plan.copies == (1 if stage == 3 else 8)
    assert shared_by(plan, "activations") == 1


def test_one_card_shares_nothing():
    assert trained(SMALL, A100, 1, 3).run.zero == 0
    assert trained(SMALL, A100, 1, 3, optimizer="Muon").run.optimizer == "Muon"


def test_speed_is_that_of_the_card_which_reads_most():
    plan = service(4)
    assert plan.speed == pytest.approx(H100.bandwidth / plan.fit.needed, rel=0.02)  # but for the input embedding
    assert answering(SMALL, H100, 4, 4, 4).speed == answering(SMALL, H100, 1, 1, 1).speed > 0
    assert answering(SMALL, Gpu.of("80 GB"), 1, 1, 1).speed is None


def test_a_price_has_two_ends_or_none():
    assert service(4).price == (4 * H100.price_usd, 4 * H100.price_high_usd)
    assert trained(SMALL, A100, 8, 3).price is None


def test_tokens_grow_the_cache_and_the_activations():
    assert service(4).token == 50 * 2 * 80 * 8 * 128 * 2 / 4
    assert trained(SMALL, A100, 8, 3, recompute="full").token > 0
    assert trained(Model.named("Mamba-2.8B"), A100, 8, 3).token == 0


def test_cards_grow():
    assert list(CARDS) == sorted(set(CARDS))


def test_what_one_more_of_the_wish_takes():
    """A token of Llama-3.1-70B takes 2 × 80 layers × 8 heads × 128 numbers × 2 bytes."""
    token = 2 * 80 * 8 * 128 * 2
    two = service(8, copies=2)
    assert two.each == {"context": 25 * token / 4, "batch": 8192 * token / 4 / 2}
    assert two.now == {"context": 8192, "batch": 50}
    assert two.most["batch"] == 2 * two.room("batch")
    assert trained(SMALL, A100, 8, 3, context=8192, batch=3).now["batch"] == 3
