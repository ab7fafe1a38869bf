"""The explorer of a plan: what it says, which controls it shows, and that every setting has a picture or a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memcalc
from memcalc import InputError, units
from memcalc.explorers.controls import Menu
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.plan import SHARED, TASKS, plan
from memcalc.explorers.words import words

SERVICE = dict(plan.presets["50 people"])
TUNING = dict(plan.presets["fine-tuning"])
NAMES = {name: getattr(memcalc, name) for name in ("breakdown", "Model", "Inference", "Training")}
OTHERS = {
    "model": ("Gemma-3-27B", "Llama-3.1-70B", "Mixtral-8x7B", "Mamba-2.8B", "DeepSeek-V3", "GPT-2"),
    "gpu": ("RTX 4090", "H100 80 GB", "M3 Ultra 512 GB", "24 GB", "48 GB at 960 GB/s"),
}


def shown(frame):
    """The controls in the sentence of a frame."""
    return {piece["control"] for piece in words(frame.sentence) if "control" in piece}


def test_answering_divides_the_model():
    one, four = (plan.frame(cards=cards) for cards in "14")
    assert one.sentence_said == "It does not fit: 29.58 GiB of the 53.22 GiB run over the rim."
    assert four.sentence_said.startswith("It fits: ")
    assert "tensor_parallel=4" in four.code


def test_the_heads_of_a_model_say_how_many_cards_there_can_be():
    """Gemma-3-27B has 32 heads and 16 key-value heads: six cards cannot share them evenly."""
    with pytest.raises(InputError, match=r"^cards must be 1, 2, 4, 8, 16 or 32 for Gemma-3-27B, not 6: [^.]*\.$"):
        plan.frame(cards="6")
    assert "between 1, 2, 4, 8, 16 or 32 cards" in plan.frame().hints[-1]


OFFERED = {"one copy": (1, 2, 4, 8, 16, 32), "three copies": (1, 3, 6, 12, 24, 48)}


@pytest.mark.parametrize(("copies", "numbers"), list(OFFERED.items()))
def test_the_handle_offers_only_what_has_a_picture(copies, numbers):
    places = plan.frame(copies=copies).shapes["cards"]["handle"]["places"]
    assert [place[0] for place in places] == list(map(str, numbers))
    for number in numbers:
        assert plan.frame(copies=copies, cards=str(number)).shapes["cards"]["handle"]["places"] == places


def test_training_shares_its_states():
    """Sixteen bytes for each of 8.03 billion parameters over eight cards, as in the ZeRO paper's stage 3."""
    memory = eval(plan.frame(**TUNING).code, NAMES)
    states = sum(memory[term] for term in ("weights", "gradients", "optimizer"))
    assert states == pytest.approx(2 * 8_030_261_248, rel=1e-6)
    assert memory["activations"] > 0


@pytest.mark.parametrize(("model", "task"), [("Falcon-7B", TASKS[2]), ("Mamba-2.8B", TASKS[1])])
def test_what_is_not_known_is_said_and_drawn(model, task):
    frame = plan.frame(model=model, task=task, gpu="MI300X", cards="8")
    assert "activations='none'" in frame.code
    assert frame.sentence_said.startswith("Nobody knows whether it fits: ")
    assert frame.shapes["card_1_mark"]["text"] == "?"
    assert not any("holds at most" in line for line in frame.hints)
    assert not shown(frame) & {"context", "batch", "recompute"}


def test_the_states_of_adapters_need_less_than_a_tenth():
    """QLoRA keeps a base of four bits, and states of the adapters alone."""
    states = ("weights", "gradients", "optimizer")
    full, adapters = (plan.frame(model="LLaMA-7B", task=task).code for task in (TASKS[1], TASKS[3]))
    small, large = (sum(eval(code, NAMES)[name] for name in states) for code in (adapters, full))
    assert small < large / 10


def test_only_controls_that_act_are_shown():
    wished = {"task", "budget", "model", "gpu", "cards"}
    answers = {"batch", "context", "speed", "weights", "kv_cache"}
    trains = {"batch", "context", "recipe", "optimizer", "recompute"}
    assert shown(plan.frame()) == wished | answers
    assert shown(plan.frame(cards="2")) == wished | answers | {"copies"}
    assert shown(plan.frame(**TUNING)) == wished | trains | {"zero"}
    assert shown(plan.frame(**TUNING | {"cards": "1"})) == wished | trains
    assert shown(plan.frame(task=TASKS[2])) == wished | trains | {"lora_rank"}


@pytest.mark.parametrize("task", TASKS)
def test_shown_controls_act(task):
    """Each control of the sentence changes the frame; those of words and of numbers are tried."""
    setting = plan.setting({"task": task, "model": "Llama-3.1-8B", "gpu": "H100 80 GB", "cards": "2"})
    frame = plan.data(setting)
    for name in shown(plan.frame(**setting)) - {"model", "gpu", "task"}:
        control = plan.controls[name]
        values = control.options if isinstance(control, Menu) else (control.grid[0], control.grid[-1])
        others = [_said(setting | {name: value}) for value in values]
        assert any(other and other != (frame["shapes"], frame["said"]) for other in others), name


def _said(setting):
    try:
        return tuple(plan.data(setting)[part] for part in ("shapes", "said"))
    except InputError:
        return None


def test_a_fit_never_goes_without_what_is_not_counted():
    """20.64 GiB of Q6_K leave less than driver and libraries may take, Q5_K_M leaves more."""
    tight, good = (plan.frame(weights=name).sentence_said for name in ("Q6_K", "Q5_K_M"))
    assert tight.startswith("It fits by its terms alone: ")
    assert tight.endswith("the dashed box may take 0.65 GiB.")
    assert good.endswith("and the dashed box has room there.")


def test_presets_are_the_briefs_of_lesson_eight():
    said = {name: plan.frame(**setting).sentence_said for name, setting in plan.presets.items()}
    assert "53.22 GiB" in said["a chatbot"]
    assert "256.42 GiB" in said["50 people"]
    assert "of each of 8 cards" in said["fine-tuning"]
    assert plan.frame(**TUNING | {"recompute": "layers computed again"}).sentence_said.startswith("It fits: 7.75 GiB")


def test_two_cards_hold_the_service_in_eight_bits_alone():
    two = SERVICE | {"cards": "2"}
    for change in ({"weights": "FP8"}, {"kv_cache": "FP8"}):
        assert plan.frame(**two | change).sentence_said.startswith("It does not fit")
    assert plan.frame(**two | {"weights": "FP8", "kv_cache": "FP8"}).sentence_said.startswith("It fits")


def test_stages_share_more_and_more():
    needed = []
    for stage in SHARED:
        frame = plan.frame(**TUNING | {"zero": stage})
        needed.append(sum(eval(frame.code, NAMES).values()))
    assert needed == sorted(needed, reverse=True)
    assert len(set(needed)) == len(SHARED)


@pytest.mark.parametrize("task", TASKS)
def test_the_line_of_python_gives_what_is_shown(task):
    frame = plan.frame(task=task, cards="2", model="Llama-3.1-8B", gpu="RTX 4090")
    for term, size in eval(frame.code, NAMES).items():
        assert frame.shapes[f"label_{term}"]["text"].endswith(units.show(size))


@pytest.mark.parametrize(("name", "value"), [("task", "sing"), ("cards", "9"), ("zero", "some"), ("model", "x")])
def test_unknown_choices_are_named(name, value):
    with pytest.raises(InputError, match=f"{name} '{value}' is not known"):
        plan.data({name: value})


def test_the_guess_is_what_a_card_must_hold():
    guess = plan.frame().guess
    assert guess.truth == pytest.approx((54_018_692_608 + 3_120_562_176) / 2**30)
    assert guess.low < guess.truth


def values_of(name, control):
    if name in OTHERS:
        return st.sampled_from(OTHERS[name])
    return st.sampled_from(control.options if isinstance(control, Menu) else control.grid)


SETTINGS = st.fixed_dictionaries({name: values_of(name, control) for name, control in plan.controls.items()})


def data_or_sentence(setting, width):
    try:
        return plan.data(setting, width), ""
    except InputError as error:
        return None, str(error)


@settings(max_examples=60)
@given(SETTINGS, st.sampled_from(LAYOUTS))
def test_every_setting_has_a_picture_or_one_sentence(setting, width):
    data, sentence = data_or_sentence(setting, width)
    if data is None:
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return
    assert "card_1_driver" in data["shapes"]
    for name, shape in data["shapes"].items():
        assert all(shape.get(side, 0) >= 0 for side in ("width", "height")), name
        assert 0 <= shape.get("x", 0) <= width or shape.get("inside"), name
