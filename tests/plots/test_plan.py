"""The picture of plans: shares of a card, in words too."""

import pytest
from matplotlib.colors import to_rgba

from memcalc import Gpu, Inference, Model, Training, breakdown, catalogue
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.plan import plans

CHATBOT = (Model.named("Gemma-3-27B"), Inference(32_768), Gpu.named("RTX 4090"))
TRAINING = (Model.named("Llama-3.1-8B"), Training(8_192, zero=3, data_parallel=8), Gpu.named("A100 40 GB"))


def test_a_plan_that_is_too_large_leaves_the_card():
    figure = plans({"chatbot": CHATBOT})
    (axes,) = figure.axes
    assert max(patch.get_x() + patch.get_width() for patch in axes.patches) > 200
    assert axes.get_xlim()[1] > 225
    assert "chatbot: weights 213, cache 12, in all 225; it does not fit." in figure.alt


def test_only_the_terms_that_occur_are_named():
    names = [text.get_text() for text in plans({"training": TRAINING}).legends[0].get_texts()]
    assert names == ["weights", "gradients", "optimizer", "activations"]


def test_every_plan_has_its_line():
    (axes,) = plans({"one": CHATBOT, "two": TRAINING}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]


@pytest.mark.parametrize("recipe", catalogue.names("recipes"))
def test_every_term_of_every_recipe_is_drawn_and_named(recipe):
    model, run = Model.named("LLaMA-7B"), Training(recipe=recipe, overhead="high")
    kept = [term for term, count in breakdown(model, run).items() if count]
    figure = plans({"x": (model, run, Gpu.named("H100 80 GB"))})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [SUMMANDS[term].word for term in kept]
    boxes = [box for box in figure.axes[0].patches if box.get_width() and box.get_y() < 0]
    assert [box.get_facecolor() for box in boxes] == [to_rgba(SUMMANDS[term].colour) for term in kept]
    assert ("weight_copies" in kept) == (recipe == "autocast")


def test_the_copies_of_the_weights_are_drawn():
    figure = plans({"x": (Model.named("LLaMA-7B"), Training(recipe="autocast"), Gpu.named("H100 80 GB"))})
    assert "weights 32, gradients 32, optimizer 63, copies of the weights 16, activations 36" in figure.alt
