"""Cards side by side: areas are bytes, to one scale, and what is not counted is never absent."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import Gpu, Model
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.marks import Marks
from memcalc.explorers.plan.cards import MOST_DRAWN, Row, draw_cards
from memcalc.explorers.plan.run import CARDS, answering, offered, trained
from memcalc.units import in_unit

MODELS = {name: Model.named(name) for name in ("Gemma-3-27B", "Llama-3.1-8B", "Llama-3.1-70B", "Mixtral-8x7B")}
GPUS = [Gpu.named(name) for name in ("RTX 4090", "H100 80 GB", "MI300X", "Raspberry Pi 4 4 GB")]


def drawn(plan, width=860):
    marks = Marks(width)
    card, end = draw_cards(marks, plan)
    return marks.shapes, card, end


@st.composite
def services(draw):
    model, copies = draw(st.sampled_from(list(MODELS.values()))), draw(st.sampled_from([1, 2, 3]))
    cards, people = draw(st.sampled_from(offered(model, copies))), draw(st.integers(1, 200))
    return answering(model, draw(st.sampled_from(GPUS)), cards, copies, people, context=draw(st.integers(128, 10**6)))


@settings(max_examples=60)
@given(services(), st.sampled_from(LAYOUTS))
def test_areas_are_bytes_at_the_same_scale_in_every_card(plan, width):
    shapes, card, _ = drawn(plan, width)
    numbers = [name for name in shapes if name.startswith("card_") and name.endswith("_well")]
    assert len({(shapes[name]["width"], shapes[name]["height"]) for name in numbers}) == 1
    per_gib = card.unit**2
    for term, (bottom, top) in card.inside.items():
        shape = shapes[f"card_1_{term}"]
        assert shape["height"] == pytest.approx(bottom - top, abs=0.06)
        if not card.over:
            assert card.width * (bottom - top) == pytest.approx(in_unit(plan.memory[term], "GiB") * per_gib)
    box = shapes["card_1_driver"]
    assert box["width"] * box["height"] == pytest.approx(
        in_unit(plan.uncounted["driver"][1], "GiB") * per_gib, abs=0.06 * (box["width"] + box["height"] + 1)
    )


@settings(max_examples=60)
@given(services(), st.sampled_from(LAYOUTS))
def test_everything_is_inside_and_cards_stand_apart(plan, width):
    row = Row(plan, width)
    assert row.top_of(row.card) >= 0
    assert row.card.rim > 0
    assert row.card.width < row.pitch
    assert row.ring + 12 <= width
    assert row.ring > row.at(len(row.drawn) - 1).middle


def test_up_to_eight_cards_are_drawn():
    model = MODELS["Gemma-3-27B"]
    for cards, numbers in ((4, {1, 2, 3, 4}), (16, {1, 2, 3, 4, 5, 6, 16})):
        shapes, *_ = drawn(answering(model, GPUS[0], cards, 1, 1))
        assert {int(name.split("_")[1]) for name in shapes if name.endswith("_well")} == numbers
        assert ("name_0" in shapes) == (cards > MOST_DRAWN)
        assert f"{cards} × RTX 4090" in shapes["gpu"]["text"]


@pytest.mark.parametrize(("copies", "brackets"), [(1, 1), (2, 2), (8, 8)])
def test_a_bracket_under_each_copy(copies, brackets):
    shapes, *_ = drawn(answering(MODELS["Llama-3.1-8B"], GPUS[1], 8, copies, 50))
    assert sum(name.startswith("copy_") for name in shapes) == brackets


@pytest.mark.parametrize(("stage", "brackets"), [(0, 4), (2, 4), (3, 1)])
def test_stages_hold_more_or_fewer_models(stage, brackets):
    shapes, *_ = drawn(trained(MODELS["Llama-3.1-8B"], GPUS[1], 4, stage))
    assert sum(name.startswith("copy_") for name in shapes) == brackets


@pytest.mark.parametrize("width", LAYOUTS)
def test_what_is_not_known_is_a_box_with_a_question_mark(width):
    shapes, *_ = drawn(trained(Model.named("Mamba-2.8B"), GPUS[2], 8, 3), width)
    assert {f"card_{number}_unknown" for number in range(1, 9)} <= shapes.keys()
    assert shapes["label_unknown"]["text"] == "activations: ?"
    assert "context" not in shapes


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_ring_goes_right_with_every_card(width):
    places = [Row(trained(MODELS["Llama-3.1-8B"], GPUS[1], 1, 0), width).ring_at(number) for number in CARDS]
    assert places == sorted(set(places))
    shapes, *_ = drawn(trained(MODELS["Llama-3.1-8B"], GPUS[1], 4, 3), width)
    known = dict(shapes["cards"]["handle"]["places"])
    assert shapes["cards"]["transform"].startswith(f"translate({known['4']:.1f} ")


@pytest.mark.parametrize("context", [8192, 2**17])
def test_the_surface_moves_with_the_context(context):
    """Where the handle says that a context lies, there the surface is."""
    for plan in (
        answering(MODELS["Llama-3.1-8B"], GPUS[1], 2, 1, 4, context=context),
        trained(MODELS["Llama-3.1-8B"], GPUS[1], 8, 3, context=context),
    ):
        shapes, card, _ = drawn(plan)
        handle = shapes["context"]["handle"]
        assert handle["origin"] + handle["size"] * context == pytest.approx(card.top, abs=0.1)
        assert handle["also"] == [plan.room("context")]


def test_labels_do_not_touch():
    for width in LAYOUTS:
        shapes, *_ = drawn(trained(MODELS["Llama-3.1-8B"], GPUS[1], 8, 3, recipe="autocast"), width)
        heights = sorted(s["y"] for n, s in shapes.items() if n.startswith("label_") and not n[-1].isdigit())
        assert min(b - a for a, b in pairwise(heights)) >= 40 - 0.1


@pytest.mark.parametrize("people", [3, 50])
def test_the_surface_moves_with_the_people(people):
    for plan, wished in (
        (answering(MODELS["Llama-3.1-8B"], GPUS[1], 1, 1, people, context=8192), people),
        (answering(MODELS["Llama-3.1-8B"], GPUS[1], 4, 2, people, context=8192), people),
        (trained(MODELS["Llama-3.1-8B"], GPUS[1], 8, 3, context=8192, batch=people), people),
    ):
        shapes, card, _ = drawn(plan)
        handle = shapes["batch"]["handle"]
        assert handle["origin"] + handle["size"] * wished == pytest.approx(card.top, abs=0.1)
        assert handle["also"] == [plan.most["batch"]] * (plan.most["batch"] > 0)


def test_copies_share_people_out_as_the_handle_says():
    """Two people more are one more in each of two copies."""
    few, more = (answering(MODELS["Llama-3.1-8B"], GPUS[1], 2, 2, people, context=8192) for people in (4, 6))
    (shapes, low, _), (_, high, _) = drawn(few), drawn(more)
    assert low.unit == high.unit
    assert 2 * shapes["batch"]["handle"]["size"] == pytest.approx(high.top - low.top, abs=0.01)


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("cards", [1, 2, 8])
def test_rings_do_not_lie_on_each_other(width, cards):
    for context in (8192, 2**20):
        shapes, *_ = drawn(answering(MODELS["Llama-3.1-8B"], GPUS[0], cards, 1, 1, context=context), width)
        first, second = (float(shapes[name]["transform"][10:].split()[0]) for name in ("context", "batch"))
        assert 12 <= first <= second - 24 < width - 36


def test_a_state_that_no_token_makes_larger_grows_with_the_people():
    shapes, *_ = drawn(answering(Model.named("Mamba-2.8B"), GPUS[1], 1, 1, 8))
    assert "batch" in shapes
    assert "context" not in shapes
