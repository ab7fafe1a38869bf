"""The map of the cards: each card is where its row says, and full if it holds the load."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Gpu, Inference, Model, catalogue
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.hardware import cards_map
from memcalc.explorers.hardware.cards_map import AGAINST, Plot, known_of
from memcalc.explorers.hardware.flow import Token
from memcalc.explorers.marks import Marks

NAMES = catalogue.names("gpus", "pictured")
ROWS = {row["name"]: row for row in catalogue.rows("gpus")}
EVERY = [(width, against) for width in LAYOUTS for against in AGAINST]


def drawn(against="bandwidth", model="Llama-3.1-8B", gpu="RTX 4090", width=860, **run):
    marks = Marks(width)
    cards_map.draw(marks, 0, Token(Model.named(model), Inference(**run), Gpu.of(gpu)), against)
    return marks.shapes


@pytest.mark.parametrize(("width", "against"), EVERY)
def test_every_card_has_a_dot_that_no_other_hides(width, against):
    places = Plot(width, 0, against).places
    assert sorted(places) == sorted(NAMES)
    dots = list(places.values())
    assert all(math.dist(one, other) >= 10 for at, one in enumerate(dots) for other in dots[:at])
    assert all(40 < x < width - 30 and 40 < y < 330 for x, y in dots)


@pytest.mark.parametrize("against", AGAINST)
def test_a_card_lies_where_its_row_says(against):
    plot = Plot(860, 0, against)
    for name in ("Raspberry Pi 4 4 GB", "RTX 5090", "M2 Ultra 192 GB"):
        row, gib = ROWS[name], float(ROWS[name]["visible_gib"] or float(ROWS[name]["reported_mib"]) / 1024)
        high = float(row["bandwidth_gbs"]) if against == "bandwidth" else float(row["price_usd"]) / gib
        x, y = plot.places[name]
        assert abs(x - plot.x(gib)) <= 10  # moved aside at most
        assert y == pytest.approx(plot.y(high))


def test_twice_the_memory_is_the_same_way_everywhere():
    plot = Plot(860, 0, "bandwidth")
    assert plot.x(32) - plot.x(16) == pytest.approx(plot.x(256) - plot.x(128))


@pytest.mark.parametrize(("width", "against"), EVERY)
def test_names_stand_apart(width, against):
    plot = Plot(width, 0, against)
    boxes = [plot._box(name, label) for name, label in plot.labels.items()]
    assert len(boxes) > 8
    assert not any(cards_map._overlap(one, other) for at, one in enumerate(boxes) for other in boxes[:at])


@pytest.mark.parametrize("model", ["GPT-2", "Llama-3.1-8B", "Llama-3.1-70B"])
def test_a_dot_is_full_if_the_card_holds_the_load(model):
    shapes = drawn(model=model, context=8192)
    needed = Token(Model.named(model), Inference(context=8192), Gpu.named("T4")).fit.needed
    full = {name for name in NAMES if "full" in shapes[f"{name}."]["look"]}
    assert full == {name for name in NAMES if Gpu.named(name).capacity >= needed}
    assert shapes["holds"]["text"].startswith(f"{len(full)} of {len(NAMES)} cards hold ")


def test_a_click_chooses_a_card_and_the_arrows_go_among_all():
    shapes = drawn()
    for name in NAMES:
        assert shapes[name]["press"] == {"gpu": name}
        assert shapes[name]["group"] == "cards"
        assert shapes[name]["says"].startswith(f"{name}: ")
    assert [name for name in NAMES if shapes[name].get("look") == "chosen"] == ["RTX 4090"]


def test_what_is_not_known_lies_below():
    speed, cost = Plot(860, 0, "bandwidth"), Plot(860, 0, "price")
    assert [name for name in NAMES if speed.places[name][1] > speed.lower] == ["GH200 96 GB"]
    assert {name for name in NAMES if cost.places[name][1] > cost.lower} == {
        name for name in NAMES if not ROWS[name]["price_usd"]
    }


def test_a_range_of_prices_is_a_bar():
    shapes = drawn("price")
    assert {name for name in NAMES if f"{name}|" in shapes} == {"A100 80 GB", "H100 80 GB", "MI300X"}


def test_a_card_at_the_line_of_ten_tokens_reads_the_load_ten_times_a_second():
    shapes = drawn(context=8192)
    plot = Plot(860, 0, "bandwidth")
    read = 2 * (8_030_261_248 - 128_256 * 4096) + 2**30
    assert float(shapes["speed10"]["d"].split("L")[1].split()[1]) == pytest.approx(plot.y(10 * read / 1e9), abs=0.06)
    assert "speed10" not in drawn("price", context=8192)


def test_what_a_dot_says():
    assert known_of(Gpu.named("H100 80 GB")).splitlines() == [
        "H100 80 GB: a program sees 79.18 GiB",
        "3,350 GB/s",
        "$25,000 to $30,000 (market, 2026): new",
        "$315.74 to $378.88 per GiB (market, 2026)",
    ]
    assert known_of(Gpu.named("TPU v5p")).endswith("\n2,765 GB/s\nrented only")
    assert known_of(Gpu.named("GH200 96 GB")).endswith("\nbandwidth not known\nprice not known")


@given(st.integers(1, 10**6), st.none() | st.integers(1, 10**6), st.sampled_from(EVERY))
def test_ones_own_card_has_its_place_too(size, speed, how):
    width, against = how
    card = f"{size} GB" + (f" at {speed} GB/s" if speed else "")
    shapes = drawn(against, gpu=card, width=width)
    assert "press" not in shapes[cards_map.OWN]
    assert sum(name.startswith("gib") for name in shapes) <= 9


def test_ones_own_card_glides_when_another_is_chosen():
    one, other = (drawn(gpu=f"24 GB at {speed} GB/s")[cards_map.OWN] for speed in (960, 1200))
    assert one["transform"] != other["transform"]
    assert other["says"].startswith("24 GB at 1200 GB/s: ")


def test_a_card_of_unknown_bandwidth_has_its_name_where_there_is_room():
    assert drawn()["GH200 96 GB:"]["text"] == "GH200 96 GB"
