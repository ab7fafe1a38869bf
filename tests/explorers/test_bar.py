"""A card as a picture: bars lie side by side, and what is too much is cut and marked."""

from memcalc.explorers import bar


def test_bars_lie_side_by_side():
    shapes = bar.bar({"weights": 2 * 2**30, "kv_cache": 2**30}, 4 * 2**30)
    assert max(x for x, _ in shapes["weights"]) == min(x for x, _ in shapes["kv_cache"]) == 2
    assert shapes["further"] == []
    assert shapes["total"].text == "3.00 GiB"


def test_a_term_without_memory_is_not_seen():
    assert bar.bar({"weights": 2**30, "kv_cache": 0}, 2**32)["kv_cache"] == []


def test_what_is_too_much_is_cut_at_the_edge_and_marked():
    shapes = bar.bar({"weights": 5 * 2**30, "kv_cache": 10 * 2**30}, 4 * 2**30)
    assert max(x for x, _ in shapes["kv_cache"]) == 6
    assert shapes["further"]
    assert shapes["total"].place[0] == 6


def test_a_picture_has_a_bar_for_each_term():
    picture = bar.card("RTX 4090", ("weights", "gradients"))
    assert all(f'<g id="{name}">' in picture.text for name in ("weights", "gradients", "further", "total"))
    assert "RTX 4090: 23.64 GiB" in picture.text
