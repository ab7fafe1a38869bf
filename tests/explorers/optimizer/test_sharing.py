"""Cards that share: where each thing lies, and how it is touched."""

import re

import pytest

from memcalc import Gpu, Model, Training
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.marks import Marks
from memcalc.explorers.optimizer.sharing import Scene
from memcalc.explorers.optimizer.states import States

PAPER = Model.nominal(7_500_000_000)


def scene(width=860, gpu="A100 80 GB", model=PAPER, **run):
    of_a_size = {"activations": "none"} if isinstance(model, Model) else {}
    return Scene(Marks(width), States(model, Training(**run, **of_a_size)), Gpu.of(gpu), 150)


def drawn(*args, **kwargs):
    found = scene(*args, **kwargs)
    found.draw((1, 2, 8, 64, 1024))
    return found, found.marks.shapes


def heights(path):
    return [float(tall) for tall in re.findall(r"l[\d.]+ 0v-?([\d.]+)l-", path)]


@pytest.mark.parametrize("width", LAYOUTS)
def test_what_lies_in_a_card_is_as_high_as_its_bytes(width):
    found, shapes = drawn(width, zero=1, data_parallel=8)
    for term, gigabytes in {"weights": 15, "gradients": 15, "optimizer": 11.25}.items():
        assert heights(shapes[term]["d"])[0] == pytest.approx(gigabytes * 1e9 * found.row.scale, abs=0.06)
    assert shapes["optimizer"]["says"] == "optimizer: 10.48 GiB = 11.25 GB on each card"


def test_what_does_not_fit_lies_above_the_rim():
    found, shapes = drawn(data_parallel=8)
    below = sum(heights(shapes[term]["d"])[0] for term in ("weights", "gradients", "optimizer"))
    assert below == pytest.approx(found.row.floor - found.rim, abs=0.2)
    assert shapes["optimizer_over"]["look"] == "spill"
    assert "weights_over" not in shapes
    assert shapes["label_over"]["text"] == "35.01 GB over"  # 120 − 79.15 × 1.073741824
    assert "over" in shapes["label_over"]["look"]


def test_two_terms_can_run_over():
    _, shapes = drawn(gpu="20 GB", data_parallel=8)
    assert {"gradients_over", "optimizer_over"} <= shapes.keys()
    assert heights(shapes["optimizer"]["d"])[0] == 0


def test_the_scale_holds_while_the_rim_is_dragged():
    names = [card.name for card in scene().reach]
    assert names == ["RTX 4090", "RTX 6000 Ada", "A100 80 GB", "H200"], "the last is the first that holds 120 GB"
    assert len({scene(gpu=name).row.scale for name in names}) == 1


def test_a_card_of_ones_own_stands_on_the_axis():
    found, shapes = drawn(gpu="48 GB")
    places = dict(shapes["rim_knob"]["handle"]["places"])
    assert places["48 GB"] == round(found.rim, 1)
    assert shapes["axis_48 GB_1"]["text"] == "48.00 GB"
    assert shapes["axis_H200_0"]["press"] == {"gpu": "H200"}


def test_what_is_too_high_is_said_and_not_drawn():
    found, shapes = drawn(model=Model.named("Llama-3.1-70B"), zero=3, data_parallel=16)
    assert not found.all_seen
    assert shapes["together"]["text"] == "together 1,128.86 GB, higher than drawn"  # 16 × 70,553,706,496
    assert "weights_slices" not in shapes
    assert "via" not in shapes["weights"]


def test_what_is_shared_goes_by_way_of_the_slices():
    _, shapes = drawn(zero=2, data_parallel=8)
    ways = {name: shape["via"] for name, shape in shapes.items() if "slices" in shape.get("via", "")}
    shared = ("gradients", "optimizer")
    assert ways == {
        prefix + term + suffix: f"{term}_slices"
        for term in shared
        for prefix, suffix in (("", ""), ("texture_", ""), ("", "_slices"))
    }


@pytest.mark.parametrize(("run", "said"), [
    ({"data_parallel": 1, "zero": 3}, "one card keeps everything"),
    ({"data_parallel": 8}, "each card keeps everything"),
    ({"data_parallel": 8, "zero": 1}, "the slices of all 8 cards are the whole: 90.00 GB"),
    ({"data_parallel": 64, "zero": 3}, "the slices of all 64 cards are the whole: 120.00 GB"),
])  # fmt: skip
def test_what_the_slices_are_together(run, said):
    assert drawn(**run)[1]["together"]["text"] == said


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_last_card_is_pulled_along_an_axis(width):
    _, shapes = drawn(width, data_parallel=11)
    places = shapes["more"]["handle"]["places"]
    assert [count for count, _ in places] == [1, 2, 8, 11, 64, 1024]
    assert [place for _, place in places] == sorted({place for _, place in places})
    assert places[-1][1] <= width - 22


@pytest.mark.parametrize("width", LAYOUTS)
def test_many_cards_are_counted(width):
    _, shapes = drawn(width, data_parallel=64)
    texts = [shape["text"] for name, shape in shapes.items() if name.startswith("name_")]
    assert {860: "… 58 more …", 600: "… 60 more …", 360: "61 more"}[width] in texts
    assert texts[-1].endswith("64")


@pytest.mark.parametrize("run", [{}, {"zero": 1}, {"zero": 3, "data_parallel": 64}])
def test_a_guess_sees_neither_the_load_nor_whether_it_runs_over(run):
    _, shapes = drawn(**run)
    open_to_all = {name for name, shape in shapes.items() if not shape.get("answer")}
    told = {"label", "lead", "weights", "gradients", "optimizer", "texture", "whole", "together"}
    assert not {name for name in open_to_all if name.split("_")[0] in told}
    assert "rim_over" not in open_to_all
    assert {"walls", "guess", "rim"} <= open_to_all


def test_a_guess_is_at_the_height_of_what_is_kept():
    found = scene(zero=3, data_parallel=64)
    guess = found.guess()
    assert guess.truth == 1.875  # Rajbhandari et al., figure 1: 1.9 GB
    assert guess.handle["origin"] + guess.handle["size"] * guess.truth == pytest.approx(
        found.row.y(found.kept), abs=0.01
    )
