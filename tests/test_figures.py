"""The pictures of inference draw their rows, in the house style."""

import pytest
from matplotlib.colors import to_hex

from memcalc import figures


def test_weights_lie_where_the_rows_say():
    rows = figures.PICTURES[0].rows()
    lines = figures.weights_by_format(rows).axes[0].lines
    drawn = sorted(x for line in lines if line.get_marker() != "None" for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(rows["bytes"] / 2**30))


def test_the_crossing_is_marked_where_cache_and_weights_meet():
    rows = figures.PICTURES[1].rows()
    axes = figures.kv_cache_context(rows).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert [x for x, _ in dots] == [25_706, 122_533]
    for (context, gib), model in zip(dots, rows["model"].unique(), strict=True):
        row = rows[rows["model"] == model].iloc[0]
        assert gib == pytest.approx(row["weights"] / 2**30)
        assert row["kv_cache"] / row["context"] * context / 2**30 == pytest.approx(gib, rel=1e-4)


def test_the_capacity_of_a_card_is_what_a_program_sees():
    assert figures.limit_of("RTX 4090") == (pytest.approx(23.64), "RTX 4090: 23.64 GiB")
    assert 23.64 in [pytest.approx(line.get_ydata()[0]) for line in figures.kv_cache_context().axes[0].lines]


def test_the_words_say_what_the_picture_shows():
    assert "that of LLaMA-7B at 25,706 tokens, that of Llama-3.1-8B at 122,533 tokens" in figures.PICTURES[1].alt
    assert "LLaMA-7B in FP32 25.10 GiB, LLaMA-7B in FP16 12.55 GiB" in figures.PICTURES[0].alt


def test_one_colour_a_term():
    axes = figures.kv_cache_context().axes[0]
    for line in axes.lines[:2]:
        term = "kv_cache" if line.get_label().startswith("cache") else "weights"
        assert to_hex(line.get_color()).upper() == figures.COLOURS[term]
