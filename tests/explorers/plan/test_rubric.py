"""The rubric of a plan ticks itself."""

import pytest

from memcalc import Gpu, Model
from memcalc.explorers.marks import Marks
from memcalc.explorers.plan.rubric import EMPTY, FULL, HALF, UNKNOWN, draw_rubric, rubric
from memcalc.explorers.plan.run import answering, trained

GEMMA, LLAMA = Model.named("Gemma-3-27B"), Model.named("Llama-3.1-70B")
RTX, H100 = Gpu.named("RTX 4090"), Gpu.named("H100 80 GB")


def marks_of(plan, speed=6, budget=2_000):
    return [line.mark for line in rubric(plan, speed, budget)]


def chatbot(weights, cards=1, copies=1):
    return answering(GEMMA, RTX, cards, copies, 1, context=2**15, weights=weights)


@pytest.mark.parametrize(("weights", "mark"), [("FP16", EMPTY), ("Q6_K", HALF), ("Q4_K_M", FULL)])
def test_what_is_not_counted_must_fit_too(weights, mark):
    assert marks_of(chatbot(weights))[0] == mark


def test_people_have_room_for_a_fifth_more():
    plan = answering(LLAMA, H100, 4, 1, 50, context=8192)
    room, surely = plan.room("batch"), plan.room("batch", surely=True)
    assert room > surely > 50
    for people, mark in ((int(surely / 1.2), FULL), (surely, HALF), (room, HALF), (room + 1, EMPTY)):
        assert marks_of(answering(LLAMA, H100, 4, 1, people, context=8192))[1] == mark


def test_half_of_the_bound_is_room_to_spare():
    plan = chatbot("Q4_K_M")
    for speed, mark in ((int(plan.speed / 2), FULL), (int(plan.speed), HALF), (int(plan.speed) + 1, EMPTY)):
        assert marks_of(plan, speed=speed)[2] == mark


def test_split_cards_share_the_reading_and_what_does_not_fit_has_no_speed():
    assert marks_of(chatbot("FP16", cards=4))[2] == FULL
    assert marks_of(chatbot("FP16"))[2] == EMPTY


def test_a_range_of_prices_has_three_answers():
    plan = answering(LLAMA, H100, 4, 1, 50, context=8192)
    low, high = plan.price
    assert [marks_of(plan, budget=dollars)[3] for dollars in (high, low, low - 1)] == [FULL, HALF, EMPTY]
    assert marks_of(answering(LLAMA, Gpu.named("H200"), 4, 1, 50))[3] == UNKNOWN


def test_training_has_texts_and_tokens():
    plan = trained(Model.named("Llama-3.1-8B"), Gpu.named("A100 80 GB"), 8, 3, context=8192, recompute="full")
    asks = {line.asks: line for line in rubric(plan, 1, 1)}
    assert asks["Tokens of each text"].wished == "8,192"
    assert asks["Tokens of each text"].found == f"room for {plan.room('context'):,}"
    assert asks["Texts at once on each card"].mark == FULL


def test_unknown_activations_leave_no_tick():
    plan = trained(Model.named("Mamba-2.8B"), Gpu.named("MI300X"), 8, 3)
    assert marks_of(plan, budget=10**6)[:3] == [UNKNOWN] * 3


@pytest.mark.parametrize("width", [360, 600, 860])
def test_each_mark_is_another_circle(width):
    drawn = {}
    for weights, cards in (("FP16", 1), ("Q6_K", 1), ("Q4_K_M", 1)):
        marks = Marks(width)
        height = draw_rubric(marks, rubric(chatbot(weights, cards), 6, 2_000), 0)
        drawn[weights] = [name for name in ("filled", "tick") if f"rubric_0_{name}" in marks.shapes]
        assert all(shape.get("y", 0) <= height for shape in marks.shapes.values())
    assert list(drawn.values()) == [[], ["filled"], ["filled", "tick"]]
