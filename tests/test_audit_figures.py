"""The picture of the audit: one tile a claim, told apart without colour."""

import itertools

import pandas
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from memcalc import audit_figures, claims
from memcalc.audit_figures import LOOKS, claims_audit

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
    words = audit_figures.PICTURE.describe(CLAIMS)
    assert "wrong: 5" in words
    assert "Technical Deep Dive 22, of which 3 wrong; Risks 8, of which 2 wrong" in words


def test_every_claim_of_the_article_has_its_tile():
    rows = audit_figures.PICTURE.rows()
    assert len(claims_audit(rows).axes[0].patches) == len(rows) == 123
    assert set(LOOKS) == set(claims.VERDICTS)
