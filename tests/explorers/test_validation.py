"""The explorer of the reality check: every row is a dot, every setting a frame."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memcalc import InputError, catalogue
from memcalc.estimate.measured import POLICIES
from memcalc.explorers import validation
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.validation import BOTH, LEFT, STEP, VIEWS, told
from memcalc.explorers.validation.axis import written
from memcalc.explorers.validation.dots import filters

UNIT = {line["name"]: line["unit"] for line in catalogue.rows("measured_quantities")}
IDS = [line["id"] for line in catalogue.rows("measured")]


def named(data):
    return {piece["control"] for piece in data["sentence"] if "control" in piece}


@pytest.mark.parametrize("view", [BOTH, LEFT])
@pytest.mark.parametrize("width", LAYOUTS)
def test_every_measured_row_is_a_dot_that_says_what_it_is_and_tells_its_story(view, width):
    shapes = validation.frame(width=width, view=view).shapes
    for line in catalogue.rows("measured"):
        dot = shapes[line["id"]]
        assert dot["press"] == {"row": line["id"]}
        assert dot["says"].startswith(f"{line['id']}: {line['model']}")
        assert written(float(line["measured"]), UNIT[line["quantity"]]) in dot["says"]
        assert line["inputs"].replace("; ", ", ").replace("=", " ") in " ".join(told.notes(told.told(line["id"])))


def test_the_first_frame_is_small_enough_for_a_static_page():
    """Of 150 kB, the page's script and styles take 71."""
    data = json.dumps(validation.data({}, 860), ensure_ascii=False, separators=(",", ":"))
    assert len(data.encode()) < 78_000


@given(st.sampled_from(sorted(filters())))
@settings(max_examples=20, deadline=None)
def test_a_filter_hides_the_others(name):
    shapes = validation.frame(filter=name, row="R003").shapes
    hidden = {group for group, shape in shapes.items() if shape.get("display") == "none"}
    visible = {one for one in IDS if shapes[one]["inside"] not in hidden}
    assert visible - {row.id for row in filters()[name]} <= {row.id for row in filters()["process peak"]}
    assert visible >= {row.id for row in filters()[name]}


@given(
    st.sampled_from(VIEWS),
    st.sampled_from(sorted(filters())),
    st.sampled_from(IDS),
    st.integers(1, 2**17),
    st.sampled_from(sorted(POLICIES)),
    st.integers(0, 55),
    st.sampled_from(LAYOUTS),
)
@example(VIEWS[-1], "activations", "A001", 71_016, "keep all", 0, 360)  # the highest film on the lowest screen
@settings(max_examples=60, deadline=None)
def test_every_setting_gives_a_frame(view, filter, row, context, activations, moment, width):
    state = {
        "view": view,
        "filter": filter,
        "row": row,
        "context": context,
        "activations": activations,
        "moment": moment,
    }
    data = validation.data(state, width)
    json.dumps(data, allow_nan=False)
    assert data["size"][0] == width
    for name, shape in data["shapes"].items():
        if shape["tag"] == "text" and not name.startswith("guess"):
            assert -1 <= shape["x"] <= width + 1, name
            assert 0 <= shape["y"] <= data["size"][1], name


def test_only_the_controls_that_act_stand_in_the_sentence():
    assert named(validation.data({})) == {"view", "filter", "row"}
    assert named(validation.data({"view": LEFT})) == {"view", "filter", "row"}
    assert named(validation.data({"view": STEP})) == {"view", "context", "activations", "moment"}


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_asks_for_a_guess_whose_answer_is_within_its_ends(view):
    guess = validation.frame(view=view).guess
    assert guess.low <= guess.truth <= guess.high


def test_of_all_rows_it_is_asked_how_many_are_exact():
    exact = sum(row.measured == row.predicted for row in filters()["every row"])
    assert validation.frame(view=LEFT).guess.truth == exact


@pytest.mark.parametrize(
    "state", [{"row": "X1"}, {"view": "neither"}, {"filter": "blue"}, {"moment": 56}, {"context": 0}]
)
def test_a_bad_setting_is_one_sentence(state):
    with pytest.raises(InputError):
        validation.data(state)
