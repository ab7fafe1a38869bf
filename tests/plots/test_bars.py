"""Bars of a few amounts: as long as the bytes, beside the limit of a card, in words too."""

import pytest

from memcalc import Gpu, Inference, Model, breakdown
from memcalc.plots import bars

CARD = Gpu.named("RTX 4090")
RUNS = {name: Inference(context=32_768, weights=name, kv_cache=name) for name in ("FP16", "INT8")}
AMOUNTS = {name: breakdown(Model.named("LLaMA-7B"), run) for name, run in RUNS.items()}


@pytest.mark.parametrize(("unit", "size"), [("GiB", 2**30), ("GB", 10**9)])
def test_a_bar_is_as_long_as_its_bytes(unit, size):
    (axes,) = bars(AMOUNTS, unit=unit).axes
    for height, terms in enumerate(AMOUNTS.values()):
        boxes = [box for box in axes.patches if box.get_y() == height - 0.3 and box.get_width()]
        assert [box.get_width() for box in boxes] == pytest.approx([count / size for count in terms.values()])


def test_the_limit_of_a_card_is_drawn_and_said():
    figure = bars(AMOUNTS, CARD)
    (line,) = figure.axes[0].lines
    assert line.get_xdata()[0] == CARD.capacity / 2**30
    assert "RTX 4090 holds 23.64 GiB. FP16: weights 12.55 GiB, cache 16.00 GiB, in all 28.55 GiB." in figure.alt
    assert figure.axes[0].get_xlim()[1] > 28.55


def test_what_is_nothing_is_neither_drawn_nor_said():
    figure = bars({"one": {"weights": 2**31, "kv_cache": 0}})
    assert figure.alt == "A bar for each in GiB. one: in all 2.00 GiB."
    assert not figure.legends


def test_what_a_peak_has_for_a_moment_is_put_together():
    figure = bars({"peak": {"weights": 2**31, "passing": 2**29, "gathered": 2**29}})
    assert "weights 2.00 GiB, for a moment 1.00 GiB, in all 3.00 GiB." in figure.alt
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["weights", "for a moment"]
