"""The explorer of the hardware: what a run needs against all cards, and how fast the chosen one reads it."""

import re

import pytest

from cases import placed, written
from memcalc import Gpu, Inference, InputError, Model, catalogue, fits, largest, total
from memcalc.estimate.speed import fastest
from memcalc.explorers.hardware import cards_for_a_model
from memcalc.units import show_both

START = {"model": "Llama-3.1-8B", "gpu": "RTX 4090", "context": 8192, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
CARDS = [Gpu.named(name) for name in catalogue.names("gpus")]


def middle(corners):
    return (min(corners) + max(corners)) / 2


@pytest.mark.parametrize(
    "change", [{}, {"model": "Llama-3.1-70B", "weights": "INT4"}, {"batch": 64}, {"model": "GPT-2"}]
)
def test_the_words_say_what_is_needed_and_how_many_cards_hold_it(change):
    state = START | change
    run = Inference(**{name: state[name] for name in ("context", "batch", "weights", "kv_cache")})
    model = Model.named(state["model"])
    holding = [gpu for gpu in CARDS if fits(model, run, gpu)]
    said = cards_for_a_model.frame(**state).said
    assert said.startswith(f"It needs {show_both(total(model, run))}: {len(holding)} of {len(CARDS)} cards hold that.")


def test_published_bounds_of_seventy_billion_int8_weights():
    """A hand's reckoning: 68.98 GB of Llama-2-70B in INT8, read at 819 GB/s; the input embedding is not read."""
    state = START | {"model": "Llama-2-70B", "gpu": "M3 Ultra 96 GB", "weights": "INT8", "context": 128}
    bound = float(re.search(r"At most ([\d.]+) tokens per second", cards_for_a_model.frame(**state).said)[1])
    assert bound == pytest.approx(819 / 68.98, rel=0.01)


def test_a_card_that_is_too_small_has_no_speed_but_a_price():
    said = cards_for_a_model.frame(**START | {"model": "Llama-2-70B"}).said
    assert "RTX 4090: " in said
    assert "missing. $67.64 per GiB (list, 2022-10)." in said
    assert "tokens per second" not in said


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ("H100 80 GB", "$315.74 to $378.88 per GiB (market, 2026)."),
        ("H200", "Its price is not known."),
        ("TPU v5p", "Rented only."),
        ("GH200 96 GB", "Its bandwidth is not known. Its price is not known."),
    ],
)
def test_what_is_known_of_price_and_bandwidth(gpu, words):
    assert cards_for_a_model.frame(**START | {"gpu": gpu}).said.endswith(words)


def test_the_ring_lies_where_the_card_is_and_further_right_for_more_memory():
    rings = {
        name: placed(cards_for_a_model.frame(**START | {"gpu": name}))["ring"] for name in ("L4", "RTX 4090", "H200")
    }
    middles = {name: (middle(ring[::2]), middle(ring[1::2])) for name, ring in rings.items()}
    assert middles["L4"][0] < middles["RTX 4090"][0] < middles["H200"][0]
    assert middles["L4"][1] > middles["RTX 4090"][1] > middles["H200"][1]  # upwards is less in SVG


def test_the_line_stands_at_the_ring_of_a_card_that_is_just_filled():
    card = Gpu.named("RTX 4090")
    context = largest("context", Model.named("Llama-3.1-8B"), Inference(), card)
    shapes = placed(cards_for_a_model.frame(**START | {"context": context}))
    assert shapes["needed"][0] == pytest.approx(middle(shapes["ring"][::2]), abs=0.1)
    assert shapes["needed"][0] == pytest.approx(max(shapes["too_small"][::2]), abs=0.01)


def test_what_lies_beyond_the_axis_is_said_with_an_arrow():
    frame = cards_for_a_model.frame(**START | {"context": 2**20, "batch": 512})
    assert placed(frame)["needed"] == []
    assert written(frame)["need_before"] == "needs 65,550.96 GiB →"
    assert placed(cards_for_a_model.frame(**START | {"model": "GPT-2", "context": 128}))["needed"] == []


def test_labels_stand_on_the_side_with_room():
    assert written(cards_for_a_model.frame(**START))["name_after"] == "RTX 4090"
    large = written(cards_for_a_model.frame(**START | {"gpu": "M3 Ultra 512 GB"}))
    assert (large["name_before"], large["name_after"]) == ("M3 Ultra 512 GB", "")


def test_details_tell_the_memories_apart_and_work_the_bound_by_hand():
    details = cards_for_a_model.frame(**START).details
    assert details[0] == ("RTX 4090: sold as 24 GB, the driver reports 24,564 MiB; counted here: 23.64 GiB (visible).")
    assert details[-1].endswith("/1,008,000,000,000 = 0.01596 seconds")
    bound = fastest(Model.named("Llama-3.1-8B"), Inference(context=8192), Gpu.named("RTX 4090")).decode
    assert 1 / bound == pytest.approx(0.01596, rel=1e-3)


def test_the_line_of_python_gives_the_bytes():
    frame = cards_for_a_model.frame(**START | {"batch": 3})
    assert (
        f"It needs {show_both(eval(frame.code, {'Model': Model, 'Inference': Inference, 'total': total}))}"
        in frame.said
    )


def test_another_card_is_refused():
    with pytest.raises(InputError, match="gpu 'RTX 4099' is not known"):
        cards_for_a_model.frame(**START | {"gpu": "RTX 4099"})
