"""The film as it is drawn: what has been played, what is above the rim, and the highest moment so far."""

import pytest

from memcalc.explorers.activations import kept_for_backward


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
