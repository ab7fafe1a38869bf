"""The film as it is drawn: what has been played, what is above the rim, and the highest moment so far."""

import pytest

from memcalc.explorers.activations import kept_for_backward
from memcalc.explorers.marks import LAYOUTS


def test_what_has_not_been_played_is_blank_paper():
    for moment in (0, 24, 60):
        shapes = kept_for_backward.frame(moment=moment).shapes
        assert shapes["unseen"]["x"] == pytest.approx(48 + (472 - 48) * moment / 60, abs=0.1)
        assert shapes["unseen"]["x"] + shapes["unseen"]["width"] == pytest.approx(475, abs=0.2)
        assert ("word_gradients" in shapes) == (moment == 60)


def test_what_does_not_fit_is_said_and_hatched():
    frame = kept_for_backward.frame(context=4096, moment=60)
    assert frame.sentence_said.startswith("It does not fit: the card is full when layer")
    assert {"film_over", "over_hatch"} <= frame.shapes.keys()
    assert "film_over" not in kept_for_backward.frame(moment=60).shapes
    assert frame.shapes["rim"]["look"] == "rim"


def test_the_highest_moment_so_far_is_marked_where_it_was():
    early, late = (kept_for_backward.frame(moment=moment).shapes for moment in (10, 50))
    assert early["top_words"]["text"].startswith("highest so far")
    assert (early["top"]["cx"], early["top"]["cy"]) == (early["now"]["cx"], early["now"]["cy"])
    assert late["top"]["cx"] < late["now"]["cx"]
    assert late["top"]["cy"] < late["now"]["cy"]
    assert kept_for_backward.frame(moment=60).shapes["top_words"]["text"] == "peak 74.08 GiB"


def test_what_the_optimizer_needs_for_a_moment_is_said_above_it():
    """Where the step is the peak itself, the words stand above those of the peak."""
    low, peak = (kept_for_backward.frame(moment=60, attention=name).shapes for name in ("eager", "flash"))
    assert peak["word_passing"]["y"] == pytest.approx(peak["top_words"]["y"] - 17, abs=0.1)
    assert low["word_passing"]["y"] > low["top_words"]["y"] + 20
    assert "word_passing" not in kept_for_backward.frame(moment=50).shapes


@pytest.mark.parametrize("width", LAYOUTS)
def test_words_of_the_highest_moment_stand_beside_it_or_end_in_the_film(width):
    early = kept_for_backward.frame(width=width, moment=3).shapes
    beside = early["top"]["cx"] + 12 if width > 360 else early["unseen"]["x"] + early["unseen"]["width"] - 13
    assert early["top_words"]["x"] == pytest.approx(beside, abs=0.1)
    flash = kept_for_backward.frame(width=width, moment=60, attention="flash").shapes
    assert flash["top_words"]["text-anchor"] == "end"
    assert flash["top_words"]["x"] < flash["unseen"]["x"], "where the film ends"


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize(
    ("context", "batch", "unit"), [(2048, 1, "GiB"), (131072, 1, "thousand GiB"), (2**20, 16, "million GiB")]
)
def test_the_numbers_of_the_axis_stay_short(width, context, batch, unit):
    shapes = kept_for_backward.frame(width=width, context=context, batch=batch).shapes
    assert shapes["axis"]["text"] == f"{unit} on the card"
    assert max(len(shapes[f"axis_{place}_number"].get("text", "")) for place in range(7)) <= 4


def test_a_band_says_how_much_it_was_at_most_so_far():
    """In each of 32 layers, 32 heads keep 2,048 squared scores three times in 16 bits: 0.75 GiB."""
    first, last = (kept_for_backward.frame(moment=moment).shapes for moment in (0, 60))
    assert first["film_scores"]["says"].startswith("scores: 0.00")
    assert last["film_scores"]["says"] == "scores: 24.00 GiB = 25.77 GB at most so far"  # 32 x 0.75
    assert last["film_weights"]["says"] == "weights: 12.55 GiB = 13.48 GB"
