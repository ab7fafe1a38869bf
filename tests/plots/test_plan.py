"""The picture of plans: shares of a card, in words too."""

from memcalc import Gpu, Inference, Model, Training
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
