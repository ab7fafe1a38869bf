"""The bytes of one parameter."""

from itertools import pairwise

import pytest

from memcalc import Model, Training
from memcalc.explorers.marks import Marks
from memcalc.explorers.optimizer import one_parameter
from memcalc.explorers.optimizer.one_parameter import Strip
from memcalc.explorers.optimizer.states import States

PAPER = Model.nominal(7_500_000_000)
FLAT, DOWN = Strip(12, 28, 30, 20, down=False), Strip(112, 8, 16, 10, down=True)


def drawn(strip=FLAT, **run):
    marks = Marks(360 if strip.down else 860)
    one_parameter.draw(marks, States(PAPER, Training(**run)), strip)
    return marks.shapes


@pytest.mark.parametrize("strip", [FLAT, DOWN], ids=["flat", "down"])
def test_a_square_is_a_byte(strip):
    shapes = drawn(strip)
    assert [shapes[f"part_{part}"]["width"] / strip.side for part in range(5)] == [2, 2, 4, 4, 4]
    assert [shapes[f"part_{part}"]["height"] for part in range(5)] == [strip.side] * 5
    assert shapes["part_4_squares"]["d"].count("M") == 3, "three lines part four bytes"


def test_of_what_is_shared_a_card_keeps_its_part():
    shapes = drawn(zero=1, data_parallel=5)
    assert [shapes[f"part_{part}_kept"]["height"] for part in range(5)] == [30, 30, 6, 6, 6]
    assert shapes["part_2_size"]["text"] == "4 ÷ 5"
    assert shapes["part_2"]["says"] == "master copy: 4 ÷ 5 bytes on each card"
    assert shapes["part_0_size"]["text"] == "2 bytes"


@pytest.mark.parametrize(
    ("run", "said"), [({}, "16 bytes"), ({"recipe": "megatron"}, "18 bytes"), ({"recipe": "bf16"}, "8 bytes")]
)
def test_the_sum(run, said):
    """16: Rajbhandari et al., section 3.1; 18: NVIDIA/Megatron-LM#654."""
    assert drawn(**run)["bytes"]["text"] == said


def test_megatron_keeps_six_and_twelve_parts():
    """NVIDIA/Megatron-LM#654: 6 + 12/d bytes for a parameter with the distributed optimizer."""
    shapes = drawn(recipe="megatron", zero=1, data_parallel=8)
    assert shapes["bytes_kept"]["text"] == "each card keeps 7.5 of them"
    assert shapes["bytes_kept"]["answer"], "a guess must not see it"


def test_brackets_choose_a_stage_and_take_it_back():
    shapes = drawn(zero=2, data_parallel=8)
    pressed = [shapes[f"stage_{stage}_reach"]["press"]["zero"] for stage in (1, 2, 3)]
    assert pressed == ["1", "1", "3"]
    assert [shapes[f"stage_{stage}"]["look"] for stage in (1, 2, 3)] == ["lead", "ink", "lead"]
    assert [shapes[f"stage_{stage}_word"]["look"] for stage in (1, 2, 3)] == ["press", "middling", "press"]
    assert shapes["stage_2_reach"]["says"] == "stage 2 of ZeRO shares optimizer and gradients"
    assert {shapes[f"stage_{stage}_reach"]["group"] for stage in (1, 2, 3)} == {"stages"}


def test_what_a_card_keeps_stays_in_the_picture():
    marks = Marks(600)
    narrow = Strip(12, 28, 19, 15, down=False)
    one_parameter.draw(marks, States(PAPER, Training(zero=3, data_parallel=1024)), narrow)
    words = marks.shapes["bytes_kept"]
    assert words["text"] == "each card keeps 0.0156"
    assert words["x"] + 6.4 * len(words["text"]) < 600  # as wide as it is drawn


def test_words_do_not_touch_where_a_part_is_narrow():
    shapes = drawn(recipe="bf16", optimizer="8-bit AdamW", zero=3, data_parallel=1024)
    starts = [shapes[f"part_{part}_word"]["x"] for part in range(4)]
    assert starts == sorted(starts)
    assert min(b - a for a, b in pairwise(starts)) > 76, "as wide as the word momentum is drawn"
