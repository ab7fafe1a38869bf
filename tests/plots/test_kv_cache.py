"""The picture of the cache draws its rows, in the house style."""

import pytest
from matplotlib.colors import to_hex

from memcalc.formula.symbols import SUMMANDS
from memcalc.plots import kv_cache, style


def test_the_crossing_is_marked_where_cache_and_weights_meet():
    rows = kv_cache.kv_cache_context.rows()
    axes = kv_cache.kv_cache_context(rows).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert [x for x, _ in dots] == [25_706, 122_533]
    for (context, gib), model in zip(dots, rows["model"].unique(), strict=True):
        row = rows[rows["model"] == model].iloc[0]
        assert gib == pytest.approx(row["weights"] / 2**30)
        assert row["kv_cache"] / row["context"] * context / 2**30 == pytest.approx(gib, rel=1e-4)


def test_the_capacity_of_a_card_is_what_a_program_sees():
    assert style.limit_of("RTX 4090") == (pytest.approx(23.64), "RTX 4090: 23.64 GiB")
    assert 23.64 in [pytest.approx(line.get_ydata()[0]) for line in kv_cache.kv_cache_context().axes[0].lines]


def test_the_words_say_what_the_picture_shows():
    assert "that of LLaMA-7B at 25,706 tokens, that of Llama-3.1-8B at 122,533 tokens" in kv_cache.kv_cache_context.alt


def test_one_colour_a_term():
    axes = kv_cache.kv_cache_context().axes[0]
    for line in axes.lines[:2]:
        term = "kv_cache" if line.get_label().startswith("cache") else "weights"
        assert to_hex(line.get_color()).upper() == SUMMANDS[term].colour
