"""The explorer of the cards: what runs out of the card says how long a token takes, and the map which cards hold it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import Gpu, Inference, InputError, Model, breakdown, catalogue, total
from memcalc.estimate.speed import fastest
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.hardware import cards_for_a_model
from memcalc.units import show

GIB = 2**30
NAMES = {"Model": Model, "Inference": Inference, "Gpu": Gpu, "total": total, "fastest": fastest}
CHOICES = {name: control.options for name, control in cards_for_a_model.controls.items() if hasattr(control, "options")}
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(catalogue.names("models")),
        "gpu": st.sampled_from([*catalogue.names("gpus"), "48 GB at 960 GB/s", "24 GB", "1 MB at 1 MB/s"]),
        "context": st.integers(1, 2**20),
        "batch": st.integers(1, 256),
        "width": st.sampled_from(LAYOUTS),
    }
    | {name: st.sampled_from(options) for name, options in CHOICES.items()},
)


def frame(**setting):
    return cards_for_a_model.frame(**setting)


def area(shape):
    return shape["width"] * shape["height"]


def test_a_published_bound_of_seventy_billion_weights_in_eight_bits():
    """68.98 GB, of which the table of 32,000 × 8,192 is not read, at 819 GB/s; 80 layers, 8 heads of 128."""
    said = frame(model="Llama-2-70B", gpu="M3 Ultra 96 GB", weights="INT8", context=128).sentence_said
    read = 68_976_648_192 - 32000 * 8192 + 2 * 80 * 8 * 128 * 128 * 2
    assert said.startswith(f"At most {819e9 / read:.3g} tokens a second, {1000 * read / 819e9:.4g} ms for each: ")


def test_the_question_of_the_lesson():
    assert frame().sentence_said.startswith("At most 62.7 tokens a second, 15.96 ms")
    assert frame(gpu="DGX Spark").sentence_said.startswith("At most 17 tokens a second, 58.91 ms")


def test_what_does_not_fit_has_no_time_and_no_tokens():
    one = frame(model="Llama-2-70B")
    assert one.sentence_said.startswith("It does not fit: ")
    assert one.sentence_said.endswith("A GiB of it costs $67.64 (list, 2022-10).")
    assert one.guess is None
    assert not {"ribbon_weights", "cut", "told"} & one.shapes.keys()
    assert "tokens a second" not in one.sentence_said
    assert {line["letter"] for line in one.formula} == {"M"}


def test_a_card_of_unknown_bandwidth_has_no_pipe_and_says_so():
    one = frame(gpu="GH200 96 GB")
    assert not {"pipe", "clock", "ribbon_weights"} & one.shapes.keys()
    assert one.shapes["dry0"]["text"].startswith("Nobody says how fast")
    assert one.sentence_said.startswith("It fits, but nobody says how fast")


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ("H100 80 GB", "A GiB of it costs $315.74 to $378.88 (market, 2026)."),
        ("H200", "No price is known of it."),
        ("TPU v5p", "No price is known of it: rented only."),
    ],
)
def test_a_price_has_its_kind_and_date(gpu, words):
    assert frame(gpu=gpu).sentence_said.endswith(words)


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_ribbon_has_the_area_of_what_is_read(width):
    """A square in the card is 1 GiB, and so is a slice of the ribbon."""
    shapes, memory = frame(width=width).shapes, breakdown(Model.named("Llama-3.1-8B"), Inference(context=8192))
    gib = area(shapes["card_weights"]) / (memory["weights"] / GIB)
    read = 2 * (8_030_261_248 - 128_256 * 4096)
    assert area(shapes["ribbon_weights"]) == pytest.approx(read / GIB * gib, rel=0.01)
    assert area(shapes["ribbon_kv_cache"]) == pytest.approx(1 * gib, rel=0.03)  # in tenths of a pixel
    assert shapes["slice"]["width"] * shapes["ribbon_weights"]["height"] == pytest.approx(gib, rel=0.02)


@pytest.mark.parametrize("width", LAYOUTS)
def test_on_the_clock_the_ribbon_ends_at_its_time(width):
    one = frame(width=width)
    ribbon, start = one.shapes["ribbon_kv_cache"], one.guess.handle["origin"]
    assert (ribbon["x"] + ribbon["width"] - start) / one.guess.handle["size"] == pytest.approx(15.96, rel=0.003)
    assert one.guess.truth == pytest.approx(15.96, abs=0.005)
    assert one.shapes["told"]["text"] == "one token: 15.96 ms"


def test_a_pipe_too_thin_to_be_seen_is_drawn_wider_and_says_so():
    words = frame(model="GPT-2", gpu="MI455X").shapes["drawn"]["text"]
    assert words.startswith("the pipe is drawn ")
    assert "drawn" not in frame().shapes


def test_half_of_the_bits_is_half_of_the_ribbon():
    fp16, int8 = frame(weights="FP16").guess.truth, frame(weights="INT8").guess.truth
    cache = 1000 * GIB / 1008e9
    assert fp16 - cache == pytest.approx(2 * (int8 - cache))


def test_experts_that_a_token_does_not_pass_stay_in_the_card():
    shapes = frame(model="Mixtral-8x7B", weights="INT4", gpu="H100 80 GB").shapes
    stays = (6 * 3 * 4096 * 14336 * 32 + 32000 * 4096) / 46_702_792_704  # of all parameters
    assert area(shapes["stays"]) / area(shapes["card_weights"]) == pytest.approx(stays, rel=0.02)


def test_who_says_what_the_memory_is():
    shown = {gpu: frame(gpu=gpu).shapes["card_memory"]["text"] for gpu in ("RTX 4090", "L4", "MI325X")}
    assert shown == {
        "RTX 4090": "a program sees 23.64 GiB",
        "L4": "the driver reports 22.49 GiB",
        "MI325X": "sold as 256.00 GiB",
    }


def test_notes_say_that_it_is_a_bound():
    assert frame().notes[0].startswith("This is a bound, not a prediction")
    assert not any("tokens per second" in note for note in frame().notes)
    several = "Several conversations may ask for more experts than one, and then more is read."
    mixtral = {"model": "Mixtral-8x7B", "gpu": "H100 80 GB", "weights": "INT4"}
    assert several in frame(**mixtral, batch=4).notes
    assert several not in frame(**mixtral).notes
    assert several not in frame(batch=4).notes


@pytest.mark.parametrize("setting", [{}, {"batch": 3, "weights": "NF4"}, {"gpu": "48 GB at 960 GB/s"}])
def test_the_line_of_python_gives_the_speed(setting):
    one = frame(**setting)
    assert eval(one.code, NAMES) == pytest.approx(1000 / one.guess.truth)


def test_the_line_of_python_gives_the_bytes_of_what_does_not_fit():
    one = frame(model="Llama-2-70B")
    assert f"of the {show(eval(one.code, NAMES))} run over" in one.sentence_said


@pytest.mark.parametrize("width", LAYOUTS)
def test_every_preset_in_every_layout(width):
    heights = {cards_for_a_model.data(preset, width)["size"][1] for preset in cards_for_a_model.presets.values()}
    assert len(heights) == 1


def test_another_card_is_refused():
    with pytest.raises(InputError, match="gpu 'RTX 4099' is not known"):
        frame(gpu="RTX 4099")


@settings(deadline=None, max_examples=60)
@given(SETTINGS)
def test_every_setting_has_a_frame(setting):
    try:
        one = frame(**setting)
    except InputError:  # one sentence, as tests/test_errors.py has it
        return
    assert one.sentence_said.endswith(".")
    for shape in one.shapes.values():
        assert all(value == value and abs(value) < 1e5 for value in shape.values() if isinstance(value, (int, float)))


def test_the_closed_picture_does_not_say_how_fast_it_is():
    """Nor does the map wait below the question: lines of 10 and 100 tokens a second would answer it."""
    shapes = frame().shapes
    told = [name for name in shapes if name.startswith(("speed", "tokens", "ribbon", "next", "told", "beside"))]
    assert len(told) > 8
    assert all(shapes[name].get("answer") for name in told)
    low = frame().guess.height
    assert low < 0.6 * frame().height
    ends = {name: shape["y"] for name, shape in shapes.items() if shape["tag"] == "text" and not shape.get("answer")}
    assert max(ends.values()) < low, "what is not shown does not wait below"


def test_the_pipe_has_a_handle_if_something_runs_through_it():
    handle = frame().shapes["bandwidth"]
    assert "RTX 4090" in dict(handle["handle"]["places"])
    assert handle["says"].startswith("bandwidth: ")
    assert "bandwidth" not in frame(model="Llama-2-70B").shapes
    assert "bandwidth" not in frame(gpu="GH200 96 GB").shapes
    assert "1,200 GB/s" in frame(gpu="23.64 GiB at 1,200 GB/s").sentence_said


def test_a_long_time_is_told_in_seconds():
    """16.0 GB and 1 GiB of cache, read by 1 GB a second."""
    shapes = frame(gpu="24 GB at 1 GB/s").shapes
    assert shapes["told"]["text"] == "one token: 16.08 s"
    ends = [shape["text"] for name, shape in shapes.items() if name.startswith("time")]
    assert ends[-1] == "20 s"


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_words_of_a_guess_never_leave_the_picture(width):
    """They end at the dashed line, and are about 150 pixels long."""
    one = frame(width=width)
    low, high = (one.guess.handle["origin"] + one.guess.handle["size"] * end for end in (one.guess.low, one.guess.high))
    assert one.shapes["guess_words"]["text-anchor"] == "end"
    assert low - 150 > 0
    assert high < width


def test_what_does_not_fit_would_be_read():
    assert frame(model="Llama-2-70B").shapes["label_weights_1"]["text"].split(",")[0].endswith("would be read")
    assert frame().shapes["label_weights_1"]["text"] == "13.98 GiB are read, 0.98 GiB stay"
