"""What an explorer is: settings and presets that make sense, frames that are plain data and need SymPy alone."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from memcalc import InputError, explorers
from memcalc.explorers.controls import Menu, Number
from memcalc.explorers.frame import LAYOUTS, Frame, changes, explorer
from memcalc.explorers.marks import Marks
from memcalc.explorers.words import plain
from memcalc.formula.symbols import GLOSSARY
from memcalc.web.pages import one_away
from scenes import EXPLORERS

EACH = pytest.mark.parametrize("shown", EXPLORERS, ids=[shown.subject for shown in EXPLORERS])
LIBRARIES = ("matplotlib", "pandas", "numpy", "anywidget", "IPython", "pybtex", "traitlets", "ipywidgets", "tabulate")
FRAMES_WITHOUT = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
from memcalc import explorers
for name in explorers.__all__:
    assert getattr(explorers, name).data({{}})["said"]
"""


def whole(base, frame):
    """A frame whole again, of what it differs in from another, as the page makes it."""

    def merged(before, changed):
        changed = dict(changed)
        gone = changed.pop("", [])
        found = {name: value for name, value in before.items() if name not in gone}
        for name, value in changed.items():
            if isinstance(value, dict) and isinstance(found.get(name), dict):
                found[name] = merged(found[name], value)
            else:
                found[name] = value
        return found

    frame = dict(frame)
    new = frame.pop("new", {})
    found = merged(base, frame)
    names = [name for name in found["shapes"] if name not in new]
    for name, below in new.items():
        names.insert(names.index(below) + 1 if below else 0, name)
    return found | {"shapes": {name: found["shapes"][name] for name in names}}


def test_frames_need_sympy_alone():
    """Whichever of the others is asked for, the error says its name."""
    without = FRAMES_WITHOUT.format(libraries=LIBRARIES)
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@EACH
@pytest.mark.parametrize("width", LAYOUTS)
def test_frames_are_json_and_whole_again_of_what_changed(shown, width, monkeypatch):
    base, made, make = shown.base(width, ()), [], type(shown).data
    monkeypatch.setattr(type(shown), "data", lambda *asked: made.append(make(*asked)) or made[-1])
    assert json.loads(json.dumps(base)) == json.loads(json.dumps(base | {}))
    for state in one_away(shown):
        frame = shown.answer(state, {}, width)
        if frame.get("problem", False):
            continue
        data, there = made[-1], whole(base, frame)  # `answer` had to make the whole one, too
        assert there["shapes"] == data["shapes"], state
        assert list(there["shapes"]) == list(data["shapes"]), "shapes that both have come in the same order"
        assert {**there, "state": 0} == {**data, "state": 0}, state


@EACH
def test_every_preset_is_a_whole_setting_that_makes_sense(shown):
    assert len(shown.presets) >= 2
    for preset in shown.stage["presets"].values():
        assert preset.keys() == shown.start.keys(), "the same, whatever was pressed before"
        assert shown.data(preset)["problem"] == ""


@EACH
def test_no_control_has_a_mark_that_is_refused_beside_the_start(shown):
    """A menu may have a choice that a sentence refuses; a slider has none."""
    for name, control in shown.controls.items():
        if isinstance(control, Number):
            ends = control.grid or (control.low, shown.data({})["highest"].get(name, control.high))
            for value in ends:
                shown.data({name: value})


@EACH
def test_every_control_is_in_the_sentence_or_the_frame_says_that_it_does_not_act(shown):
    data = shown.data({})
    named = {piece["control"] for piece in data["sentence"] if isinstance(piece, dict) and "control" in piece}
    assert named <= shown.controls.keys()
    assert named, "a sentence of controls"


@EACH
def test_what_is_touched_has_a_name_and_a_control(shown):
    for width in LAYOUTS:
        shapes = shown.data({}, width)["shapes"]
        for name, shape in shapes.items():
            if "handle" in shape:
                assert shape["handle"]["control"] in shown.controls, name
                assert shape["says"], name
            if "press" in shape:
                assert shape["press"].keys() <= shown.controls.keys(), name
                assert shape["says"], name
                shown.setting(shape["press"])
            assert shape.get("inside", name) in shapes, name


@EACH
def test_every_letter_that_a_shape_lights_has_a_meaning(shown):
    known = {str(letter) for letter in GLOSSARY}
    for name, shape in shown.data({})["shapes"].items():
        assert set(shape.get("lights", "").split()) <= known, name


@EACH
def test_the_line_of_python_opens_the_same_explorer(shown):
    for preset in shown.presets.values():
        data = shown.data(preset)
        call = data["code"].splitlines()[-1]
        given = eval(call.partition("(")[0] and f"dict({call.partition('(')[2]}")
        assert call.startswith(f"explorers.{shown.subject}(")
        assert shown.data(given) == data


@EACH
def test_nothing_in_a_frame_is_lost_on_its_way_out_of_python_in_a_browser(shown):
    """There None becomes undefined, which JSON leaves out."""
    for preset in ({}, *shown.presets.values()):
        for width in LAYOUTS:
            parts = [shown.data(preset, width), shown.stage, shown.answer(preset, shown.start, width)]
            assert "null" not in json.dumps(parts)


@EACH
def test_the_same_setting_gives_the_same_frame(shown):
    assert shown.data({}) == shown.data(dict(reversed(shown.start.items())))


def test_names_and_values_that_cannot_be():
    with pytest.raises(InputError, match="control 'colour' is not known"):
        explorers.fit.setting({"colour": "red"})
    answer = explorers.fit.answer({"context": -1}, {})
    assert answer["problem"] == "context must be a whole number from 128 to 1,048,576, not -1."
    assert "Known" not in explorers.fit.answer({"model": "Lama"}, {})["problem"]
    assert explorers.fit.answer({"gpu": "fast card"}, {})["problem"] == "gpu 'fast card' is not known."


def test_an_explorer_is_its_function_with_a_sentence_presets_and_controls():
    @explorer("{batch} of {kind}", presets={"one": {"batch": 1}}, kind=Menu("kind", ("a", "b")))
    def shown(*, width=860, batch=3, kind="a"):
        return Frame(Marks(width), 10, f"{batch} {kind}", "code")

    assert shown.start == {"batch": 3, "kind": "a"}
    assert shown.stage["presets"] == {"one": {"batch": 1, "kind": "a"}}
    assert plain(shown.data({"kind": "b"})["said"]) == "3 b"
    assert changes(shown.data({}), shown.data({})) == {}
    assert replace(shown.frame(), said="*x*").sentence_said == "x"
