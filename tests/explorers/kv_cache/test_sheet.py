"""The sheet of the cache: its area is its bytes, and queries are wired to what they read."""

import pytest

from memcalc.explorers.kv_cache import ALL, AS_BUILT, growing_cache, words_of

FEW_PAIRS = {"sharing": "4 queries"}


def frame(**setting):
    return growing_cache.frame(**growing_cache.setting(setting))


def area(shape):
    return shape["width"] * shape["height"]


def texts(shown):
    return {name: shape["text"] for name, shape in shown.shapes.items() if shape["tag"] == "text"}


def end_of(wire):
    return float(wire["d"].split()[-2])


def test_fewer_pairs_are_less_area():
    """Grouped heads: a quarter of the pairs is a quarter of the memory (ainslie2023gqa, section 2.2)."""
    every, few, bits = (frame(context=4096, **more).shapes for more in ({}, FEW_PAIRS, {"kv_cache": "INT8"}))
    assert area(few["cells"]) / area(every["cells"]) == pytest.approx(1 / 4, rel=0.01)
    assert area(bits["cells"]) / area(every["cells"]) == pytest.approx(1 / 2, rel=0.01)
    assert few["outline"]["width"] == pytest.approx(every["cells"]["width"], abs=0.1)
    assert "outline" not in every


@pytest.mark.parametrize(
    ("sharing", "pairs", "name"),
    [
        (AS_BUILT, 32, "Multi-head attention (MHA)"),
        ("4 queries", 8, "Grouped-query attention (GQA)"),
        (ALL, 1, "Multi-query attention (MQA)"),
    ],
)
def test_queries_are_wired_to_the_pairs_that_they_read(sharing, pairs, name):
    shown = frame(sharing=sharing, context=2048)
    ends = {end_of(shape) for wire, shape in shown.shapes.items() if wire.startswith("wire_")}
    assert len(ends) == pairs
    first, cells = min(ends), shown.shapes["cells"]
    assert first == pytest.approx(cells["x"] + cells["width"] / pairs / 2, abs=0.1)
    assert texts(shown)["told"] == name


def test_a_row_is_a_word_as_long_as_there_is_room():
    shown = frame(says="You shall not pass", context=8)
    assert [texts(shown)[f"word_{row}"] for row in range(5)] == ["You", "shall", "not", "pass", "…"]
    longer = frame(says="one two three four five six seven eight nine ten eleven", context=8)
    assert "After 11 tokens" in longer.sentence_said
    assert longer.notes == ["Your words alone are 11 tokens."]
    assert "words" in texts(frame(context=4096))
    assert "{says}" in frame(context=10).sentence
    assert "{says}" not in frame(context=4096).sentence
    assert words_of("it's 16-bit") == ["it's", "16", "-", "bit"]


def test_a_window_forgets():
    shown = frame(model="Mistral-7B-v0.1", context=16_384).shapes
    assert shown["cells"]["height"] / shown["outline"]["height"] == pytest.approx(4096 / 16_384, abs=0.01)
    assert shown["forgotten"]["says"] == "12,288 tokens that are no longer kept"
    assert "context" not in shown  # dragging would change nothing


def test_a_latent_is_read_by_all_queries():
    """DeepSeek-V2: 512 + 64 numbers instead of 128 heads of 192 + 128 (deepseek2024v2, section 2.1)."""
    shown = frame(model="DeepSeek-V2", context=4096)
    width = shown.shapes["cells"]["width"]
    assert width / shown.shapes["outline"]["width"] == pytest.approx(576 / (128 * (192 + 128)), abs=0.0003)
    assert {end_of(shown.shapes[f"wire_{query}"]) for query in range(128)} == {round(118 + width / 2, 1)}
    assert "{sharing}" not in shown.sentence


def test_a_state_has_no_rows():
    """Mamba: 5,120 × (4 × 2 + 16 × 4) bytes a layer (gu2023mamba); a row as wide would take 4 × 2,560."""
    shown = frame(model="Mamba-2.8B", context=4096)
    assert not any(name.startswith(("wire", "cells", "sharing")) for name in shown.shapes)
    assert "keys and values of 36 tokens" in " ".join(text for name, text in texts(shown).items() if "caption" in name)
    assert "368,640 bytes in each of 64 layers" in shown.shapes["state"]["says"]
    few = frame(model="Mamba-2.8B", context=10).shapes
    assert area(few["state"]) / area(few["outline"]) == pytest.approx(36 / 10, rel=0.01)


def test_the_ring_of_a_thin_sheet_stands_beside_it():
    """One pair for 32 queries: the sheet is 14 px wide, the ring 24."""
    shapes = frame(sharing=ALL, context=2048).shapes
    right, at = shapes["cells"]["x"] + shapes["cells"]["width"], float(shapes["sharing"]["transform"].split()[0][10:])
    assert at - 12 >= right
    wide = frame(context=2048).shapes
    assert float(wide["sharing"]["transform"].split()[0][10:]) == wide["cells"]["x"] + wide["cells"]["width"]
