"""What belongs to an explorer: presets that it can show, shapes that its picture has."""

import pytest

from memcalc.explorers.frame import explorer
from scenes import SCENES


@pytest.mark.parametrize(("shown", "start"), SCENES)
def test_every_shape_is_in_the_picture(shown, start):
    frame = shown.frame(**start)
    for name in frame.shapes:
        assert f'<g id="{name}">' in frame.svg.text


@pytest.mark.parametrize(("shown", "start"), SCENES)
def test_every_preset_makes_sense_and_names_controls(shown, start):
    assert len(shown.presets) >= 2
    for preset in shown.presets.values():
        assert preset.keys() <= start.keys()
        shown(**start | preset)


def test_an_explorer_is_its_function_with_presets_and_menus():
    @explorer(presets={"one": {"batch": 1}})
    def shown(*, batch):
        return batch

    assert shown.frame(batch=3) == 3
    assert (shown.presets, shown.menus) == ({"one": {"batch": 1}}, {})
