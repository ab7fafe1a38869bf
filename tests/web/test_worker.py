"""The worker's side in Python: a question in, a frame out, always JSON; in the browser, tests/test_page.py asks it."""

import json

import pytest

from memcalc.web.worker import answer
from scenes import EXPLORERS

EACH = pytest.mark.parametrize("shown", EXPLORERS, ids=[shown.subject for shown in EXPLORERS])


def ask(subject, state, width=860):
    return json.loads(answer(json.dumps({"subject": subject, "state": state, "start": {}, "width": width})))


@EACH
def test_a_preset_is_answered_as_the_widget_would(shown):
    for preset in shown.stage["presets"].values():
        assert ask(shown.subject, preset) == json.loads(json.dumps(shown.answer(preset, {})))


def test_nonsense_is_answered_by_a_sentence():
    assert ask("fit", {"context": "x"})["problem"] == ("context must be a whole number from 128 to 1,048,576, not 'x'.")
