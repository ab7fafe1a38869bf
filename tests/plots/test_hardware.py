"""The picture of the hardware: each card where its data say, each name once and over no other."""

import math

import pandas
import pytest
from matplotlib.text import Annotation, Text

from memcalc import catalogue
from memcalc.plots.hardware import hardware_bandwidth_memory

NONE = math.nan
COLUMNS = ("card", "memory", "bandwidth", "price", "published_memory", "published_bandwidth", "wrong")
ROWS = pandas.DataFrame(
    [
        ("RTX 4090", 24, 1_008, "$1,599", 24, 1_000, False),
        ("MI300X", 192, 5_300, "$10,000 to $15,000", 192, 5_200, True),
        ("M3 Ultra 96 GB", 96, 819, "$3,999", 192, 800, True),
        ("M3 Ultra 256 GB", 256, 819, "", 192, 800, True),
        ("RTX 3090", 24, 936, "", NONE, NONE, False),
        ("A10G", 24, 600, "", NONE, NONE, False),
    ],
    columns=COLUMNS,
)
ALL = hardware_bandwidth_memory.rows()


def points(axes, size):
    lines = [line for line in axes.lines if line.get_markersize() == size and line.get_marker() != "None"]
    return sorted((x, y) for line in lines for x, y in zip(*line.get_data(), strict=True))


def test_points_lie_where_the_rows_say():
    axes = hardware_bandwidth_memory(ROWS).axes[0]
    assert points(axes, 6) == [(24, 1_008), (96, 819), (192, 5_300), (256, 819)]
    assert points(axes, 4) == [(24, 600), (24, 936)]
    assert points(axes, 11) == [(192, 800), (192, 5_200)]


def test_what_the_article_says_is_joined_to_what_is_right():
    joined = [line.get_xydata().tolist() for line in hardware_bandwidth_memory(ROWS).axes[0].lines[2:5]]
    assert [[192, 5_300], [192, 5_200]] in joined
    assert [[96, 819], [192, 800]] in joined
    assert [[256, 819], [192, 800]] in joined


@pytest.mark.parametrize("rows", [ROWS, ALL], ids=["some", "all"])
def test_every_card_has_its_name_over_no_other(rows):
    figure = hardware_bandwidth_memory(rows)
    figure.draw_without_rendering()
    written = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    names = ", ".join(text.get_text().split("\n")[0] for text in written).split(", ")
    assert sorted(set(names) & set(rows["card"])) == sorted(rows["card"])
    boxes = [Text.get_window_extent(text) for text in written]
    for place, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[place + 1 :]), written[place]


def test_prices_are_written_where_they_are_known():
    texts = [text.get_text() for text in hardware_bandwidth_memory(ROWS).axes[0].texts]
    assert "RTX 4090\n$1,599" in texts
    assert "MI300X\n$10,000 to $15,000" in texts
    assert "A10G" in texts


def test_the_rows_are_the_cards_but_the_slowest():
    fast = [
        card["name"] for card in catalogue.rows("gpus") if card["pictured"] and float(card["bandwidth_gbs"] or 0) > 100
    ]
    assert list(ALL["card"]) == fast
    assert "Raspberry Pi 4 4 GB" not in fast
    assert len(fast) > 20


def test_the_words_say_what_the_picture_shows():
    words = hardware_bandwidth_memory.describe(ROWS)
    assert "MI300X: 192 GiB, 5,300 GB/s" in words
    assert "The article places M3 Ultra 96 GB at 192 GB, 800 GB/s." in words
