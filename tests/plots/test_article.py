"""The article's pictures: all of them in the house style, and its tables as they were published."""

import io
import itertools
import re
from dataclasses import replace
from functools import cache

import pandas
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from memcalc.article import claims
from memcalc.plots import article as drawn
from memcalc.plots.article import LOOKS, claims_audit
from memcalc.plots.style import house_style

IDS = [picture.name for picture in drawn.PICTURES]
WITHOUT_UNITS = ("claims_audit",)
TABLE1 = drawn.table1_stacked.rows()
PUBLISHED = [[14, 16], [7, 8], [13, 16], [6.5, 8], [70, 32]]  # the article, table 1 [GB]
MARKET = pandas.DataFrame(
    {
        "metric": ["Downloads"] * 3 + ["Cards"] * 3 + ["Context"] * 3 + ["Cost"] * 3,
        "unit": ["%"] * 3 + ["cards"] * 3 + ["tokens"] * 3 + ["$"] * 3,
        "year": [2023, 2024, 2025] * 4,
        "published": ["15%", "40%", "60%", "500K", "2M", "5M", "4K", "8K", "16K", "$0.50", "$0.20", "$0.10"],
        "value": [15, 40, 60, 5e5, 2e6, 5e6, 4_096, 8_192, 16_384, 0.5, 0.2, 0.1],
    }
)


@pytest.fixture(scope="module", params=drawn.PICTURES, ids=IDS)
def picture(request):
    """A picture that computes its rows once."""
    return replace(request.param, rows=cache(request.param.rows))


@pytest.fixture(scope="module")
def figures(picture):
    """The picture, drawn twice."""
    return [picture(picture.rows()) for _ in range(2)]


def test_a_picture_is_closed_and_described(picture, figures):
    figure = figures[0]
    assert plt.get_fignums() == []
    assert figure.get_facecolor() == (1, 1, 1, 1)
    names = [figure.get_supxlabel(), *(name for axes in figure.axes for name in (axes.get_xlabel(), axes.get_ylabel()))]
    assert all(name.endswith("]") for name in names if name), "an axis names its unit"
    assert any(names) or picture.name in WITHOUT_UNITS
    assert len(picture.alt) > 100
    assert picture.caption.endswith(".")


def test_text_is_not_small_and_drawn_alike_each_time(figures):
    files = [io.BytesIO() for _ in figures]
    for figure, file in zip(figures, files, strict=True):
        with house_style():
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    assert files[0].getvalue() == files[1].getvalue()
    scales = {float(scale) for scale in re.findall(r"scale\((0\.\d+) -", files[0].getvalue().decode())}
    assert min(scales) >= 0.08, "a point of print is a hundredth"
    assert b"DejaVuSans" in files[0].getvalue()


def test_every_picture_has_its_own_name():
    assert len(set(IDS)) == len(IDS)


def test_published_bars_are_as_published():
    bars = TABLE1[TABLE1["source"] == "published"]
    assert (bars[["weights", "kv_cache"]] / 1e9).to_numpy().tolist() == PUBLISHED


def test_bars_are_as_long_as_the_rows_say():
    axes = drawn.table1_stacked(TABLE1).axes[0]
    for bars, term in zip(axes.containers, ("weights", "kv_cache"), strict=True):
        assert [bar.get_width() for bar in bars] == pytest.approx(list(TABLE1[term] / 1e9))
    ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    assert ends == pytest.approx(list((TABLE1["weights"] + TABLE1["kv_cache"]) / 1e9))
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([24, 23.64 * 2**30 / 1e9])


def test_the_article_and_the_formula_agree_on_what_fits():
    fits = ["does not fit", "fits", "does not fit", "fits", "does not fit"]  # the article, table 1
    for source in ("published", "recomputed"):
        assert list(TABLE1[TABLE1["source"] == source]["fits"]) == fits


def test_the_market_is_drawn_as_published_with_its_growth():
    figure = drawn.market_table(MARKET)
    for axes, (_, lines) in zip(figure.axes, MARKET.groupby("metric", sort=False), strict=True):
        assert list(axes.lines[0].get_ydata()) == list(lines["value"])
        assert [text.get_text() for text in axes.texts[:3]] == list(lines["published"])
    growths = [[text.get_text() for text in axes.texts[3:]] for axes in figure.axes]
    assert growths == [["× 2.67", "× 1.5"], ["× 4", "× 2.5"], ["× 2", "× 2"], ["÷ 2.5", "÷ 2"]]
    assert "no source" in figure.get_suptitle()
    assert "Cost: $0.50 in 2023, $0.20 in 2024, $0.10 in 2025" in drawn.market_table.describe(MARKET)


def test_equal_slopes_are_equal_growth():
    spans = [axes.get_ylim()[1] / axes.get_ylim()[0] for axes in drawn.market_table(MARKET).axes]
    assert spans == pytest.approx([spans[0]] * 4)


VERDICTS = [*LOOKS] * 5
CLAIMS = pandas.DataFrame(
    {
        "id": [f"C{number:03}" for number in range(1, 31)],
        "section": ["Technical Deep Dive"] * 22 + ["Risks"] * 8,
        "verdict": VERDICTS,
    }
)


def grey(colour):
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_each_claim_has_one_tile_with_its_number_and_sign():
    figure = claims_audit(CLAIMS)
    assert plt.get_fignums() == []
    axes = figure.axes[0]
    assert len(axes.patches) == len(CLAIMS)
    signs = [f"{number:03}\n{LOOKS[verdict][1]}" for number, verdict in enumerate(VERDICTS, 1)]
    assert [text.get_text() for text in axes.texts] == signs
    for tile, verdict in zip(axes.patches, VERDICTS, strict=True):
        assert tile.get_facecolor()[:3] == pytest.approx(to_rgb(LOOKS[verdict][0]))


def test_tiles_lie_apart_and_each_section_begins_a_row():
    axes = claims_audit(CLAIMS).axes[0]
    places = [tile.get_xy() for tile in axes.patches]
    assert len(set(places)) == len(places)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Technical Deep Dive", "", "Risks"]
    assert places[22] == (0, 2)


def test_the_legend_counts():
    (legend,) = claims_audit(CLAIMS).legends
    assert legend.get_title().get_text() == "The 30 claims of the article, by section and verdict"
    assert [text.get_text() for text in legend.get_texts()] == [f"{s}  {v}: 5" for v, (_, s) in LOOKS.items()]


def test_colours_differ_in_grey_and_signs_differ():
    greys = sorted(grey(colour) for colour, _ in LOOKS.values())
    assert min(b - a for a, b in itertools.pairwise(greys)) > 0.09
    assert len({sign for _, sign in LOOKS.values()}) == len(LOOKS)


def test_the_words_say_what_the_picture_shows():
    words = drawn.claims_audit.describe(CLAIMS)
    assert "wrong: 5" in words
    assert "Technical Deep Dive 22, of which 3 wrong; Risks 8, of which 2 wrong" in words


def test_every_claim_of_the_article_has_its_tile():
    rows = drawn.claims_audit.rows()
    assert len(claims_audit(rows).axes[0].patches) == len(rows) == 123
    assert set(LOOKS) == set(claims.VERDICTS)
